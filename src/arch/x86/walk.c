// SPDX-License-Identifier: GPL-2.0-only
/* A guest's memory, read and written as the guest would. */
#include <linux/mm.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <asm/trap_pf.h>
#include "svm.h"

/* Where a guest-physical address is in the VMM; or NULL. Holds: vm->srcu. */
static void __user *place_of(struct vm *vm, gpa_t gpa)
{
	const struct memslot *slot;

	slot = memslot_find(srcu_dereference(vm->memslots, &vm->srcu),
			    gpa >> PAGE_SHIFT);
	if (!slot)
		return NULL;
	return (void __user *)(uintptr_t)(slot->hva + gpa -
					  (slot->base_gfn << PAGE_SHIFT));
}

/**
 * guest_copy() - read or write the guest's memory
 * @vcpu: whose
 * @gpa: guest-physical; up to @len bytes follow on the same page
 * @data: kernel memory
 * @len: bytes
 * @write: into the guest
 *
 * Returns: 1; 0 where the guest has no memory, or none that may be written;
 *	EFAULT where the VMM has none.
 * Context: process of the VMM; may sleep.
 * Takes: vm->srcu for reading.
 */
int guest_copy(struct vcpu *vcpu, gpa_t gpa, void *data, unsigned int len,
	       bool write)
{
	struct vm *vm = vcpu->vm;
	int idx = srcu_read_lock(&vm->srcu), r = 0;
	void __user *at = place_of(vm, gpa);

	if (at && write)
		r = !copy_to_user(at, data, len);
	else if (at)
		r = copy_from_user(data, at, len) ? -EFAULT : 1;
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

struct format {
	unsigned int levels;
	unsigned int bits;	/* of an index */
	unsigned int size;	/* bytes of an entry */
};

static struct format format_of(const struct vmcb_save_area *save)
{
	if (save->efer & EFER_LMA)
		return (struct format){ 4, 9, 8 };
	if (save->cr4 & X86_CR4_PAE)
		return (struct format){ 3, 9, 8 };
	return (struct format){ 2, 10, 4 };
}

static u64 table_address(u64 entry, struct format f)
{
	return entry & (f.size == 8 ? GENMASK_ULL(51, PAGE_SHIFT) :
				      GENMASK_ULL(31, PAGE_SHIFT));
}

static bool is_leaf(const struct vmcb_save_area *save, u64 entry,
		    unsigned int level, struct format f)
{
	if (level == 1)
		return true;
	if (!(entry & _PAGE_PSE))
		return false;
	if (f.size == 4)
		return save->cr4 & X86_CR4_PSE;
	return level == 2 || (level == 3 && f.levels > 3);
}

/* The index of the top level has two bits where there are three levels. */
static u64 entry_address(u64 table, u64 linear, unsigned int level,
			 struct format f)
{
	unsigned int shift = PAGE_SHIFT + (level - 1) * f.bits;
	u64 index = linear >> shift & ((1 << f.bits) - 1);

	if (level == 3 && f.levels == 3)
		return (table & ~0x1fULL) + (index & 3) * f.size;
	return table_address(table, f) + index * f.size;
}

/* Returns: the error code of a page fault; 0 where none is due. */
static u32 forbidden(const struct vcpu *vcpu, u64 rights, u64 leaf, u64 nx,
		     u32 access)
{
	const struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	bool user = access & X86_PF_USER, fetch = access & X86_PF_INSTR;
	bool write = access & X86_PF_WRITE && (user || save->cr0 & X86_CR0_WP);
	bool theirs = rights & _PAGE_USER;
	u32 key = vcpu->arch.pkru >> (leaf >> _PAGE_BIT_PKEY_BIT0 & 15) * 2;

	if ((user && !theirs) || (write && !(rights & _PAGE_RW)) ||
	    (fetch && nx))
		return X86_PF_PROT;
	if (!user && theirs &&
	    (fetch ? save->cr4 & X86_CR4_SMEP :
	     save->cr4 & X86_CR4_SMAP && !(save->rflags & X86_EFLAGS_AC)))
		return X86_PF_PROT;
	if (theirs && !fetch && save->cr4 & X86_CR4_PKE &&
	    save->efer & EFER_LMA && (key & 1 || (write && key & 2)))
		return X86_PF_PROT | X86_PF_PK;
	return 0;
}

struct visited {
	gpa_t at;
	u64 entry;
};

/*
 * Returns: 0; 1 where the entry has changed; -EFAULT.
 * Takes: vm->srcu for reading.
 */
static int mark(struct vm *vm, const struct visited *v, u64 bits,
		unsigned int size)
{
	u64 old = v->entry, new = old | bits;
	u32 old32 = old;
	int idx, r = 1;
	void __user *at;

	if (old == new)
		return 0;
	idx = srcu_read_lock(&vm->srcu);
	at = place_of(vm, v->at);
	if (at && size == 8)
		r = __try_cmpxchg_user((u64 __user *)at, &old, new, fault);
	else if (at)
		r = __try_cmpxchg_user((u32 __user *)at, &old32, new, fault32);
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

static bool reserved(const struct vmcb_save_area *save, u64 entry,
		     unsigned int level)
{
	return (entry & _PAGE_NX && !(save->efer & EFER_NX)) ||
	       (entry & GENMASK_ULL(51, 0)) >> boot_cpu_data.x86_phys_bits ||
	       (level > 3 && entry & _PAGE_PSE);
}

/**
 * guest_walk() - translate a linear address as the processor would
 * @vcpu: whose tables
 * @linear: the address
 * @access: what for: bits of a page fault's error code
 * @gpa: where the guest-physical address goes
 *
 * Returns: 1; 0 where the processor would fault, with the error code in *gpa;
 *	EFAULT where the VMM has no memory.
 * Context: process of the VMM; may sleep.
 * Takes: vm->srcu for reading.
 */
int guest_walk(struct vcpu *vcpu, u64 linear, u32 access, gpa_t *gpa)
{
	const struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	struct format f = format_of(save);
	unsigned int level, shift, i;
	struct visited trail[5];
	u64 entry, rights, nx;
	u32 error = access, why;
	int r;

	*gpa = (u32)linear;
	if (!(save->cr0 & X86_CR0_PG))
		return 1;
	if (!(save->efer & EFER_NX) && !(save->cr4 & X86_CR4_SMEP))
		error &= ~(u32)X86_PF_INSTR;
again:
	*gpa = error;
	entry = save->cr3;
	rights = ~0ULL;
	nx = 0;
	for (level = f.levels; level; level--) {
		u64 at = entry_address(entry, linear, level, f);

		entry = 0;
		r = guest_copy(vcpu, at, &entry, f.size, false);
		if (r < 0)
			return r;
		if (!r || !(entry & _PAGE_PRESENT))
			return 0;
		if (reserved(save, entry, level)) {
			*gpa |= X86_PF_PROT | X86_PF_RSVD;
			return 0;
		}
		trail[level] = (struct visited){ at, entry };
		nx |= entry & _PAGE_NX;
		if (level != 3 || f.levels != 3)
			rights &= entry;
		if (is_leaf(save, entry, level, f))
			break;
	}
	why = forbidden(vcpu, rights, entry, nx, access);
	if (why) {
		*gpa |= why;
		return 0;
	}
	for (i = f.levels; i >= level; i--) {
		bool dirties = i == level && access & X86_PF_WRITE;

		if (i == 3 && f.levels == 3)
			continue;
		r = mark(vcpu->vm, &trail[i],
			 _PAGE_ACCESSED | (dirties ? _PAGE_DIRTY : 0), f.size);
		if (r < 0)
			return r;
		if (r)
			goto again;
	}
	shift = PAGE_SHIFT + (level - 1) * f.bits;
	*gpa = table_address(entry, f);
	if (f.size == 4 && level == 2)
		*gpa |= (entry >> 13 & 0xff) << 32;
	*gpa &= ~GENMASK_ULL(shift - 1, 0);
	*gpa |= linear & GENMASK_ULL(shift - 1, 0);
	return 1;
}
