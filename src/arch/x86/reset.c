// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU as after power-on. */
#include <linux/io.h>
#include <linux/mm.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include "svm.h"

static const u8 intercepts[] = {
	/* What the host must have, whichever guest runs. */
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	INTERCEPT_SHUTDOWN, INTERCEPT_FERR_FREEZE,
	/* What would show or change the host. */
	INTERCEPT_CPUID, INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT,
	INTERCEPT_RDPMC, INTERCEPT_RDPRU, INTERCEPT_XSETBV,
	INTERCEPT_INVD, INTERCEPT_WBINVD, INTERCEPT_RSM,
	INTERCEPT_MONITOR, INTERCEPT_MWAIT, INTERCEPT_HLT,
	INTERCEPT_SELECTIVE_CR0, INTERCEPT_CR4_WRITE, INTERCEPT_CR8_WRITE,
	/* What only a hypervisor may do. */
	INTERCEPT_VMRUN, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE,
	INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_INVLPGA, INTERCEPT_VMMCALL,
	/* What we would have to play, and do not. */
	INTERCEPT_TASK_SWITCH,
};

static void reset_segment(struct vmcb_seg *seg, u16 attrib)
{
	seg->selector = 0;
	seg->attrib = attrib;
	seg->limit = 0xffff;
	seg->base = 0;
}

static void reset_segments(struct vmcb_save_area *save)
{
	reset_segment(&save->es, DATA_SEGMENT);
	reset_segment(&save->ss, DATA_SEGMENT);
	reset_segment(&save->ds, DATA_SEGMENT);
	reset_segment(&save->fs, DATA_SEGMENT);
	reset_segment(&save->gs, DATA_SEGMENT);
	reset_segment(&save->cs, CODE_SEGMENT);
	save->cs.selector = 0xf000;
	save->cs.base = 0xffff0000;
	reset_segment(&save->gdtr, 0);
	reset_segment(&save->idtr, 0);
	reset_segment(&save->ldtr, LDT_SEGMENT);
	reset_segment(&save->tr, TSS_SEGMENT);
}

static void reset_control(struct vcpu *vcpu)
{
	struct vmcb_control_area *control = &vcpu->arch.vmcb->control;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(intercepts); i++)
		__set_bit(intercepts[i], (unsigned long *)control->intercepts);
	control->intercepts[INTERCEPT_EXCEPTION] = STOPPED_EXCEPTIONS;
	control->intercepts[INTERCEPT_DR] = ~0U;
	control->iopm_base_pa = page_to_phys(svm_io_map);
	control->msrpm_base_pa = page_to_phys(svm_msr_map);
	control->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	control->nested_cr3 = virt_to_phys(vcpu->vm->stage2.root);
	control->int_ctl = V_INTR_MASKING_MASK;
	control->asid = 1;
}

/**
 * svm_reset() - put a vCPU into the state after power-on
 * @vcpu: not running
 *
 * AMD64 Architecture Programmer's Manual, vol. 2, 14.1.3.
 */
void svm_reset(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb_save_area *save = &arch->vmcb->save;

	clear_page(arch->vmcb);
	memset(arch->regs, 0, sizeof(arch->regs));
	reset_control(vcpu);
	reset_segments(save);
	arch->regs[REG_RDX] = 0x600;
	save->rip = 0xfff0;
	save->rflags = X86_EFLAGS_FIXED;
	save->efer = EFER_SVME;
	control_set_cr0(arch, X86_CR0_NW | X86_CR0_CD | X86_CR0_ET);
	save->dr6 = DR6_RESERVED;
	save->dr7 = DR7_AFTER_RESET;
	save->g_pat = PAT_AFTER_RESET;
	memset(&arch->events, 0, sizeof(arch->events));
	memset(&arch->emul, 0, sizeof(arch->emul));
	async_reset(vcpu);
	arch->xcr0 = XFEATURE_MASK_FP;
	arch->pkru = 0;
	arch->owns_dr = false;
	arch->last_cpu = -1;
}

/**
 * svm_own_dr() - give a vCPU the debug registers
 * @arch: the vCPU's
 */
void svm_own_dr(struct arch_vcpu *arch)
{
	arch->owns_dr = true;
	arch->vmcb->control.intercepts[INTERCEPT_DR] = 0;
}
