// SPDX-License-Identifier: GPL-2.0-only
/* From a guest's fault to an entry in the table. */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include "twill.h"

static bool host_maps_large(struct mm_struct *mm, hva_t hva)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, hva));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	if (!pgd_present(pgd))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (!p4d_present(p4d))
		return false;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (!pud_present(pud) || pud_leaf(pud))
		return pud_present(pud);
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	return pmd_present(pmd) && pmd_leaf(pmd);
}

static int fault_level(struct vm *vm, const struct memslot *slot, gfn_t gfn)
{
	gfn_t first = round_down(gfn, STAGE2_ENTRIES);
	unsigned long flags;
	bool large;

	if (first < slot->base_gfn || first + STAGE2_ENTRIES >
				      slot->base_gfn + slot->npages ||
	    !IS_ALIGNED(memslot_hva(slot, first), STAGE2_ENTRIES * PAGE_SIZE))
		return 1;
	local_irq_save(flags);	/* no table of the host's is freed meanwhile */
	large = host_maps_large(vm->mm, memslot_hva(slot, gfn));
	local_irq_restore(flags);
	return large ? 2 : 1;
}

/* Takes: vm->mmu_lock. */
static void fault_map(struct vcpu *vcpu, const struct memslot *slot, gfn_t gfn,
		      struct page **page, unsigned int n, bool write,
		      unsigned long seq)
{
	struct vm *vm = vcpu->vm;
	u64 *entry;
	int level;

	spin_lock(&vm->mmu_lock);
	step(fault_recheck, vm);
	if (!vm->invalidating && vm->invalidate_seq == seq) {
		level = fault_level(vm, slot, gfn);
		entry = stage2_map(vm, gfn, page_to_pfn(page[0]), level, write,
				   &vcpu->pool);
		if (level == 1)
			stage2_map_more(vm, entry, &page[1], n - 1, write);
	}
	spin_unlock(&vm->mmu_lock);
}

static int fault_no_page(hva_t hva, long error)
{
	switch (error) {
	case -EINTR:
	case -EAGAIN:
		return 1;
	case -EHWPOISON:
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva,
				PAGE_SHIFT, current);
		return 1;
	}
	return -EFAULT;
}

/* Gets: the pages, for the caller. */
static long find_pages(hva_t hva, unsigned int n, bool write,
		       struct page **page)
{
	unsigned int i, flags = write ? FOLL_WRITE : 0;
	long found = get_user_pages_fast_only(hva, n, flags, page);

	if (!found)
		return get_user_pages_unlocked(hva, 1, page,
					       flags | FOLL_HWPOISON);
	for (i = 0; write && i < found; i++) {
		if (!PageDirty(page[i]))
			set_page_dirty_lock(page[i]);
	}
	return found;
}

#define FAULT_AROUND 15U

static unsigned int fault_around(struct vcpu *vcpu, const struct memslot *slot,
				 gfn_t gfn)
{
	gfn_t end = min(slot->base_gfn + slot->npages,
			round_up(gfn + 1, STAGE2_ENTRIES));

	if (gfn == vcpu->next_gfn)
		vcpu->around = min(2 * vcpu->around + 1, FAULT_AROUND);
	else
		vcpu->around = 1;
	return min_t(gfn_t, vcpu->around, end - gfn);
}

/* Gets: the page, until it is mapped. */
static int fault_slot(struct vcpu *vcpu, const struct memslot *slot, gfn_t gfn,
		      bool write)
{
	unsigned long seq = READ_ONCE(vcpu->vm->invalidate_seq);
	hva_t hva = memslot_hva(slot, gfn);
	struct page *page[FAULT_AROUND];
	long n = fault_around(vcpu, slot, gfn);

	smp_rmb();	/* the count before the page: pairs with the notifier */
	step(fault_find_page, vcpu->vm);
	n = find_pages(hva, n, write, page);
	if (n < 1)
		return fault_no_page(hva, n);
	fault_map(vcpu, slot, gfn, page, n, write, seq);
	vcpu->next_gfn = gfn + n;
	while (n)
		put_page(page[--n]);
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
