// SPDX-License-Identifier: GPL-2.0-only
/* From a guest's fault to an entry in the table. */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include "twill.h"

#define FAULT_AROUND 15U	/* pages that a fault may bring */

/**
 * struct fault - what is known so far about a frame that a guest touched
 * @vcpu: whose guest it was
 * @slot: the slot that the frame lies in
 * @gfn: the frame
 * @hva: where it lies in the VMM's address space
 * @write: the guest wants to write to it
 * @writable: the host lets it
 * @seq: vm->invalidate_seq, from before the host was asked
 * @pfn: the host's page frame
 * @n: how many pages were found, of this frame and those that follow; 0 where
 *	the host has no pages there, but something
 * @page: these pages, each with a reference
 */
struct fault {
	struct vcpu *vcpu;
	const struct memslot *slot;
	gfn_t gfn;
	hva_t hva;
	bool write, writable;
	unsigned long seq;
	u64 pfn;
	unsigned int n;
	struct page *page[FAULT_AROUND];
};

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

static int fault_level(const struct fault *fault)
{
	gfn_t first = round_down(fault->gfn, STAGE2_ENTRIES);
	const struct memslot *slot = fault->slot;
	struct vm *vm = fault->vcpu->vm;
	unsigned long flags;
	bool large;

	if (first < slot->base_gfn || first + STAGE2_ENTRIES >
				      slot->base_gfn + slot->npages ||
	    !IS_ALIGNED(memslot_hva(slot, first), STAGE2_ENTRIES * PAGE_SIZE))
		return 1;
	local_irq_save(flags);	/* no table of the host's is freed meanwhile */
	large = host_maps_large(vm->mm, fault->hva);
	local_irq_restore(flags);
	return large ? 2 : 1;
}

static bool being_invalidated(const struct vm *vm, hva_t start, unsigned int n)
{
	return vm->invalidating && start < vm->invalid_end &&
	       vm->invalid_start < start + n * PAGE_SIZE;
}

static void write_entries(struct fault *fault)
{
	struct vm *vm = fault->vcpu->vm;
	int level = fault_level(fault);
	u64 *entry = stage2_map(vm, fault->gfn, fault->pfn, level,
				fault->writable, &fault->vcpu->pool);
	unsigned int i;

	if (level == 1 && fault->n > 1)
		stage2_map_more(vm, entry, &fault->page[1], fault->n - 1,
				fault->writable);
	for (i = 0; fault->writable && i < fault->n; i++) {
		if (!PageDirty(fault->page[i]))
			SetPageDirty(fault->page[i]);
	}
}

/* Puts: the pages. Takes: vm->mmu_lock. */
static void fault_map(struct fault *fault)
{
	struct vm *vm = fault->vcpu->vm;
	unsigned int n = max(fault->n, 1U);

	spin_lock(&vm->mmu_lock);
	step(fault_recheck, vm);
	if (vm->invalidate_seq == fault->seq &&
	    !being_invalidated(vm, fault->hva, n))
		write_entries(fault);
	stage2_unlock(vm, true);
	fault->vcpu->next_gfn = fault->gfn + n;
	while (fault->n)
		put_page(fault->page[--fault->n]);
}

static int follow_entry(struct fault *fault, struct follow_pfnmap_args *at)
{
	unsigned int flags = fault->write ? FAULT_FLAG_WRITE : 0;
	bool unlocked = false;
	int r = follow_pfnmap_start(at);

	if (r) {
		r = fixup_user_fault(at->vma->vm_mm, fault->hva, flags,
				     &unlocked);
		if (unlocked)		/* the mapping may be another by now */
			return -EAGAIN;
		r = r ?: follow_pfnmap_start(at);
	}
	if (r)
		return -EFAULT;
	fault->pfn = at->pfn;
	fault->writable = at->writable;
	follow_pfnmap_end(at);
	return fault->write && !fault->writable ? 0 : 1;
}

static int fault_find_pfn(struct fault *fault)
{
	struct mm_struct *mm = fault->vcpu->vm->mm;
	struct follow_pfnmap_args at = { .address = fault->hva };
	int r = -EFAULT;

	mmap_read_lock(mm);
	at.vma = vma_lookup(mm, fault->hva);
	if (at.vma && at.vma->vm_flags & (VM_IO | VM_PFNMAP))
		r = follow_entry(fault, &at);
	mmap_read_unlock(mm);
	return r;
}

