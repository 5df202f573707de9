// SPDX-License-Identifier: GPL-2.0-only
/* The host takes pages back, asks about them, and says when all are gone. */
#include <linux/mm.h>
#include "twill.h"

typedef bool range_fn(struct vm *vm, gfn_t first, gfn_t end);

static bool walk_slots(struct vm *vm, hva_t start, hva_t end, range_fn *fn)
{
	const struct memslots *slots = srcu_dereference(vm->memslots,
							&vm->srcu);
	bool any = false;
	unsigned int i;

	for (i = 0; i < slots->n; i++) {
		const struct memslot *s = &slots->slot[i];
		hva_t from = max(start, s->hva);
		hva_t to = min_t(hva_t, end,
				 s->hva + (s->npages << PAGE_SHIFT));

		if (from < to)
			any |= fn(vm, s->base_gfn + ((from - s->hva) >> PAGE_SHIFT),
				  s->base_gfn + ((to - s->hva + PAGE_SIZE - 1)
						 >> PAGE_SHIFT));
	}
	return any;
}

/* Takes: vm->srcu for reading, vm->mmu_lock. */
static int invalidate_start(struct mmu_notifier *mn,
			    const struct mmu_notifier_range *range)
{
	struct vm *vm = container_of(mn, struct vm, mn);
	int idx = srcu_read_lock(&vm->srcu);

	spin_lock(&vm->mmu_lock);
	step(invalidate_start, vm);
	if (!vm->invalidating++) {
		vm->invalid_start = range->start;
		vm->invalid_end = range->end;
	}
	vm->invalid_start = min(vm->invalid_start, range->start);
	vm->invalid_end = max(vm->invalid_end, range->end);
	if (walk_slots(vm, range->start, range->end, stage2_unmap))
		vm_flush(vm);
	stage2_unlock(vm, mmu_notifier_range_blockable(range));
	srcu_read_unlock(&vm->srcu, idx);
	return 0;
}

/* Takes: vm->mmu_lock. */
static void invalidate_end(struct mmu_notifier *mn,
			   const struct mmu_notifier_range *range)
{
	struct vm *vm = container_of(mn, struct vm, mn);

	spin_lock(&vm->mmu_lock);
	step(invalidate_end, vm);
	/* a fault reads it without the lock: see fault_find_page() */
	WRITE_ONCE(vm->invalidate_seq, vm->invalidate_seq + 1);
	vm->invalidating--;
	spin_unlock(&vm->mmu_lock);
}

static bool clear_range(struct vm *vm, gfn_t first, gfn_t end)
{
	return stage2_age(vm, first, end, true);
}

static bool test_range(struct vm *vm, gfn_t first, gfn_t end)
{
	return stage2_age(vm, first, end, false);
}

/* Takes: vm->srcu for reading, vm->mmu_lock. */
static bool age(struct mmu_notifier *mn, hva_t start, hva_t end, range_fn *fn,
		bool flush)
{
	struct vm *vm = container_of(mn, struct vm, mn);
	int idx = srcu_read_lock(&vm->srcu);
	bool young;

	step(notifier_age, vm);
	spin_lock(&vm->mmu_lock);
	young = walk_slots(vm, start, end, fn);
	if (young && flush)
		vm_flush(vm);
	spin_unlock(&vm->mmu_lock);
	srcu_read_unlock(&vm->srcu, idx);
	return young;
}

static int clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
			     unsigned long start, unsigned long end)
{
	return age(mn, start, end, clear_range, true);
}

static int clear_young_only(struct mmu_notifier *mn, struct mm_struct *mm,
			    unsigned long start, unsigned long end)
{
	return age(mn, start, end, clear_range, false);
}

static int test_young_page(struct mmu_notifier *mn, struct mm_struct *mm,
			   unsigned long address)
{
	return age(mn, address, address + 1, test_range, false);
}

static void address_space_gone(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct vm *vm = container_of(mn, struct vm, mn);

	step(notifier_release, vm);
	stage2_free(vm);
	step(notifier_released, vm);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
	.clear_flush_young = clear_flush_young,
	.clear_young = clear_young_only,
	.test_young = test_young_page,
	.release = address_space_gone,
};

/**
 * notifier_register() - ask to be told what the host does to our memory
 * @vm: a machine that is complete but for this
 *
 * Returns: 0 or a negative errno.
 */
int notifier_register(struct vm *vm)
{
	vm->mn.ops = &notifier_ops;
	return mmu_notifier_register(&vm->mn, vm->mm);
}

/**
 * notifier_unregister() - be told no more
 * @vm: a machine without references
 *
 * On return no callback runs and none will.
 *
 * Context: may sleep; waits for callbacks that are under way.
 */
void notifier_unregister(struct vm *vm)
{
	mmu_notifier_unregister(&vm->mn, vm->mm);
}
