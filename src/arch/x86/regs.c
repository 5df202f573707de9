// SPDX-License-Identifier: GPL-2.0-only
/* Registers as the VMM reads and writes them. */
#include <linux/kvm.h>
#include <linux/uaccess.h>
#include "svm.h"

/* The numbers of the registers, in the order of struct kvm_regs. */
static const u8 reg_number[] = {
	REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RSP, REG_RBP,
	8, 9, 10, 11, 12, 13, 14, 15,
};

static void get_regs(struct arch_vcpu *arch, struct kvm_regs *regs)
{
	u64 *field = (u64 *)regs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reg_number); i++)
		field[i] = arch->regs[reg_number[i]];
	regs->rip = arch->vmcb->save.rip;
	regs->rflags = arch->vmcb->save.rflags;
}

static void set_regs(struct arch_vcpu *arch, const struct kvm_regs *regs)
{
	const u64 *field = (const u64 *)regs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reg_number); i++)
		arch->regs[reg_number[i]] = field[i];
	arch->vmcb->save.rip = regs->rip;
	arch->vmcb->save.rflags = regs->rflags | X86_EFLAGS_FIXED;
}

static void get_segment(const struct vmcb_seg *seg, struct kvm_segment *to)
{
	to->base = seg->base;
	to->limit = seg->limit;
	to->selector = seg->selector;
	to->type = seg->attrib & SVM_SELECTOR_TYPE_MASK;
	to->s = seg->attrib >> SVM_SELECTOR_S_SHIFT & 1;
	to->dpl = seg->attrib >> SVM_SELECTOR_DPL_SHIFT & 3;
	to->present = seg->attrib >> SVM_SELECTOR_P_SHIFT & 1;
	to->avl = seg->attrib >> SVM_SELECTOR_AVL_SHIFT & 1;
	to->l = seg->attrib >> SVM_SELECTOR_L_SHIFT & 1;
	to->db = seg->attrib >> SVM_SELECTOR_DB_SHIFT & 1;
	to->g = seg->attrib >> SVM_SELECTOR_G_SHIFT & 1;
	to->unusable = !to->present;
}

static void set_segment(struct vmcb_seg *seg, const struct kvm_segment *from)
{
	bool present = from->present && !from->unusable;

	seg->base = from->base;
	seg->limit = from->limit;
	seg->selector = from->selector;
	seg->attrib = (from->type & SVM_SELECTOR_TYPE_MASK) |
		      (from->s & 1) << SVM_SELECTOR_S_SHIFT |
		      (from->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		      present << SVM_SELECTOR_P_SHIFT |
		      (from->avl & 1) << SVM_SELECTOR_AVL_SHIFT |
		      (from->l & 1) << SVM_SELECTOR_L_SHIFT |
		      (from->db & 1) << SVM_SELECTOR_DB_SHIFT |
		      (from->g & 1) << SVM_SELECTOR_G_SHIFT;
}

/* Places in the VMCB, in the order cs, ds, es, fs, gs, ss, tr, ldt. */
static const u8 seg_number[] = { 1, 3, 0, 4, 5, 2, 9, 7 };
#define TSS_BUSY 2	/* in tr's type */

static void get_segments(struct vmcb_save_area *save, struct kvm_sregs *sregs)
{
	const struct vmcb_seg *seg = &save->es;
	struct kvm_segment *to = &sregs->cs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seg_number); i++)
		get_segment(&seg[seg_number[i]], &to[i]);
	sregs->ss.dpl = save->cpl;
	sregs->tr.type |= TSS_BUSY;
}

static void set_segments(struct vmcb_save_area *save,
			 const struct kvm_sregs *sregs)
{
	struct vmcb_seg *seg = &save->es;
	const struct kvm_segment *from = &sregs->cs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seg_number); i++)
		set_segment(&seg[seg_number[i]], &from[i]);
	save->cpl = sregs->ss.dpl & 3;
	save->tr.attrib &= ~TSS_BUSY;
}

static void get_sregs(struct arch_vcpu *arch, struct kvm_sregs *sregs)
{
	struct vmcb_save_area *save = &arch->vmcb->save;

	memset(sregs, 0, sizeof(*sregs));
	get_segments(save, sregs);
	sregs->gdt.base = save->gdtr.base;
	sregs->gdt.limit = save->gdtr.limit;
	sregs->idt.base = save->idtr.base;
	sregs->idt.limit = save->idtr.limit;
	sregs->cr0 = save->cr0 | arch->hidden_cr0;
	sregs->cr2 = save->cr2;
	sregs->cr3 = save->cr3;
	sregs->cr4 = save->cr4;
	sregs->cr8 = arch->vmcb->control.int_ctl & V_TPR_MASK;
	sregs->efer = save->efer & ~EFER_SVME;
	sregs->apic_base = arch->apic_base;
	if (arch->events.interrupt)
		__set_bit(arch->events.vector,
			  (unsigned long *)sregs->interrupt_bitmap);
}

static bool modes_agree(const struct arch_vcpu *arch,
			const struct kvm_sregs *sregs)
{
	bool long_mode = sregs->efer & EFER_LMA;

	if (sregs->efer & EFER_LME && sregs->cr0 & X86_CR0_PG)
		return sregs->cr4 & X86_CR4_PAE && long_mode &&
		       !(sregs->cr3 >> cpuid_phys_bits(arch));
	return !long_mode && !sregs->cs.l;
}

