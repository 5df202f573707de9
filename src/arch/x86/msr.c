// SPDX-License-Identifier: GPL-2.0-only
/* Model-specific registers: the few that a guest has. */
#include <asm/msr.h>
#include <asm/page.h>
#include "svm.h"

static u64 *msr_field(struct vcpu *vcpu, u32 index)
{
	struct vmcb_save_area *save = &vcpu->arch.vmcb->save;

	switch (index) {
	case MSR_STAR:			return &save->star;
	case MSR_SYSCALL_MASK:		return &save->sfmask;
	case MSR_IA32_SYSENTER_CS:	return &save->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:	return &save->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:	return &save->sysenter_eip;
	case MSR_LSTAR:			return &save->lstar;
	case MSR_CSTAR:			return &save->cstar;
	case MSR_FS_BASE:		return &save->fs.base;
	case MSR_GS_BASE:		return &save->gs.base;
	case MSR_KERNEL_GS_BASE:	return &save->kernel_gs_base;
	}
	return NULL;
}

/**
 * msr_read() - read a guest's model-specific register
 * @vcpu: whose
 * @index: which
 * @value: where to
 *
 * Returns: false for a register that the guest does not have.
 * Holds: vcpu->lock.
 */
bool msr_read(struct vcpu *vcpu, u32 index, u64 *value)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;
	u64 *field = msr_field(vcpu, index);

	if (field)
		*value = *field;
	else if (index == MSR_EFER)
		*value = vmcb->save.efer & ~EFER_SVME;
	else if (index == MSR_IA32_CR_PAT)
		*value = vmcb->save.g_pat;
	else if (index == MSR_IA32_TSC)
		*value = rdtsc() + vmcb->control.tsc_offset;
	else if (index == MSR_TSC_AUX && has_tsc_aux())
		*value = vcpu->arch.tsc_aux;
	else if (index == MSR_IA32_APICBASE)
		*value = vcpu->arch.apic_base;
	else
		return false;
	return true;
}

static bool is_address(u32 index)
{
	return index == MSR_LSTAR || index == MSR_CSTAR ||
	       index == MSR_FS_BASE || index == MSR_GS_BASE ||
	       index == MSR_KERNEL_GS_BASE;
}

static bool is_short(u32 index)
{
	return index == MSR_TSC_AUX || index == MSR_IA32_SYSENTER_ESP ||
	       index == MSR_IA32_SYSENTER_EIP;
}

static bool write_efer(struct vmcb_save_area *save, u64 value)
{
	u64 mine = EFER_SCE | EFER_LME | EFER_NX |
		   (boot_cpu_has(X86_FEATURE_FXSR_OPT) ? EFER_FFXSR : 0);

	if (value & ~(mine | EFER_LMA) ||
	    (save->cr0 & X86_CR0_PG && (save->efer ^ value) & EFER_LME))
		return false;
	save->efer = (save->efer & ~mine) | (value & mine);
	return true;
}

bool apic_base_is_good(const struct arch_vcpu *arch, u64 value)
{
	u64 flags = MSR_IA32_APICBASE_BSP | MSR_IA32_APICBASE_ENABLE;

	return !(value & (PAGE_SIZE - 1) & ~flags) &&
	       !(value >> cpuid_phys_bits(arch));
}

static bool is_pat(u64 value)
{
	unsigned int i;

	for (i = 0; i < 8; i++, value >>= 8) {
		u8 type = value;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/**
 * msr_write() - write a guest's model-specific register
 * @vcpu: whose
 * @index: which
 * @value: what the guest, or the VMM, wants in it
 *
 * Returns: false where a processor would fault; then nothing has changed.
 * Holds: vcpu->lock.
 */
bool msr_write(struct vcpu *vcpu, u32 index, u64 value)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;
	u64 *field = msr_field(vcpu, index);

	if (index == MSR_EFER)
		return write_efer(&vmcb->save, value);
	if (is_address(index) && !svm_is_canonical(value))
		return false;
	if (is_short(index))
		value = (u32)value;
	if (index == MSR_IA32_CR_PAT && is_pat(value))
		field = &vmcb->save.g_pat;
	if (index == MSR_IA32_APICBASE && apic_base_is_good(&vcpu->arch, value))
		field = &vcpu->arch.apic_base;
	if (index == MSR_TSC_AUX && has_tsc_aux())
		field = &vcpu->arch.tsc_aux;
	if (index == MSR_IA32_TSC) {
		field = &vmcb->control.tsc_offset;
		value -= rdtsc();
	}
	if (!field)
		return false;
	*field = value;
	return true;
}
