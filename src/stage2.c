// SPDX-License-Identifier: GPL-2.0-only
/* The table that leads from guest frames to the host's pages. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "twill.h"

static struct kmem_cache *table_cache;

/**
 * stage2_init_cache() - make the cache that tables come from
 *
 * Returns: 0 or -ENOMEM.
 */
int stage2_init_cache(void)
{
	table_cache = kmem_cache_create("twill_stage2", PAGE_SIZE, PAGE_SIZE,
					SLAB_ACCOUNT, NULL);
	return table_cache ? 0 : -ENOMEM;
}

/**
 * stage2_exit_cache() - free the cache; every table has been freed before
 */
void stage2_exit_cache(void)
{
	kmem_cache_destroy(table_cache);
}

/**
 * stage2_fill_pool() - have enough tables at hand to map any page
 * @pool: where to keep them
 *
 * Returns: 0 or -ENOMEM.
 * Context: may sleep.
 */
int stage2_fill_pool(struct table_pool *pool)
{
	while (pool->n < ARRAY_SIZE(pool->table)) {
		u64 *table = kmem_cache_zalloc(table_cache,
					       GFP_KERNEL_ACCOUNT);

		if (!table)
			return -ENOMEM;
		pool->table[pool->n++] = table;
	}
	return 0;
}

/**
 * stage2_empty_pool() - give back the tables that were not needed
 * @pool: where they were kept
 */
void stage2_empty_pool(struct table_pool *pool)
{
	while (pool->n)
		kmem_cache_free(table_cache, pool->table[--pool->n]);
}

/* The caller is one of the address space's threads, and so keeps the table. */
static void assert_inside(const struct vm *vm)
{
	WARN_ON_ONCE(current->mm != vm->mm);
}

static unsigned int stage2_index(gfn_t gfn, int level)
{
	return (gfn >> (9 * (level - 1))) & (STAGE2_ENTRIES - 1);
}

static u64 *stage2_child(u64 entry)
{
	return phys_to_virt(arch_stage2_phys(entry));
}

struct walk {
	bool (*entry)(struct stage2 *stage2, u64 *entry, int level);
	struct stage2 *stage2;
	bool tables;	/* a table that lies in the range counts as an entry */
};

static bool stage2_walk(const struct walk *walk, u64 *table, int level,
			 gfn_t first, gfn_t end)
{
	gfn_t size = 1ULL << (9 * (level - 1));	/* of one entry, in frames */
	bool any = false;
	gfn_t gfn, next;

	for (gfn = first; gfn < end; gfn = next) {
		u64 *entry = &table[stage2_index(gfn, level)];

		next = min(end, (gfn | (size - 1)) + 1);
		if (!arch_stage2_present(*entry))
			continue;
		if (arch_stage2_is_leaf(*entry, level) ||
		    (walk->tables && next - gfn == size))
			any |= walk->entry(walk->stage2, entry, level);
		else
			any |= stage2_walk(walk, stage2_child(*entry), level - 1,
					    gfn, next);
	}
	return any;
}

/* The first entry that is there, of this one and those after it. */
static unsigned int next_present(const u64 *table, unsigned int from)
{
	const void *found = memchr_inv(&table[from], 0,
				(STAGE2_ENTRIES - from) * sizeof(*table));

	return found ? (found - (const void *)table) / sizeof(*table) :
		       STAGE2_ENTRIES;
}

#define for_each_present(i, table)					\
	for (i = next_present(table, 0); i < STAGE2_ENTRIES;		\
	     i = next_present(table, i + 1))

static void bury(u64 **dead, u64 *table, int level)
{
	unsigned int i;

	if (level > 1) {
		for_each_present(i, table) {
			if (!arch_stage2_is_leaf(table[i], level))
				bury(dead, stage2_child(table[i]), level - 1);
		}
	}
	WRITE_ONCE(table[0], (uintptr_t)*dead);
	*dead = table;
}

/**
 * stage2_unlock() - let go of the table, and free what was taken out of it
 * @vm: the machine, whose vm->mmu_lock is dropped
 * @may_sleep: whether other tasks may run in between
 *
 * Context: interrupts on. vm_flush() has been called since the last table was
 *	taken out: no vCPU stands on one of them.
 * Holds: vm->mmu_lock, until it returns.
 */