static int set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb_save_area *save = &arch->vmcb->save;
	unsigned long vector;

	if (!modes_agree(arch, sregs) || !cr0_is_good(sregs->cr0) ||
	    !cr4_is_good(arch, sregs->cr4) ||
	    !apic_base_is_good(arch, sregs->apic_base))
		return -EINVAL;
	set_segments(save, sregs);
	save->gdtr.base = sregs->gdt.base;
	save->gdtr.limit = sregs->gdt.limit;
	save->idtr.base = sregs->idt.base;
	save->idtr.limit = sregs->idt.limit;
	control_set_cr0(arch, sregs->cr0);
	save->cr2 = sregs->cr2;
	save->cr3 = sregs->cr3;
	save->cr4 = sregs->cr4;
	save->efer = sregs->efer | EFER_SVME;
	if (sregs->cr8 <= V_TPR_MASK) {
		arch->vmcb->control.int_ctl &= ~V_TPR_MASK;
		arch->vmcb->control.int_ctl |= sregs->cr8;
	}
	arch->apic_base = sregs->apic_base;
	arch->last_cpu = -1;
	vector = find_first_bit((unsigned long *)sregs->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS)
		event_interrupt(vcpu, vector);
	return 0;
}

static void get_fpu(struct arch_vcpu *arch, struct kvm_fpu *fpu)
{
	struct fxregs_state *fx = &arch->fpu.fpstate->regs.fxsave;

	memset(fpu, 0, sizeof(*fpu));
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fx->xmm_space));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	fpu->mxcsr = fx->mxcsr;
}

static void set_fpu(struct arch_vcpu *arch, const struct kvm_fpu *fpu)
{
	struct fpstate *state = arch->fpu.fpstate;
	struct fxregs_state *fx = &state->regs.fxsave;

	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fx->xmm_space));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	state->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
}

static long translate(struct vcpu *vcpu, struct kvm_translation __user *argp)
{
	struct kvm_translation t;
	int r;

	if (copy_from_user(&t, argp, sizeof(t)))
		return -EFAULT;
	r = guest_walk(vcpu, t.linear_address, 0, &t.physical_address);
	t.valid = r > 0;
	if (!t.valid)
		t.physical_address = ~0ULL;
	t.writeable = 1;
	t.usermode = 0;
	return copy_to_user(argp, &t, sizeof(t)) ? -EFAULT : 0;
}

long arch_vcpu_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	struct arch_vcpu *arch = &vcpu->arch;
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_fpu fpu;
		struct kvm_mp_state mp;
		struct kvm_interrupt interrupt;
		struct kvm_vcpu_events events;
	} u;

	switch (cmd) {
	case KVM_GET_REGS:
		get_regs(arch, &u.regs);
		return copy_to_user(argp, &u.regs, sizeof(u.regs)) ? -EFAULT : 0;
	case KVM_SET_REGS:
		if (copy_from_user(&u.regs, argp, sizeof(u.regs)))
			return -EFAULT;
		set_regs(arch, &u.regs);
		event_forget(vcpu);
		return 0;
	case KVM_GET_SREGS:
		get_sregs(arch, &u.sregs);
		return copy_to_user(argp, &u.sregs, sizeof(u.sregs)) ? -EFAULT : 0;
	case KVM_SET_SREGS:
		if (copy_from_user(&u.sregs, argp, sizeof(u.sregs)))
			return -EFAULT;
		arch->unproved = true;
		return set_sregs(vcpu, &u.sregs);
	case KVM_GET_FPU:
		get_fpu(arch, &u.fpu);
		return copy_to_user(argp, &u.fpu, sizeof(u.fpu)) ? -EFAULT : 0;
	case KVM_SET_FPU:
		if (copy_from_user(&u.fpu, argp, sizeof(u.fpu)))
			return -EFAULT;
		set_fpu(arch, &u.fpu);
		return 0;
	case KVM_GET_MP_STATE:
		u.mp.mp_state = KVM_MP_STATE_RUNNABLE;
		return copy_to_user(argp, &u.mp, sizeof(u.mp)) ? -EFAULT : 0;
	case KVM_SET_MP_STATE:
		if (copy_from_user(&u.mp, argp, sizeof(u.mp)))
			return -EFAULT;
		return u.mp.mp_state == KVM_MP_STATE_RUNNABLE ? 0 : -EINVAL;
	case KVM_SET_CPUID2:
		return cpuid_set(arch, argp);
	case KVM_GET_CPUID2:
		return cpuid_get(arch, argp);
	case KVM_TRANSLATE:
		return translate(vcpu, argp);
	case KVM_INTERRUPT:
		if (copy_from_user(&u.interrupt, argp, sizeof(u.interrupt)))
			return -EFAULT;
		if (u.interrupt.irq >= KVM_NR_INTERRUPTS)
			return -EINVAL;
		event_interrupt(vcpu, u.interrupt.irq);
		return 0;
	case KVM_NMI:
		event_nmi(vcpu);
		return 0;
	case KVM_GET_VCPU_EVENTS:
		event_get(vcpu, &u.events);
		return copy_to_user(argp, &u.events, sizeof(u.events)) ? -EFAULT : 0;
	case KVM_SET_VCPU_EVENTS:
		if (copy_from_user(&u.events, argp, sizeof(u.events)))
			return -EFAULT;
		return event_set(vcpu, &u.events);
	}
	return state_ioctl(vcpu, cmd, argp);
}
