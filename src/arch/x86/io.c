// SPDX-License-Identifier: GPL-2.0-only
/* Ports: asked of a device in the kernel, or of the VMM. */
#include <linux/kvm.h>
#include "svm.h"

static int ask_vmm(struct vcpu *vcpu, u32 data)
{
	struct kvm_run *run = vcpu->run;

	vcpu->arch.io.pending = true;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = vcpu->arch.io.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = vcpu->arch.io.size;
	run->io.port = vcpu->arch.io.port;
	run->io.count = 1;
	run->io.data_offset = PAGE_SIZE;
	if (!vcpu->arch.io.in)
		memcpy((void *)run + PAGE_SIZE, &data, vcpu->arch.io.size);
	return 0;
}

static int finish_io(struct vcpu *vcpu, u32 data)
{
	struct arch_vcpu *arch = &vcpu->arch;
	u64 *rax = &arch->regs[REG_RAX];
	u64 mask = GENMASK_ULL(arch->io.size * 8 - 1, 0);

	arch->io.pending = false;
	if (arch->io.in && arch->io.size == 4)
		*rax = data;
	else if (arch->io.in)
		*rax = (*rax & ~mask) | (data & mask);
	return event_retire(vcpu, arch->io.next_rip);
}

/**
 * svm_exit_io() - the guest reads or writes a port
 * @vcpu: which has been stopped by it
 *
 * Returns: as arch_vcpu_run().
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
int svm_exit_io(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb *vmcb = arch->vmcb;
	u32 info = vmcb->control.exit_info_1;
	u32 data = arch->regs[REG_RAX];

	if (info & SVM_IOIO_STR_MASK)
		return emulate(vcpu);
	arch->io.in = info & SVM_IOIO_TYPE_MASK;
	arch->io.size = (info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT;
	arch->io.port = info >> 16;
	arch->io.next_rip = vmcb->control.exit_info_2;
	arch->io.linear_rip = vmcb->save.cs.base + vmcb->save.rip;
	if (bus_io(vcpu->vm, BUS_PORTS, arch->io.port, arch->io.size,
		   !arch->io.in, &data))
		return finish_io(vcpu, data);
	return ask_vmm(vcpu, data);
}

int arch_vcpu_complete_io(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb_save_area *save = &arch->vmcb->save;
	u64 cr8;
	u32 data;

	cr8 = READ_ONCE(vcpu->run->cr8);
	if (cr8 > V_TPR_MASK)
		return -EINVAL;
	arch->vmcb->control.int_ctl &= ~V_TPR_MASK;
	arch->vmcb->control.int_ctl |= cr8;
	if (arch->emul.pending)
		return emulate_answer(vcpu);
	if (!arch->io.pending)
		return 1;
	arch->io.pending = false;
	memcpy(&data, (void *)vcpu->run + PAGE_SIZE, sizeof(data));
	if (save->cs.base + save->rip == arch->io.linear_rip)
		return finish_io(vcpu, data);
	return 1;
}