void stage2_unlock(struct vm *vm, bool may_sleep)
	__releases(&vm->mmu_lock)
{
	u64 *dead = vm->stage2.dead, *next;

	vm->stage2.dead = NULL;
	spin_unlock(&vm->mmu_lock);
	for (; dead; dead = next) {
		next = (u64 *)(uintptr_t)dead[0];
		kmem_cache_free(table_cache, dead);
		if (may_sleep)
			cond_resched();
	}
}

static void free_below(u64 *table, int level)
{
	unsigned int i;

	if (level > 1) {
		for_each_present(i, table) {
			if (!arch_stage2_is_leaf(table[i], level))
				free_below(stage2_child(table[i]), level - 1);
		}
	}
	kmem_cache_free(table_cache, table);
	cond_resched();
}

static bool clear_entry(struct stage2 *stage2, u64 *entry, int level)
{
	u64 old = *entry;

	WRITE_ONCE(*entry, 0);
	if (!arch_stage2_is_leaf(old, level))
		bury(&stage2->dead, stage2_child(old), level - 1);
	return true;
}

/**
 * stage2_unmap() - take frames away from the guest
 * @vm: the machine
 * @first: the first frame
 * @end: the frame after the last
 *
 * Returns: whether anything was there. The caller must then call vm_flush()
 *	before it lets go of the lock, and does that by stage2_unlock().
 * Context: a callback of the notifier: the table may have gone.
 * Holds: vm->mmu_lock.
 */
bool stage2_unmap(struct vm *vm, gfn_t first, gfn_t end)
{
	struct walk unmap = { clear_entry, &vm->stage2, true };

	lockdep_assert_held(&vm->mmu_lock);
	if (!vm->stage2.root)
		return false;
	step(stage2_unmap, vm);
	return stage2_walk(&unmap, vm->stage2.root, STAGE2_LEVELS,
			    first, end);
}

/**
 * stage2_clear_top() - take away all that an entry of the root leads to
 * @vm: the machine
 * @gfn: the first frame of it
 *
 * Context: may sleep.
 * Holds: the machine's address space, by being one of its threads.
 * Takes: vm->mmu_lock, once for each piece that there is.
 */
void stage2_clear_top(struct vm *vm, gfn_t gfn)
{
	unsigned int piece = 0;
	bool any = false;
	u64 *top, *table;

	spin_lock(&vm->mmu_lock);
	assert_inside(vm);
	step(stage2_unmap, vm);
	top = &vm->stage2.root[stage2_index(gfn, STAGE2_LEVELS)];
	while (arch_stage2_present(*top)) {
		table = stage2_child(*top);
		piece = next_present(table, piece);
		if (piece == STAGE2_ENTRIES)
			break;
		if (any) {
			vm_flush(vm);
			stage2_unlock(vm, true);
			any = false;
			spin_lock(&vm->mmu_lock);
			continue;
		}
		any = clear_entry(&vm->stage2, &table[piece++], STAGE2_LEVELS - 1);
	}
	if (arch_stage2_present(*top))
		any = clear_entry(&vm->stage2, top, STAGE2_LEVELS);
	if (any)
		vm_flush(vm);
	stage2_unlock(vm, true);
}

/**
 * stage2_map() - let a guest frame lead to a page of the host's
 * @vm: the machine
 * @gfn: the frame
 * @pfn: the host's page frame
 * @level: 1 for that page; 2 for all of the 2 MiB that it lies in
 * @writable: whether the guest may write to it
 * @pool: tables, filled by stage2_fill_pool()
 *
 * An entry that is there already is replaced; that is how a read-only one
 * becomes writable.
 *
 * Returns: the entry.
 * Context: interrupts on.
 * Holds: vm->mmu_lock; the machine's address space, by being one of its
 *	threads.
 */
u64 *stage2_map(struct vm *vm, gfn_t gfn, u64 pfn, int level, bool writable,
		struct table_pool *pool)
{
	u64 *table = vm->stage2.root, *entry;
	int at;

