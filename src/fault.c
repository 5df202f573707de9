// SPDX-License-Identifier: GPL-2.0-only
/* From a guest's fault to an entry in the table. */
#include <linux/mm.h>
#include "twill.h"

static void fault_map(struct vcpu *vcpu, gfn_t gfn, u64 pfn, bool write,
		      unsigned long seq)
{
	struct vm *vm = vcpu->vm;

	spin_lock(&vm->mmu_lock);
	step(fault_recheck, vm);
	if (!vm->invalidating && vm->invalidate_seq == seq)
		stage2_map(vm, gfn, pfn, write, &vcpu->pool);
	spin_unlock(&vm->mmu_lock);
}

static int fault_slot(struct vcpu *vcpu, const struct memslot *slot, gfn_t gfn,
		      bool write)
{
	hva_t hva = slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
	unsigned long seq = READ_ONCE(vcpu->vm->invalidate_seq);
	struct page *page;
	long n;

	smp_rmb();	/* the count before the page: pairs with the notifier */
	step(fault_find_page, vcpu->vm);
	n = get_user_pages_unlocked(hva, 1, &page, write ? FOLL_WRITE : 0);
	if (n != 1)
		return n == -EINTR || n == -EAGAIN ? 1 : -EFAULT;
	fault_map(vcpu, gfn, page_to_pfn(page), write, seq);
	put_page(page);
	return 1;
}

/**
 * fault_handle() - the guest touched a frame that is not in the table
 * @vcpu: whose guest it was
 * @gpa: the address
 * @write: whether it wanted to write
 *
 * Returns: 1, and the guest may try again, which may fault again; 0 where the
 *	guest has no memory; -EFAULT where the VMM has no memory behind the
 *	slot, or none that may be written; -ENOMEM.
 * Context: may sleep.
 * Holds: vcpu->lock.
 * Takes: vm->srcu for reading, vm->mmu_lock.
 */
int fault_handle(struct vcpu *vcpu, gpa_t gpa, bool write)
{
	struct vm *vm = vcpu->vm;
	const struct memslot *slot;
	int idx, r = stage2_fill_pool(&vcpu->pool);

	if (r)
		return r;
	idx = srcu_read_lock(&vm->srcu);
	slot = memslot_find(srcu_dereference(vm->memslots, &vm->srcu),
			    gpa >> PAGE_SHIFT);
	if (!slot)
		r = 0;
	else if (slot->dying)
		r = 1;
	else
		r = fault_slot(vcpu, slot, gpa >> PAGE_SHIFT, write);
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
