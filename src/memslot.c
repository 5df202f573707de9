// SPDX-License-Identifier: GPL-2.0-only
/* Which guest frame is which address of the VMM's. */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "twill.h"

/**
 * memslots_init() - give a new machine its empty list of slots
 * @vm: the machine
 *
 * Returns: 0 or -ENOMEM.
 */
int memslots_init(struct vm *vm)
{
	struct memslots *slots = kzalloc(sizeof(*slots), GFP_KERNEL_ACCOUNT);

	if (!slots)
		return -ENOMEM;
	if (init_srcu_struct(&vm->srcu)) {
		kfree(slots);
		return -ENOMEM;
	}
	mutex_init(&vm->slots_lock);
	rcu_assign_pointer(vm->memslots, slots);
	return 0;
}

/**
 * memslots_free() - free the list of slots
 * @vm: a machine that no task can reach any more
 */
void memslots_free(struct vm *vm)
{
	cleanup_srcu_struct(&vm->srcu);
	kfree(rcu_dereference_protected(vm->memslots, true));
}

/**
 * memslot_hva() - where a frame of a slot lies in the VMM's address space
 * @slot: the slot
 * @gfn: one of its frames
 *
 * Returns: the address, of a page.
 */
hva_t memslot_hva(const struct memslot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

/**
 * memslot_find() - the slot that a guest frame lies in
 * @slots: the list, from srcu_dereference()
 * @gfn: the frame
 *
 * Returns: the slot, or NULL where the guest has no memory.
 * Holds: vm->srcu for reading, for as long as the answer is used.
 */
const struct memslot *memslot_find(const struct memslots *slots, gfn_t gfn)
{
	unsigned int i;

	for (i = 0; i < slots->n; i++) {
		const struct memslot *slot = &slots->slot[i];

		if (gfn >= slot->base_gfn &&
		    gfn - slot->base_gfn < slot->npages)
			return slot;
	}
	return NULL;
}

static void memslots_publish(struct vm *vm, struct memslots *slots)
{
	struct memslots *old = rcu_dereference_protected(vm->memslots,
					lockdep_is_held(&vm->slots_lock));

	rcu_assign_pointer(vm->memslots, slots);
	step(memslots_publish, vm);
	synchronize_srcu_expedited(&vm->srcu);
	kfree(old);
}

/* Holds: vm->slots_lock. Takes: vm->mmu_lock. */
static void memslot_retire(struct vm *vm, struct memslots *marked, u32 i)
{
	gfn_t gfn = round_down(marked->slot[i].base_gfn, STAGE2_TOP);
	gfn_t end = marked->slot[i].base_gfn + marked->slot[i].npages;

	marked->slot[i].dying = true;
	memslots_publish(vm, marked);
	for (; gfn < end; gfn += STAGE2_TOP)
		stage2_clear_top(vm, gfn);
}

static int memslot_replace(struct vm *vm, int i, const struct memslot *new)
{
	const struct memslots *now = rcu_dereference_protected(vm->memslots,
					lockdep_is_held(&vm->slots_lock));
	struct memslots *next, *marked = NULL;

	next = kmemdup(now, sizeof(*now), GFP_KERNEL_ACCOUNT);
	if (!next)
		return -ENOMEM;
	if (i < next->n) {
		marked = kmemdup(now, sizeof(*now), GFP_KERNEL_ACCOUNT);
		if (!marked) {
			kfree(next);
			return -ENOMEM;
		}
	}
	if (i < next->n)
		next->slot[i] = next->slot[--next->n];
	if (new)
		next->slot[next->n++] = *new;
	if (marked)
		memslot_retire(vm, marked, i);
	memslots_publish(vm, next);
	return 0;
}

static bool memslot_overlaps(const struct memslots *slots,
			     const struct memslot *new)
{
	unsigned int i;

	for (i = 0; i < slots->n; i++) {
		const struct memslot *slot = &slots->slot[i];

		if (slot->id != new->id &&
		    slot->base_gfn < new->base_gfn + new->npages &&
		    new->base_gfn < slot->base_gfn + slot->npages)
			return true;
	}
	return false;
}

static bool memslot_beyond(const struct memslot *new)
{
	u64 end = min(STAGE2_SIZE, 1ULL << arch_phys_bits());

	return new->base_gfn + new->npages > end >> PAGE_SHIFT;
}

static int memslot_parse(const struct kvm_userspace_memory_region *region,
			 struct memslot *slot)
{
	u64 size = region->memory_size, gpa = region->guest_phys_addr;

	if (region->flags || region->slot >= MAX_MEMSLOTS ||
	    !PAGE_ALIGNED(size) || !PAGE_ALIGNED(gpa) ||
	    !PAGE_ALIGNED(region->userspace_addr))
		return -EINVAL;
	if (gpa + size < gpa)
		return -EINVAL;
	if (region->userspace_addr + size < region->userspace_addr ||
	    !access_ok((void __user *)(unsigned long)region->userspace_addr,
		       size))
		return -EINVAL;
	slot->id = region->slot;
	slot->base_gfn = gpa >> PAGE_SHIFT;
	slot->npages = size >> PAGE_SHIFT;
	slot->hva = region->userspace_addr;
	return 0;
}

static int memslot_decide(struct vm *vm, const struct memslot *new)
{
	const struct memslots *now = rcu_dereference_protected(vm->memslots,
					lockdep_is_held(&vm->slots_lock));
	int i = 0;

	while (i < now->n && now->slot[i].id != new->id)
		i++;
	if (!new->npages)
		return i < now->n ? memslot_replace(vm, i, NULL) : -EINVAL;
	if (i < now->n) {
		if (now->slot[i].npages != new->npages ||
		    now->slot[i].hva != new->hva)
			return -EINVAL;
		if (now->slot[i].base_gfn == new->base_gfn)
			return 0;
	}
	if (memslot_overlaps(now, new))
		return -EEXIST;
	if (memslot_beyond(new))
		return -EINVAL;
	return memslot_replace(vm, i, new);
}

/**
 * memslot_set() - add, move or remove a slot
 * @vm: the machine
 * @region: what the VMM asks for; a size of 0 removes
 *
 * Returns: 0; -EINVAL, -EEXIST (overlaps another slot) or -ENOMEM.
 * Context: may sleep, and waits for faults that are under way.
 * Takes: vm->slots_lock, vm->mmu_lock.
 */
int memslot_set(struct vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct memslot new = {};
	int r = memslot_parse(region, &new);

	if (r)
		return r;
	mutex_lock(&vm->slots_lock);
	r = memslot_decide(vm, &new);
	mutex_unlock(&vm->slots_lock);
	return r;
}
