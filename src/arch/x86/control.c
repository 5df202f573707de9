// SPDX-License-Identifier: GPL-2.0-only
/* CR0 and CR4: what a guest may write, and what the processor gets of it. */
#include <linux/kvm.h>
#include "svm.h"

/**
 * control_set_cr0() - give a vCPU a value of CR0, all but its caches' bits
 * @arch: the vCPU's; not running
 * @value: has been looked at
 */
void control_set_cr0(struct arch_vcpu *arch, u64 value)
{
	u64 hidden = value & (X86_CR0_CD | X86_CR0_NW);
	unsigned long *intercepts = (void *)arch->vmcb->control.intercepts;

	arch->hidden_cr0 = hidden;
	arch->vmcb->save.cr0 = value & ~hidden;
	__assign_bit(INTERCEPT_CR0_READ, intercepts, hidden);
	__assign_bit(INTERCEPT_CR0_WRITE, intercepts, hidden);
}

/**
 * cr0_is_good() - whether CR0 may have a value, whatever the mode
 * @value: what a guest or a VMM asks for
 */
bool cr0_is_good(u64 value)
{
	return !(value >> 32) &&
	       (value & X86_CR0_CD || !(value & X86_CR0_NW)) &&
	       (value & X86_CR0_PE || !(value & X86_CR0_PG));
}

static bool take_cr0(struct arch_vcpu *arch, u64 cr0)
{
	struct vmcb_save_area *save = &arch->vmcb->save;
	bool long_code = save->cs.attrib & SVM_SELECTOR_L_MASK;
	bool enters = cr0 & X86_CR0_PG && !(save->cr0 & X86_CR0_PG) &&
		      save->efer & EFER_LME;

	if (!cr0_is_good(cr0) ||
	    (enters && (!(save->cr4 & X86_CR4_PAE) || long_code)) ||
	    (!(cr0 & X86_CR0_PG) &&
	     ((save->efer & EFER_LMA && long_code) ||
	      save->cr4 & X86_CR4_PCIDE)))
		return false;
	if (enters)
		save->efer |= EFER_LMA;
	if (!(cr0 & X86_CR0_PG))
		save->efer &= ~EFER_LMA;
	control_set_cr0(arch, (cr0 & CR0_BITS) | X86_CR0_ET);
	return true;
}

static const struct {
	u32 bit;
	u16 host, guest;
	u8 leaf, reg;
} needs[] = {
	{ X86_CR4_PCIDE, X86_FEATURE_PCID, X86_FEATURE_PCID, 1, CPUID_ECX },
	{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE, X86_FEATURE_XSAVE, 1, CPUID_ECX },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE, X86_FEATURE_FSGSBASE, 7,
		CPUID_EBX },
	{ X86_CR4_SMEP, X86_FEATURE_SMEP, X86_FEATURE_SMEP, 7, CPUID_EBX },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP, X86_FEATURE_SMAP, 7, CPUID_EBX },
	{ X86_CR4_UMIP, X86_FEATURE_UMIP, X86_FEATURE_UMIP, 7, CPUID_ECX },
	{ X86_CR4_PKE, X86_FEATURE_OSPKE, X86_FEATURE_PKU, 7, CPUID_ECX },
};

/**
 * cr4_is_good() - whether CR4 may have a value, whatever the mode
 * @arch: the vCPU's
 * @value: what a guest or a VMM asks for
 */
bool cr4_is_good(const struct arch_vcpu *arch, u64 value)
{
	u64 good = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |
		   X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |
		   X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		if (boot_cpu_has(needs[i].host) &&
		    (!arch->nr_cpuid ||
		     cpuid_has(arch, needs[i].leaf, needs[i].reg,
			       needs[i].guest)))
			good |= needs[i].bit;
	}
	return !(value & ~good);
}

static bool take_cr4(struct arch_vcpu *arch, u64 cr4)
{
	struct vmcb_save_area *save = &arch->vmcb->save;
	bool long_mode = save->efer & EFER_LMA;

	if (!cr4_is_good(arch, cr4) || (long_mode && !(cr4 & X86_CR4_PAE)) ||
	    (cr4 & ~save->cr4 & X86_CR4_PCIDE &&
	     (!long_mode || save->cr3 & X86_CR3_PCID_MASK)))
		return false;
	save->cr4 = cr4;
	return true;
}

/**
 * control_read() - read a control register as the guest knows it
 * @vcpu: whose; not running
 * @nr: 0, 2, 3, 4 or 8
 */
u64 control_read(const struct vcpu *vcpu, unsigned int nr)
{
	const struct vmcb *vmcb = vcpu->arch.vmcb;

	switch (nr) {
	case 2:
		return vmcb->save.cr2;
	case 3:
		return vmcb->save.cr3;
	case 4:
		return vmcb->save.cr4;
	case 8:
		return vmcb->control.int_ctl & V_TPR_MASK;
	default:
		return vmcb->save.cr0 | vcpu->arch.hidden_cr0;
	}
}

/**
 * control_write() - write a control register as the guest does
 * @vcpu: whose; not running
 * @nr: 0 or 4
 * @value: what the guest wants in it
 *
 * Returns: false where a processor would fault; then nothing has changed.
 * Holds: vcpu->lock.
 */
bool control_write(struct vcpu *vcpu, unsigned int nr, u64 value)
{
	struct arch_vcpu *arch = &vcpu->arch;

	arch->last_cpu = -1;
	return nr == 4 ? take_cr4(arch, value) : take_cr0(arch, value);
}
