// SPDX-License-Identifier: GPL-2.0-only
/* Model-specific registers: the few that a guest has. */
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/math.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/mtrr.h>
#include <asm/page.h>
#include <asm/tsc.h>
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

#define MTRR_RANGES 8
#define MTRR_CAP (0x500 | MTRR_RANGES)	/* and fixed ranges; write combining */
#define MCE_BANKS 32

static const struct { u16 first, count; } shelves[] = {
	{ MTRRphysBase_MSR(0), 2 * MTRR_RANGES }, { MSR_MTRRfix64K_00000, 1 },
	{ MSR_MTRRfix16K_80000, 2 }, { MSR_MTRRfix4K_C0000, 8 },
	{ MSR_MTRRdefType, 1 }, { MSR_IA32_MCG_STATUS, 1 },
	{ MSR_IA32_MC0_CTL, 4 * MCE_BANKS },
};

/* Returns: the place of a register that only remembers, or -1. */
static int kept_at(u32 index)
{
	unsigned int i, at = 0;

	for (i = 0; i < ARRAY_SIZE(shelves); i++) {
		if (index - shelves[i].first < shelves[i].count) {
			at += index - shelves[i].first;
			return array_index_nospec(at, KEPT_MSRS);
		}
		at += shelves[i].count;
	}
	return -1;
}

static bool is_type(u8 type)
{
	return type < 7 && BIT(type) & 0x73;
}

static bool range_is_good(const struct vcpu *vcpu, u32 index, u64 value)
{
	u64 beyond = ~0ULL << cpuid_phys_bits(&vcpu->arch);
	unsigned int i;

	if (index == MSR_MTRRdefType)
		return !(value & ~0xcffULL) && is_type(value);
	if (index < MTRRphysBase_MSR(MTRR_RANGES))
		return index & 1 ? !(value & (beyond | 0x7ff)) :
				   !(value & (beyond | 0xf00)) && is_type(value);
	for (i = 0; i < 8; i++) {
		if (!is_type(value >> 8 * i))
			return false;
	}
	return true;
}

static bool kept_is_good(const struct vcpu *vcpu, u32 index, u64 value)
{
	if (index == MSR_IA32_MCG_STATUS)
		return true;
	if (index < MSR_IA32_MC0_CTL)
		return range_is_good(vcpu, index, value);
	if (!(index & 3))
		return !value || !~(value | BIT(10) | BIT(0));
	return (index & 3) != 1 || !value;
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
		*value = svm_tsc() + vcpu->arch.tsc_offset;
	else if (index == MSR_IA32_TSC_ADJUST)
		*value = vcpu->arch.tsc_adjust;
	else if (index == MSR_TSC_AUX && has_tsc_aux())
		*value = vcpu->arch.tsc_aux;
	else if (index == MSR_IA32_APICBASE)
		*value = vcpu->arch.apic_base;
	else if (index == MSR_MTRRcap)
		*value = MTRR_CAP;
	else if (index == MSR_IA32_MCG_CAP)
		*value = MCE_BANKS;
	else if (kept_at(index) >= 0)
		*value = vcpu->arch.kept[kept_at(index)];
	else if (index == MSR_KVM_ASYNC_PF_EN)
		*value = vcpu->arch.async_enable;
	else if (index == MSR_KVM_ASYNC_PF_INT)
		*value = vcpu->arch.async_vector;
	else if (index == MSR_KVM_ASYNC_PF_ACK)
		*value = 0;
	else
		return false;
	return true;
}

static bool adjust_tsc(struct arch_vcpu *arch, u64 by)
{
	arch->tsc_offset += by;
	arch->tsc_adjust += by;
	return true;
}

