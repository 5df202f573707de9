// SPDX-License-Identifier: GPL-2.0-only
/* Why the guest stopped, and what to do about it. */
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <asm/trap_pf.h>
#include "svm.h"

/* Returns: as event_retire(). */
static int pass(struct vcpu *vcpu, unsigned int length)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;

	return event_retire(vcpu, vmcb->control.next_rip ?:
				  vmcb->save.rip + length);
}

static int exit_cpuid(struct vcpu *vcpu)
{
	u64 *regs = vcpu->arch.regs;
	struct kvm_cpuid_entry2 answer = {};
	const struct kvm_cpuid_entry2 *entry;

	entry = cpuid_find(&vcpu->arch, regs[REG_RAX], regs[REG_RCX]);
	if (entry) {
		answer = *entry;
		cpuid_adjust(&vcpu->arch, &answer);
	}
	regs[REG_RAX] = answer.eax;
	regs[REG_RBX] = answer.ebx;
	regs[REG_RCX] = answer.ecx;
	regs[REG_RDX] = answer.edx;
	return pass(vcpu, 2);
}

static int exit_msr(struct vcpu *vcpu)
{
	u64 *regs = vcpu->arch.regs;
	u32 index = regs[REG_RCX];
	u64 value;

	if (vcpu->arch.vmcb->control.exit_info_1) {
		value = regs[REG_RDX] << 32 | (u32)regs[REG_RAX];
		if (!msr_write(vcpu, index, value))
			return event_raise(vcpu, GP_VECTOR, 0);
	} else {
		if (!msr_read(vcpu, index, &value))
			return event_raise(vcpu, GP_VECTOR, 0);
		regs[REG_RAX] = (u32)value;
		regs[REG_RDX] = value >> 32;
	}
	return pass(vcpu, 2);
}

static int exit_xsetbv(struct vcpu *vcpu)
{
	u64 *regs = vcpu->arch.regs;
	u64 value = regs[REG_RDX] << 32 | (u32)regs[REG_RAX];

	if (vcpu->arch.vmcb->save.cpl || (u32)regs[REG_RCX] ||
	    !xcr0_is_good(&vcpu->arch, value))
		return event_raise(vcpu, GP_VECTOR, 0);
	vcpu->arch.xcr0 = value;
	return pass(vcpu, 3);
}

static int exit_vmmcall(struct vcpu *vcpu)
{
	bool wide = vcpu->arch.vmcb->save.cs.attrib & SVM_SELECTOR_L_MASK;
	u64 answer = vcpu->arch.vmcb->save.cpl ? -KVM_EPERM : -KVM_ENOSYS;

	vcpu->arch.regs[REG_RAX] = wide ? answer : (u32)answer;
	return pass(vcpu, 3);
}

static int exit_hlt(struct vcpu *vcpu)
{
	note(guest_halts, vcpu);
	pass(vcpu, 1);
	if (event_ready(vcpu) &&
	    (vcpu->arch.events.page_ready || async_pf_told(vcpu))) {
		if (!vcpu->arch.events.page_ready)
			vcpu_sleep(vcpu);
		return 1;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

static int exit_npf(struct vcpu *vcpu)
{
	struct vmcb_control_area *control = &vcpu->arch.vmcb->control;
	bool write = control->exit_info_1 & X86_PF_WRITE;
	int r = fault_handle(vcpu, control->exit_info_2, write);

	if (r)
		return r;
	if (control->exit_int_info & SVM_EXITINTINFO_VALID)
		return svm_undelivered(vcpu);
	return emulate(vcpu);
}

static void put_back(struct arch_vcpu *arch)
{
	*arch->vmcb = arch->asked->vmcb;
	arch->events = arch->asked->events;
	arch->regs[REG_RAX] = arch->vmcb->save.rax;
	arch->regs[REG_RSP] = arch->vmcb->save.rsp;
}

static int exit_refused(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = SVM_EXIT_ERR;
	run->fail_entry.cpu = vcpu->arch.last_cpu;
	if (vcpu->arch.unproved)
		put_back(&vcpu->arch);
	else
		svm_reset(vcpu);
	return 0;
}

/**
 * svm_handle_exit() - see why the guest stopped
 * @vcpu: which has just been left
 *
 * Returns: as arch_vcpu_run().
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
int svm_handle_exit(struct vcpu *vcpu)
{
	struct vmcb_control_area *control = &vcpu->arch.vmcb->control;

	if (control->exit_code == SVM_EXIT_ERR)
		return exit_refused(vcpu);
	vcpu->arch.unproved = false;
	event_left(vcpu);
	switch (control->exit_code) {
	case SVM_EXIT_INTR:
	case SVM_EXIT_NMI:
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
		return 1;
	case SVM_EXIT_HLT:
		return exit_hlt(vcpu);
	case SVM_EXIT_FERR_FREEZE:
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return 0;
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_RSM:
	case SVM_EXIT_RDPRU:
		return event_raise(vcpu, UD_VECTOR, 0);
	case SVM_EXIT_RDPMC:
		return event_raise(vcpu, GP_VECTOR, 0);
	case SVM_EXIT_EXCP_BASE + AC_VECTOR:
		return event_raise(vcpu, AC_VECTOR, 0);
	case SVM_EXIT_EXCP_BASE + MC_VECTOR:
		return 1;
	case SVM_EXIT_MONITOR:
	case SVM_EXIT_MWAIT:
		return pass(vcpu, 3);
	case SVM_EXIT_IOIO:
		return svm_exit_io(vcpu);
	case SVM_EXIT_NPF:
		return exit_npf(vcpu);
	case SVM_EXIT_CPUID:
		return exit_cpuid(vcpu);
	case SVM_EXIT_MSR:
		return exit_msr(vcpu);
	case SVM_EXIT_XSETBV:
		return exit_xsetbv(vcpu);
	case SVM_EXIT_READ_CR0:
	case SVM_EXIT_WRITE_CR0:
	case SVM_EXIT_WRITE_CR4:
	case SVM_EXIT_WRITE_CR8:
	case SVM_EXIT_CR0_SEL_WRITE:
		return emulate(vcpu);
	case SVM_EXIT_VMMCALL:
		return exit_vmmcall(vcpu);
	case SVM_EXIT_READ_DR0 ... SVM_EXIT_WRITE_DR7:
		svm_own_dr(&vcpu->arch);
		return 1;
	case SVM_EXIT_INVD:
	case SVM_EXIT_WBINVD:
		return pass(vcpu, 2);
	case SVM_EXIT_SHUTDOWN:
		svm_reset(vcpu);
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	case SVM_EXIT_VINTR:
		return 1;
	case SVM_EXIT_IRET:
		return event_iret(vcpu);
	case SVM_EXIT_EXCP_BASE + DB_VECTOR:
		return event_debug(vcpu);
	case SVM_EXIT_PUSHF:
	case SVM_EXIT_POPF:
	case SVM_EXIT_SWINT:
		return event_shows(vcpu);
	case SVM_EXIT_EXCP_BASE + DE_VECTOR:
	case SVM_EXIT_EXCP_BASE + BP_VECTOR ... SVM_EXIT_EXCP_BASE + MF_VECTOR:
	case SVM_EXIT_EXCP_BASE + XM_VECTOR ... SVM_EXIT_EXCP_BASE + 31:
		return event_fault(vcpu, control->exit_code - SVM_EXIT_EXCP_BASE);
	}
	return svm_unexpected(vcpu);
}
