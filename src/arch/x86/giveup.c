// SPDX-License-Identifier: GPL-2.0-only
/* What Twill cannot do, it tells the VMM. */
#include <linux/kvm.h>
#include "svm.h"

/**
 * svm_unexpected() - an exit that Twill does not know
 * @vcpu: not running
 *
 * Returns: 0, with KVM_EXIT_INTERNAL_ERROR for the VMM.
 * Holds: vcpu->lock.
 */
int svm_unexpected(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu->run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	vcpu->run->internal.ndata = 2;
	vcpu->run->internal.data[0] = vcpu->arch.vmcb->control.exit_code;
	vcpu->run->internal.data[1] = vcpu->arch.last_cpu;
	return 0;
}

/**
 * svm_undelivered() - an event cannot be delivered, and no device can help
 * @vcpu: not running; the event waits
 *
 * Returns: 0, with KVM_EXIT_INTERNAL_ERROR for the VMM.
 * Holds: vcpu->lock.
 */
int svm_undelivered(struct vcpu *vcpu)
{
	const struct vmcb_control_area *control = &vcpu->arch.vmcb->control;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	run->internal.ndata = 5;
	run->internal.data[0] = control->exit_int_info;
	run->internal.data[1] = control->exit_code;
	run->internal.data[2] = control->exit_info_1;
	run->internal.data[3] = control->exit_info_2;
	run->internal.data[4] = vcpu->arch.last_cpu;
	return 0;
}

/**
 * svm_cannot_emulate() - this is where our knowledge of instructions ends
 * @vcpu: not running; its RIP is at the instruction
 * @bytes: as much of it as has been read; or NULL
 * @n: how many; up to 15
 *
 * Returns: as arch_vcpu_run().
 */
int svm_cannot_emulate(struct vcpu *vcpu, const u8 *bytes, unsigned int n)
{
	struct kvm_run *run = vcpu->run;

	if (vcpu->arch.vmcb->save.cpl)
		return event_raise(vcpu, UD_VECTOR, 0);
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = n ? 3 : 1;
	if (n) {
		run->emulation_failure.flags =
			KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = n;
		memcpy(run->emulation_failure.insn_bytes, bytes, n);
	}
	return 0;
}