static bool is_address(u32 index)
{
	return index == MSR_LSTAR || index == MSR_CSTAR ||
	       index == MSR_FS_BASE || index == MSR_GS_BASE ||
	       index == MSR_KERNEL_GS_BASE;
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

static bool has_ibpb(const struct arch_vcpu *arch)
{
	return boot_cpu_has(X86_FEATURE_IBPB) &&
	       cpuid_has(arch, 0x80000008, CPUID_EBX, X86_FEATURE_AMD_IBPB);
}

static bool want_ibpb(struct arch_vcpu *arch, u64 value)
{
	if (value & ~(u64)PRED_CMD_IBPB)
		return false;
	arch->wants_ibpb |= value;
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
	if (index == MSR_IA32_CR_PAT && is_pat(value))
		field = &vmcb->save.g_pat;
	if (index == MSR_IA32_APICBASE && apic_base_is_good(&vcpu->arch, value))
		field = &vcpu->arch.apic_base;
	if (index == MSR_TSC_AUX && has_tsc_aux()) {
		field = &vcpu->arch.tsc_aux;
		value = (u32)value;
	}
	if (kept_at(index) >= 0 && kept_is_good(vcpu, index, value))
		field = &vcpu->arch.kept[kept_at(index)];
	if (index == MSR_IA32_TSC)
		return adjust_tsc(&vcpu->arch, value - svm_tsc() -
				  vcpu->arch.tsc_offset);
	if (index == MSR_IA32_TSC_ADJUST)
		return adjust_tsc(&vcpu->arch, value - vcpu->arch.tsc_adjust);
	if (index == MSR_IA32_PRED_CMD && has_ibpb(&vcpu->arch))
		return want_ibpb(&vcpu->arch, value);
	if (index == MSR_KVM_ASYNC_PF_EN || index == MSR_KVM_ASYNC_PF_INT ||
	    index == MSR_KVM_ASYNC_PF_ACK)
		return async_write(vcpu, index, value);
	if (!field)
		return false;
	*field = value;
	return true;
}

/* Takes: arch->tsc_lock. */
static void set_tsc(struct vcpu *vcpu, u64 value)
{
	struct arch_vm *arch = &vcpu->vm->arch;
	s64 second = tsc_khz * 1000LL, off;
	u64 now;

	spin_lock(&arch->tsc_lock);
	now = svm_tsc();
	off = value - arch->tsc_written - (now - arch->tsc_written_at);
	if (value && abs(off) >= second)
		arch->tsc_offset = value - now;
	arch->tsc_written = value;
	arch->tsc_written_at = now;
	vcpu->arch.tsc_offset = arch->tsc_offset;
	spin_unlock(&arch->tsc_lock);
}

/**
 * msr_set() - write a model-specific register as the VMM does
 * @vcpu: whose
 * @index: which
 * @value: what the VMM wants in it
 *
 * Returns: as msr_write().
 * Holds: vcpu->lock, or the vCPU is not there yet.
 */
bool msr_set(struct vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case MSR_IA32_TSC:
		set_tsc(vcpu, value);
		return true;
	case MSR_IA32_TSC_ADJUST:
		vcpu->arch.tsc_adjust = value;
		return true;
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		value = (u32)value;
		break;
	}
	if (index - MSR_IA32_MC0_CTL < 4 * MCE_BANKS && (index & 3) == 1) {
		vcpu->arch.kept[kept_at(index)] = value;
		return true;
	}
	return msr_write(vcpu, index, value);
}

static const u32 msr_list[] = {
	MSR_EFER, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_KERNEL_GS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP, MSR_IA32_CR_PAT, MSR_IA32_TSC,
	MSR_IA32_TSC_ADJUST, MSR_IA32_APICBASE, MSR_IA32_MCG_STATUS,
	MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_ACK,
	MSR_TSC_AUX,		/* last: not every processor has it */
};

/**
 * msr_offer() - answer KVM_GET_MSR_INDEX_LIST
 * @argp: how many it has room for; told how many there are
 *
 * Returns: 0, -E2BIG without the list, or -EFAULT.
 * Context: may sleep.
 */
long msr_offer(struct kvm_msr_list __user *argp)
{
	u32 room, n = ARRAY_SIZE(msr_list) - !has_tsc_aux();

	if (get_user(room, &argp->nmsrs) || put_user(n, &argp->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return copy_to_user(argp->indices, msr_list, n * sizeof(u32)) ?
		-EFAULT : 0;
}

#define MAX_MSRS 256

/**
 * msr_io() - answer KVM_GET_MSRS and KVM_SET_MSRS
 * @vcpu: whose
 * @argp: how many, and which
 * @get: read them, not write
 *
 * Returns: how many went well, E2BIG, ENOMEM or EFAULT.
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
long msr_io(struct vcpu *vcpu, struct kvm_msrs __user *argp, bool get)
{
	struct kvm_msr_entry *entry;
	u32 n, i;

	if (get_user(n, &argp->nmsrs))
		return -EFAULT;
	if (n >= MAX_MSRS)
		return -E2BIG;
	entry = memdup_user(argp->entries, n * sizeof(*entry));
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	for (i = 0; i < n; i++) {
		if (!(get ? msr_read(vcpu, entry[i].index, &entry[i].data) :
			    msr_set(vcpu, entry[i].index, entry[i].data)))
			break;
	}
	if (get && copy_to_user(argp->entries, entry, n * sizeof(*entry)))
		i = -EFAULT;
	kfree(entry);
	return (int)i;
}
