// SPDX-License-Identifier: GPL-2.0-only
/* What CPUID tells a guest, and what the VMM may let it tell. */
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/fpu/xstate.h>
#include <asm/processor.h>
#include "svm.h"

#define MAX_CPUID 256
/* The bit of a feature in its register. */
#define F(name) BIT(X86_FEATURE_##name % 32)

const struct kvm_cpuid_entry2 *cpuid_find(const struct arch_vcpu *arch,
					  u32 leaf, u32 index)
{
	u32 i;

	for (i = 0; i < arch->nr_cpuid; i++) {
		const struct kvm_cpuid_entry2 *entry = &arch->cpuid[i];

		if (entry->function != leaf)
			continue;
		if (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		    entry->index == index)
			return entry;
	}
	return NULL;
}

static void set_bit_if(u32 *word, u32 bit, bool on)
{
	*word = on ? *word | bit : *word & ~bit;
}

/* Bytes that XSAVE needs for what is on: each part at its place, or packed. */
static u32 xsave_size(const struct arch_vcpu *arch, bool packed)
{
	u32 size = FXSAVE_SIZE + XSAVE_HDR_SIZE, i, at;

	for (i = FIRST_EXTENDED_XFEATURE; i < 63; i++) {
		const struct kvm_cpuid_entry2 *part;

		part = arch->xcr0 >> i & 1 ? cpuid_find(arch, 0xd, i) : NULL;
		if (!part)
			continue;
		at = part->ebx;
		if (packed)
			at = part->ecx & 2 ? ALIGN(size, 64) : size;
		size = max(size, at + part->eax);
	}
	return size;
}

/**
 * cpuid_adjust() - make a leaf say what is so at the moment
 * @arch: the vCPU's
 * @entry: a copy of one of its leaves
 */
void cpuid_adjust(const struct arch_vcpu *arch, struct kvm_cpuid_entry2 *entry)
{
	u64 cr4 = arch->vmcb->save.cr4;
	u32 packs = F(XSAVEC) | F(XSAVES);

	if (entry->function == 1) {
		set_bit_if(&entry->ecx, F(OSXSAVE), cr4 & X86_CR4_OSXSAVE);
		set_bit_if(&entry->edx, F(APIC),
			   arch->apic_base & MSR_IA32_APICBASE_ENABLE);
	} else if (entry->function == 7 && !entry->index) {
		set_bit_if(&entry->ecx, F(OSPKE), cr4 & X86_CR4_PKE);
	} else if (entry->function == 0xd && !entry->index) {
		entry->ebx = xsave_size(arch, false);
	} else if (entry->function == 0xd && entry->index == 1 &&
		   entry->eax & packs) {
		entry->ebx = xsave_size(arch, true);
	}
}

/**
 * cpuid_has() - has the guest been told of a feature?
 * @arch: the vCPU's
 * @leaf: where it would be told
 * @reg: and in which register: CPUID_EAX or the like
 * @feature: the kernel's number of it, X86_FEATURE_ or the like
 */
bool cpuid_has(const struct arch_vcpu *arch, u32 leaf, unsigned int reg,
	       unsigned int feature)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(arch, leaf, 0);

	return entry && (&entry->eax)[reg] >> feature % 32 & 1;
}

unsigned int cpuid_phys_bits(const struct arch_vcpu *arch)
{
	const struct kvm_cpuid_entry2 *last = cpuid_find(arch, 0x80000000, 0);
	const struct kvm_cpuid_entry2 *sizes = cpuid_find(arch, 0x80000008, 0);

	if (!last || last->eax < 0x80000008 || !sizes)
		return 36;
	return min(sizes->eax & 0xff, 63U);
}

/**
 * xcr0_for_guests() - what any guest may have of the host's XCR0
 */
u64 xcr0_for_guests(void)
{
	return svm_host_xcr0 & (XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM |
				XFEATURE_MASK_PKRU);
}

/**
 * xcr0_of() - the vector states that a guest knows of, and has
 * @arch: the vCPU's
 *
 * Returns: bits of XCR0; 0 where the VMM has set no table.
 */