	lockdep_assert_held(&vm->mmu_lock);
	assert_inside(vm);
	for (at = STAGE2_LEVELS;; at--) {
		entry = &table[stage2_index(gfn, at)];
		if (arch_stage2_present(*entry) &&
		    arch_stage2_is_leaf(*entry, at) != (at == level)) {
			clear_entry(&vm->stage2, entry, at);
			vm_flush(vm);
		}
		if (at == level)
			break;
		if (!arch_stage2_present(*entry)) {
			table = pool->table[--pool->n];
			arch_stage2_write(entry,
					  arch_stage2_table(virt_to_phys(table)));
		}
		table = stage2_child(*entry);
	}
	pfn = round_down(pfn, 1ULL << (9 * (level - 1)));
	arch_stage2_write(entry, arch_stage2_leaf(pfn, writable, level));
	if (level == 1)
		step(stage2_map, vm);
	else
		step(stage2_map_large, vm);
	return entry;
}

/**
 * stage2_map_more() - let the next frames lead to pages as well
 * @vm: the machine
 * @entry: from stage2_map(), of the lowest level
 * @page: a page for each of the frames that follow
 * @n: how many; their entries are in the same table
 * @writable: whether the guest may write to them
 *
 * The guest has used none of them yet. Entries that are there stay.
 *
 * Holds: vm->mmu_lock, since stage2_map() returned @entry.
 */
void stage2_map_more(struct vm *vm, u64 *entry, struct page **page,
		     unsigned int n, bool writable)
{
	lockdep_assert_held(&vm->mmu_lock);
	while (n--) {
		u64 leaf = arch_stage2_leaf(page_to_pfn(*page++), writable, 1);

		if (arch_stage2_present(*++entry))
			continue;
		arch_stage2_write(entry, arch_stage2_clear_young(leaf));
		step(stage2_map_more, vm);
	}
}

static bool test_young(struct stage2 *stage2, u64 *entry, int level)
{
	return arch_stage2_test_young(*entry);
}

static bool clear_young(struct stage2 *stage2, u64 *entry, int level)
{
	bool young = arch_stage2_test_young(*entry);

	if (young)
		WRITE_ONCE(*entry, arch_stage2_clear_young(*entry));
	return young;
}

/**
 * stage2_age() - ask whether the guest has used any of these frames
 * @vm: the machine
 * @first: the first frame
 * @end: the frame after the last
 * @clear: forget it, so that the next question is about time from now
 *
 * Returns: whether any was used.
 * Context: a callback of the notifier: the table may have gone.
 * Holds: vm->mmu_lock.
 */
bool stage2_age(struct vm *vm, gfn_t first, gfn_t end, bool clear)
{
	struct walk age = {
		clear ? clear_young : test_young, &vm->stage2, false,
	};

	lockdep_assert_held(&vm->mmu_lock);
	if (!vm->stage2.root)
		return false;
	step(stage2_age, vm);
	return stage2_walk(&age, vm->stage2.root, STAGE2_LEVELS, first, end);
}

/**
 * stage2_init() - give a new machine its empty table
 * @vm: the machine
 *
 * Returns: 0 or -ENOMEM.
 */
int stage2_init(struct vm *vm)
{
	spin_lock_init(&vm->mmu_lock);
	vm->stage2.root = kmem_cache_zalloc(table_cache, GFP_KERNEL_ACCOUNT);
	return vm->stage2.root ? 0 : -ENOMEM;
}

/**
 * stage2_free() - free the table, if that has not been done
 * @vm: a machine whose vCPUs do not run and will not run again
 *
 * Context: may sleep. May be called again, even at the same time: by the
 *	notifier, for an exit and for unregistering, and by vm_destroy().
 * Takes: vm->mmu_lock.
 */
void stage2_free(struct vm *vm)
{
	u64 *root;

	spin_lock(&vm->mmu_lock);
	root = vm->stage2.root;
	vm->stage2.root = NULL;
	spin_unlock(&vm->mmu_lock);
	step(stage2_free, vm);
	if (root)
		free_below(root, STAGE2_LEVELS);
}
