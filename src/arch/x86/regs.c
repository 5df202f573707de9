// SPDX-License-Identifier: GPL-2.0-only
/* Registers as the VMM reads and writes them. */
#include <linux/kvm.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>
#include "svm.h"

/* The numbers of the registers, in the order of struct kvm_regs. */
static const u8 reg_number[] = {
	REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RSP, REG_RBP,
	8, 9, 10, 11, 12, 13, 14, 15,
};

static int get_regs(struct vcpu *vcpu, void *data)
{
	const struct arch_vcpu *arch = &vcpu->arch;
	struct kvm_regs *regs = data;
	u64 *field = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reg_number); i++)
		field[i] = arch->regs[reg_number[i]];
	regs->rip = arch->vmcb->save.rip;
	regs->rflags = arch->vmcb->save.rflags;
	return 0;
}

static int set_regs(struct vcpu *vcpu, void *data)
{
	struct arch_vcpu *arch = &vcpu->arch;
	const struct kvm_regs *regs = data;
	const u64 *field = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reg_number); i++)
		arch->regs[reg_number[i]] = field[i];
	arch->vmcb->save.rip = regs->rip;
	arch->vmcb->save.rflags = regs->rflags | X86_EFLAGS_FIXED;
	event_forget(vcpu);
	return 0;
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

static int get_sregs(struct vcpu *vcpu, void *data)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb_save_area *save = &arch->vmcb->save;
	struct kvm_sregs *sregs = data;

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
	return 0;
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

static int set_sregs(struct vcpu *vcpu, void *data)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb_save_area *save = &arch->vmcb->save;
	const struct kvm_sregs *sregs = data;
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
	arch->unproved = true;
	vector = find_first_bit((unsigned long *)sregs->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS)
		event_interrupt(vcpu, vector);
	return 0;
}

static int get_debugregs(struct vcpu *vcpu, void *data)
{
	const struct arch_vcpu *arch = &vcpu->arch;
	struct kvm_debugregs *to = data;

	memcpy(to->db, arch->dr, sizeof(to->db));
	to->dr6 = arch->vmcb->save.dr6;
	to->dr7 = arch->vmcb->save.dr7;
	return 0;
}

static int set_debugregs(struct vcpu *vcpu, void *data)
{
	struct arch_vcpu *arch = &vcpu->arch;
	const struct kvm_debugregs *from = data;

	if (from->flags || from->dr6 >> 32 || from->dr7 >> 32)
		return -EINVAL;
	memcpy(arch->dr, from->db, sizeof(arch->dr));
	arch->vmcb->save.dr6 = from->dr6;
	arch->vmcb->save.dr7 = from->dr7;
	svm_own_dr(arch);
	return 0;
}

static int interrupt(struct vcpu *vcpu, void *data)
{
	const struct kvm_interrupt *want = data;

	if (want->irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	event_interrupt(vcpu, want->irq);
	return 0;
}

static int nmi(struct vcpu *vcpu, void *data)
{
	event_nmi(vcpu);
	return 0;
}

static int get_events(struct vcpu *vcpu, void *data)
{
	event_get(vcpu, data);
	return 0;
}

static int set_events(struct vcpu *vcpu, void *data)
{
	return event_set(vcpu, data);
}

static int translate(struct vcpu *vcpu, void *data)
{
	struct kvm_translation *t = data;
	int r = guest_walk(vcpu, t->linear_address, 0, &t->physical_address);

	t->valid = r > 0;
	if (!t->valid)
		t->physical_address = ~0ULL;
	t->writeable = 1;
	t->usermode = 0;
	return 0;
}

static int get_mp_state(struct vcpu *vcpu, void *data)
{
	struct kvm_mp_state *mp = data;

	mp->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

static int set_mp_state(struct vcpu *vcpu, void *data)
{
	const struct kvm_mp_state *mp = data;

	return mp->mp_state == KVM_MP_STATE_RUNNABLE ? 0 : -EINVAL;
}

static int get_tsc_khz(struct vcpu *vcpu, void *data)
{
	return tsc_khz;
}

static const struct {
	unsigned int cmd;
	int (*answer)(struct vcpu *vcpu, void *data);
} requests[] = {
	{ KVM_GET_REGS, get_regs },
	{ KVM_SET_REGS, set_regs },
	{ KVM_GET_SREGS, get_sregs },
	{ KVM_SET_SREGS, set_sregs },
	{ KVM_GET_FPU, fpu_get },
	{ KVM_SET_FPU, fpu_set },
	{ KVM_GET_DEBUGREGS, get_debugregs },
	{ KVM_SET_DEBUGREGS, set_debugregs },
	{ KVM_GET_XCRS, xcrs_get },
	{ KVM_SET_XCRS, xcrs_set },
	{ KVM_GET_MP_STATE, get_mp_state },
	{ KVM_SET_MP_STATE, set_mp_state },
	{ KVM_GET_TSC_KHZ, get_tsc_khz },
	{ KVM_INTERRUPT, interrupt },
	{ KVM_NMI, nmi },
	{ KVM_GET_VCPU_EVENTS, get_events },
	{ KVM_SET_VCPU_EVENTS, set_events },
	{ KVM_TRANSLATE, translate },
};

static long large_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	switch (cmd) {
	case KVM_GET_MSRS:
		return msr_io(vcpu, argp, true);
	case KVM_SET_MSRS:
		return msr_io(vcpu, argp, false);
	case KVM_GET_XSAVE:
		return xsave_get(&vcpu->arch, argp);
	case KVM_SET_XSAVE:
		return xsave_set(&vcpu->arch, argp);
	case KVM_GET_CPUID2:
		return cpuid_get(&vcpu->arch, argp);
	case KVM_SET_CPUID2:
		return cpuid_set(&vcpu->arch, argp);
	}
	return -EINVAL;
}

long arch_vcpu_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	u64 data[64] = {};
	unsigned int i;
	int r;

	BUILD_BUG_ON(sizeof(data) < sizeof(struct kvm_fpu));
	for (i = 0; requests[i].cmd != cmd;) {
		if (++i == ARRAY_SIZE(requests))
			return large_ioctl(vcpu, cmd, argp);
	}
	if (_IOC_DIR(cmd) & _IOC_WRITE &&
	    copy_from_user(data, argp, _IOC_SIZE(cmd)))
		return -EFAULT;
	r = requests[i].answer(vcpu, data);
	if (!r && _IOC_DIR(cmd) & _IOC_READ &&
	    copy_to_user(argp, data, _IOC_SIZE(cmd)))
		r = -EFAULT;
	return r;
}