u64 xcr0_of(const struct arch_vcpu *arch)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(arch, 0xd, 0);

	return entry ? entry->eax & xcr0_for_guests() : 0;
}

/**
 * xcr0_is_good() - whether XCR0 may have a value
 * @arch: the vCPU's
 * @value: what its guest or its VMM asks for
 *
 * Returns: true for the combinations that the host's processor accepts, of
 *	the states that the guest has been told of.
 */
bool xcr0_is_good(const struct arch_vcpu *arch, u64 value)
{
	return value & XFEATURE_MASK_FP &&
	       !(value & ~(xcr0_of(arch) | XFEATURE_MASK_FP)) &&
	       (!(value & XFEATURE_MASK_YMM) || value & XFEATURE_MASK_SSE);
}

static bool same_table(const struct arch_vcpu *arch,
		       const struct kvm_cpuid_entry2 *table, u32 n)
{
	size_t used = offsetof(struct kvm_cpuid_entry2, padding);
	struct kvm_cpuid_entry2 old, new;
	u32 i;

	if (n != arch->nr_cpuid)
		return false;
	for (i = 0; i < n; i++) {
		old = arch->cpuid[i];
		new = table[i];
		cpuid_adjust(arch, &old);
		cpuid_adjust(arch, &new);
		if (memcmp(&old, &new, used))
			return false;
	}
	return true;
}

/**
 * cpuid_set() - take a vCPU's table of CPUID leaves from the VMM
 * @arch: the vCPU's
 * @argp: a struct kvm_cpuid2
 *
 * Returns: 0, E2BIG for more than MAX_CPUID leaves, EINVAL for a table that
 *	differs after the guest has run, EFAULT, ENOMEM.
 * Holds: vcpu->lock.
 */
long cpuid_set(struct arch_vcpu *arch, struct kvm_cpuid2 __user *argp)
{
	struct kvm_cpuid_entry2 *table;
	u32 n;

	if (get_user(n, &argp->nent))
		return -EFAULT;
	if (n > MAX_CPUID)
		return -E2BIG;
	table = vmemdup_user(argp->entries, array_size(n, sizeof(*table)));
	if (IS_ERR(table))
		return PTR_ERR(table);
	if (arch->ran && !same_table(arch, table, n)) {
		kvfree(table);
		return -EINVAL;
	}
	kvfree(arch->cpuid);
	arch->cpuid = table;
	arch->nr_cpuid = n;
	return 0;
}

long cpuid_get(struct arch_vcpu *arch, struct kvm_cpuid2 __user *argp)
{
	u32 n = arch->nr_cpuid, room, i;

	if (get_user(room, &argp->nent))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	for (i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 entry = arch->cpuid[i];

		cpuid_adjust(arch, &entry);
		if (copy_to_user(&argp->entries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	return put_user(n, &argp->nent);
}

#define ALL 0xffffffff

/* The features of leaf 1 in EDX; AMD repeats most of them in 0x80000001. */
#define BASIC (F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | \
	       F(MCE) | F(CX8) | F(APIC) | F(MTRR) | F(PGE) | F(MCA) | \
	       F(CMOV) | F(PAT) | F(PSE36) | F(MMX) | F(FXSR))
#define SINCE_SSE (F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | \
		   F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | \
		   F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND))
#define SINCE_AVX (F(FSGSBASE) | F(BMI1) | F(AVX2) | F(SMEP) | F(BMI2) | \
		   F(ERMS) | F(RDSEED) | F(ADX) | F(SMAP) | \
		   F(CLFLUSHOPT) | F(CLWB) | F(SHA_NI))
#define LONG_MODE (F(SYSCALL) | F(NX) | F(MMXEXT) | F(FXSR_OPT) | \
		   F(RDTSCP) | F(LM))
#define LONG_MODE_TOO (F(LAHF_LM) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | \
		       F(3DNOWPREFETCH))
