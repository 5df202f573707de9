/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MMU_NOTIFIER_H
#define SHIM_MMU_NOTIFIER_H

#include <linux/kernel.h>
#include <linux/mm_types.h>

struct mm_struct;
struct mmu_notifier;

typedef struct {
	struct mm_struct *mm;
} pgd_t;
typedef pgd_t p4d_t;
typedef pgd_t pud_t;
typedef struct {
	unsigned long large;
} pmd_t;

struct mm_struct {
	int mm_users, mm_count, mmap_readers;
	struct mmu_notifier *notifiers;
	pgd_t pgd;
	pmd_t pmd[16];
};

struct mmu_notifier_range {
	struct mm_struct *mm;
	unsigned long start, end;
	bool in_a_hurry;		/* the host is out of memory */
};

#define mmu_notifier_range_blockable(r)	(!(r)->in_a_hurry)

struct mmu_notifier_ops {
	void (*release)(struct mmu_notifier *mn, struct mm_struct *mm);
	int (*clear_flush_young)(struct mmu_notifier *mn, struct mm_struct *mm,
				 unsigned long start, unsigned long end);
	int (*clear_young)(struct mmu_notifier *mn, struct mm_struct *mm,
			   unsigned long start, unsigned long end);
	int (*test_young)(struct mmu_notifier *mn, struct mm_struct *mm,
			  unsigned long address);
	int (*invalidate_range_start)(struct mmu_notifier *mn,
				      const struct mmu_notifier_range *r);
	void (*invalidate_range_end)(struct mmu_notifier *mn,
				     const struct mmu_notifier_range *r);
};

struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
	struct mm_struct *mm;
	struct mmu_notifier *next;
	int active;			/* callbacks that are under way */
	int begun;			/* invalidations; not all have ended */
	bool gone;			/* the address space has ended */
};

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *mm);
void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *mm);

#endif
