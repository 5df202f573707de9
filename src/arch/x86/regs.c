// SPDX-License-Identifier: GPL-2.0-only
/* Registers as the VMM reads and writes them. */
#include <linux/kvm.h>
#include <linux/uaccess.h>
#include "svm.h"

#define FOR_EACH_REG(op) \
	op(rax, 0) op(rcx, 1) op(rdx, 2) op(rbx, 3) \
	op(rsp, 4) op(rbp, 5) op(rsi, 6) op(rdi, 7) \
	op(r8, 8) op(r9, 9) op(r10, 10) op(r11, 11) \
	op(r12, 12) op(r13, 13) op(r14, 14) op(r15, 15)

static void get_regs(struct arch_vcpu *arch, struct kvm_regs *regs)
{
#define GET(name, number) regs->name = arch->regs[number];
	FOR_EACH_REG(GET)
	regs->rip = arch->vmcb->save.rip;
	regs->rflags = arch->vmcb->save.rflags;
}

static void set_regs(struct arch_vcpu *arch, const struct kvm_regs *regs)
{
#define SET(name, number) arch->regs[number] = regs->name;
	FOR_EACH_REG(SET)
	arch->vmcb->save.rip = regs->rip;
	arch->vmcb->save.rflags = regs->rflags | X86_EFLAGS_FIXED;
	arch->vmcb->control.event_inj = 0;
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

#define FOR_EACH_SEG(op) \
	op(cs, cs) op(ds, ds) op(es, es) op(fs, fs) op(gs, gs) op(ss, ss) \
	op(tr, tr) op(ldtr, ldt)
#define FOR_EACH_PLAIN(op) op(cr0) op(cr2) op(cr3) op(cr4)

static void get_sregs(struct arch_vcpu *arch, struct kvm_sregs *sregs)
{
	struct vmcb_save_area *save = &arch->vmcb->save;

	memset(sregs, 0, sizeof(*sregs));
#define GET_SEG(field, name) get_segment(&save->field, &sregs->name);
	FOR_EACH_SEG(GET_SEG)
#define GET_PLAIN(name) sregs->name = save->name;
	FOR_EACH_PLAIN(GET_PLAIN)
	sregs->ss.dpl = save->cpl;
	sregs->gdt.base = save->gdtr.base;
	sregs->gdt.limit = save->gdtr.limit;
	sregs->idt.base = save->idtr.base;
	sregs->idt.limit = save->idtr.limit;
	sregs->efer = save->efer & ~EFER_SVME;
	sregs->cr8 = arch->vmcb->control.int_ctl & V_TPR_MASK;
	sregs->apic_base = arch->apic_base;
}
static bool contradictory(const struct kvm_sregs *sregs)
{
	bool long_mode = sregs->efer & EFER_LMA;

	if (sregs->efer & EFER_LME && sregs->cr0 & X86_CR0_PG)
		return !(sregs->cr4 & X86_CR4_PAE) || !long_mode ||
		       (sregs->cs.l && sregs->cs.db);
	return long_mode || sregs->cs.l;
}
static int set_sregs(struct arch_vcpu *arch, const struct kvm_sregs *sregs)
{
	struct vmcb_save_area *save = &arch->vmcb->save;

	if (contradictory(sregs))
		return -EINVAL;
#define SET_SEG(field, name) set_segment(&save->field, &sregs->name);
	FOR_EACH_SEG(SET_SEG)
#define SET_PLAIN(name) save->name = sregs->name;
	FOR_EACH_PLAIN(SET_PLAIN)
	save->cpl = sregs->ss.dpl & 3;
	save->gdtr.base = sregs->gdt.base;
	save->gdtr.limit = sregs->gdt.limit;
	save->idtr.base = sregs->idt.base;
	save->idtr.limit = sregs->idt.limit;
	save->efer = sregs->efer | EFER_SVME;
	arch->apic_base = sregs->apic_base;
	arch->vmcb->control.int_ctl &= ~V_TPR_MASK;
	arch->vmcb->control.int_ctl |= sregs->cr8 & V_TPR_MASK;
	arch->last_cpu = -1;
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
static int set_fpu(struct arch_vcpu *arch, const struct kvm_fpu *fpu)
{
	struct fpstate *state = arch->fpu.fpstate;
	struct fxregs_state *fx = &state->regs.fxsave;

	if (fpu->mxcsr & ~MXCSR_KNOWN)
		return -EINVAL;
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fx->xmm_space));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	fx->mxcsr = fpu->mxcsr;
	state->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

#define TO_VMM(what, get) do {						\
	get(arch, &(what));						\
	r = copy_to_user(argp, &(what), sizeof(what)) ? -EFAULT : 0;	\
} while (0)

#define FROM_VMM(what)							\
	(copy_from_user(&(what), argp, sizeof(what)) ? -EFAULT : 0)
long arch_vcpu_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	struct arch_vcpu *arch = &vcpu->arch;
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_fpu fpu;
		struct kvm_mp_state mp;
	} u;
	int r;

	switch (cmd) {
	case KVM_GET_REGS:
		TO_VMM(u.regs, get_regs);
		break;
	case KVM_SET_REGS:
		r = FROM_VMM(u.regs);
		if (!r)
			set_regs(arch, &u.regs);
		break;
	case KVM_GET_SREGS:
		TO_VMM(u.sregs, get_sregs);
		break;
	case KVM_SET_SREGS:
		r = FROM_VMM(u.sregs) ?: set_sregs(arch, &u.sregs);
		break;
	case KVM_GET_FPU:
		TO_VMM(u.fpu, get_fpu);
		break;
	case KVM_SET_FPU:
		r = FROM_VMM(u.fpu) ?: set_fpu(arch, &u.fpu);
		break;
	case KVM_GET_MP_STATE:
		u.mp.mp_state = KVM_MP_STATE_RUNNABLE;
		r = copy_to_user(argp, &u.mp, sizeof(u.mp)) ? -EFAULT : 0;
		break;
	case KVM_SET_MP_STATE:
		r = FROM_VMM(u.mp);
		if (!r && u.mp.mp_state != KVM_MP_STATE_RUNNABLE)
			r = -EINVAL;
		break;
	case KVM_SET_CPUID2:
		r = cpuid_set(arch, argp);
		break;
	default:
		r = -EINVAL;
	}
	return r;
}