static unsigned int fault_around(const struct fault *fault)
{
	const struct memslot *slot = fault->slot;
	struct vcpu *vcpu = fault->vcpu;
	gfn_t end = min(slot->base_gfn + slot->npages,
			round_up(fault->gfn + 1, STAGE2_ENTRIES));

	if (fault->gfn == vcpu->next_gfn)
		vcpu->around = min(2 * vcpu->around + 1, FAULT_AROUND);
	else
		vcpu->around = 1;
	return min_t(gfn_t, vcpu->around, end - fault->gfn);
}

/* Puts: the pages that are left out. Returns: how many are not. */
static long leave_out(struct page **page, long found)
{
	long n = 1;

	while (n < found && (PageDirty(page[n]) || PageAnon(page[n])))
		n++;
	while (found > n)
		put_page(page[--found]);
	return n;
}

/* Gets: the page to write to. Puts: the page in whose place it comes. */
static bool now_writable(struct fault *fault)
{
	struct page *page;

	if (get_user_pages_fast_only(fault->hva, 1, FOLL_WRITE, &page) != 1)
		return false;
	put_page(fault->page[0]);
	fault->page[0] = page;
	return true;
}

/* Gets: the pages. */
static long find_pages(struct fault *fault, unsigned int n)
{
	unsigned int write = fault->write ? FOLL_WRITE : 0;
	struct page **page = fault->page;
	long found = get_user_pages_fast_only(fault->hva, n, FOLL_WRITE, page);

	fault->writable = found > 0;
	if (found > 0)
		return leave_out(page, found);
	if (!write)
		found = get_user_pages_fast_only(fault->hva, n, 0, page);
	if (found > 0)
		return found;
	found = get_user_pages_unlocked(fault->hva, 1, page, write |
					FOLL_HWPOISON | FOLL_NOWAIT);
	fault->writable = found == 1 && (write || now_writable(fault));
	return found;
}

static int fault_no_page(struct fault *fault, long error)
{
	switch (error) {
	case 0:
		return -EINPROGRESS;
	case -EINTR:
	case -EAGAIN:
		return -EAGAIN;
	case -EHWPOISON:
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)fault->hva,
				PAGE_SHIFT, current);
		return -EAGAIN;
	}
	return fault_find_pfn(fault);
}

/* Gets: the pages, until fault_map() has mapped them. */
static int fault_find_page(struct fault *fault)
{
	struct vcpu *vcpu = fault->vcpu;
	long n = fault_around(fault);

	fault->seq = READ_ONCE(vcpu->vm->invalidate_seq);
	smp_rmb();	/* the count before the page: pairs with the notifier */
	step(fault_find_page, vcpu->vm);
	n = find_pages(fault, n);
	if (n < 1)
		return fault_no_page(fault, n);
	fault->n = n;
	fault->pfn = page_to_pfn(fault->page[0]);
	return 1;
}

static int fault_find_slot(struct fault *fault)
{
	struct vm *vm = fault->vcpu->vm;

	fault->slot = memslot_find(srcu_dereference(vm->memslots, &vm->srcu),
				   fault->gfn);
	if (!fault->slot)
		return 0;
	if (fault->slot->dying)
		return -EAGAIN;
	fault->hva = memslot_hva(fault->slot, fault->gfn);
	return 1;
}

/**
 * fault_handle() - the guest touched a frame that is not in the table
 * @vcpu: whose guest it was
 * @gpa: the address
 * @write: whether it wanted to write
 *
 * Returns: 1, and the guest may try again, which may fault again; 0 where the
 *	guest has no memory, or none that may be written; -EFAULT where the VMM
 *	has no memory behind the slot; -ENOMEM.
 * Context: may sleep, until the page has come, or a signal.
 * Holds: vcpu->lock.
 * Takes: vm->srcu for reading, vm->mmu_lock.
 */
int fault_handle(struct vcpu *vcpu, gpa_t gpa, bool write)
{
	struct fault fault = {
		.vcpu = vcpu, .gfn = gpa >> PAGE_SHIFT, .write = write,
	};
	int idx, r = stage2_fill_pool(&vcpu->pool);
	struct vm *vm = vcpu->vm;

	if (r)
		return r;
	idx = srcu_read_lock(&vm->srcu);
	r = fault_find_slot(&fault);
	if (r > 0)
		r = fault_find_page(&fault);
	if (r > 0)
		fault_map(&fault);
	srcu_read_unlock(&vm->srcu, idx);
	if (r == -EINPROGRESS)
		return async_pf_wait(vcpu, fault.gfn, fault.hva, write);
	return r == -EAGAIN ? 1 : r;
}