static const struct {
	u32 leaf, index;
	u32 eax, ebx, ecx, edx;		/* the bits that may pass */
} offer[] = {
	{ 0x0, 0, ALL, ALL, ALL, ALL },
	{ 0x1, 0, ALL, 0x0000ff00, SINCE_SSE,
		BASIC | F(SEP) | F(CLFLUSH) | F(XMM) | F(XMM2) },
	{ 0x7, 0, 0, SINCE_AVX, F(RDPID) | F(UMIP) | F(PKU), F(FSRM) },
	{ 0xd, 0, ALL, ALL, ALL, 0 },
	{ 0xd, 1, 0x7, 0, 0, 0 },		/* not XSAVES */
	{ 0xd, 2, ALL, ALL, ALL, ALL },		/* AVX */
	{ 0xd, 9, ALL, ALL, ALL, ALL },		/* PKRU */
	{ 0x80000000, 0, ALL, ALL, ALL, ALL },
	{ 0x80000001, 0, ALL, 0, LONG_MODE_TOO, BASIC | LONG_MODE },
	{ 0x80000002, 0, ALL, ALL, ALL, ALL },	/* the name */
	{ 0x80000003, 0, ALL, ALL, ALL, ALL },
	{ 0x80000004, 0, ALL, ALL, ALL, ALL },
	{ 0x80000008, 0, 0x0000ffff, F(AMD_IBPB), 0, 0 }, /* address sizes */
};

static void offer_leaf(struct kvm_cpuid_entry2 *entry, unsigned int i)
{
	u32 leaf = offer[i].leaf;

	entry->function = leaf;
	entry->index = offer[i].index;
	if (leaf == 0x7 || leaf == 0xd)
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	cpuid_count(leaf, offer[i].index, &entry->eax, &entry->ebx,
		    &entry->ecx, &entry->edx);
	entry->eax &= offer[i].eax;
	entry->ebx &= offer[i].ebx;
	entry->ecx &= offer[i].ecx;
	entry->edx &= offer[i].edx;
	if (leaf == 0x0)
		entry->eax = min(entry->eax, 0xdU);
	if (leaf == 0x80000000)
		entry->eax = min(entry->eax, 0x80000008U);
	if (leaf == 0x1)
		entry->ecx |= F(HYPERVISOR);
	if (leaf == 0x7)
		entry->ebx |= F(TSC_ADJUST);
	if (leaf == 0x7 && !boot_cpu_has(X86_FEATURE_OSPKE))
		entry->ecx &= ~F(PKU);
	if (leaf == 0xd && !entry->index)
		entry->eax &= xcr0_for_guests();
	if (leaf == 0x80000008 && !boot_cpu_has(X86_FEATURE_IBPB))
		entry->ebx = 0;
}

#define OWN_LEAVES 2

static void sign(struct kvm_cpuid_entry2 *entry)
{
	static const char name[12] = KVM_SIGNATURE;

	entry->function = KVM_CPUID_SIGNATURE;
	entry->eax = KVM_CPUID_FEATURES;
	memcpy(&entry->ebx, name, 4);
	memcpy(&entry->ecx, name + 4, 4);
	memcpy(&entry->edx, name + 8, 4);
	entry[1].function = KVM_CPUID_FEATURES;
	entry[1].eax = BIT(KVM_FEATURE_ASYNC_PF) |
		       BIT(KVM_FEATURE_ASYNC_PF_INT);
}

/**
 * cpuid_offer() - answer KVM_GET_SUPPORTED_CPUID
 * @argp: a struct kvm_cpuid2 with room for nent entries
 *
 * Returns: 0, E2BIG where there is not room enough, EFAULT, ENOMEM.
 * Context: may sleep.
 */
long cpuid_offer(struct kvm_cpuid2 __user *argp)
{
	u32 i, n = ARRAY_SIZE(offer) + OWN_LEAVES;
	struct kvm_cpuid_entry2 *table;
	long r = 0;

	if (get_user(i, &argp->nent))
		return -EFAULT;
	if (i < n)
		return -E2BIG;
	table = kcalloc(n, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(offer); i++)
		offer_leaf(&table[i], i);
	sign(&table[i]);
	if (copy_to_user(argp->entries, table, n * sizeof(*table)) ||
	    put_user(n, &argp->nent))
		r = -EFAULT;
	kfree(table);
	return r;
}
