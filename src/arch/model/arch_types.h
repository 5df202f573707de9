/* SPDX-License-Identifier: GPL-2.0-only */
/* The model's part of a machine and a vCPU, and the entries of its tables. */
#ifndef TWILL_ARCH_TYPES_H
#define TWILL_ARCH_TYPES_H

#include <linux/atomic.h>
#include <linux/types.h>
#include "model.h"

struct arch_vm {
};

struct arch_vcpu {
	struct model_script *script;
	u32 todo;		/* operations, a bit each; the lowest comes next */
	bool async;		/* the guest can be told of absent pages: */
	u32 parked;		/* operations that wait for theirs, */
	u32 ready;		/* and the one whose page has come */
	bool pending_in;	/* the VMM owes us the data of an IN */
	u64 value;		/* last read or taken in */
	gfn_t tlb_gfn;
	u64 tlb_entry;		/* 0: nothing is remembered */
	atomic_t events;	/* that the guest has not waited for yet */
};

enum { MODEL_PRESENT = 1, MODEL_WRITABLE = 2, MODEL_YOUNG = 4, MODEL_LARGE = 8 };

static inline u64 arch_stage2_table(phys_addr_t table)
{
	return table | MODEL_PRESENT;
}

static inline phys_addr_t arch_stage2_phys(u64 entry)
{
	return entry & ~(u64)(PAGE_SIZE - 1);
}

static inline u64 arch_stage2_leaf(u64 pfn, bool writable, int level)
{
	return pfn << PAGE_SHIFT | MODEL_PRESENT | MODEL_YOUNG |
	       (writable ? MODEL_WRITABLE : 0) | (level > 1 ? MODEL_LARGE : 0);
}

static inline bool arch_stage2_present(u64 entry)
{
	return entry & MODEL_PRESENT;
}

static inline bool arch_stage2_is_leaf(u64 entry, int level)
{
	return level == 1 || entry & MODEL_LARGE;
}

static inline bool arch_stage2_writable(u64 entry)
{
	return entry & MODEL_WRITABLE;
}

static inline bool arch_stage2_test_young(u64 entry)
{
	return entry & MODEL_YOUNG;
}

static inline u64 arch_stage2_clear_young(u64 entry)
{
	return entry & ~(u64)MODEL_YOUNG;
}

static inline void arch_stage2_write(u64 *entry, u64 value)
{
	/* first what it leads to; pairs with the acquire in model_walk() */
	smp_store_release(entry, value);
}

/* How long a guest-physical address may be. */
static inline unsigned int arch_phys_bits(void)
{
	return 48;
}

#endif
