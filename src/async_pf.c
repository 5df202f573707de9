// SPDX-License-Identifier: GPL-2.0-only
/* Pages that a guest wants and that are not there: who waits for them. */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "twill.h"

#define MAX_ASYNC_PFS 64	/* of one vCPU */

/**
 * struct async_pf - a page that is on its way to a vCPU
 * @node: in vcpu->async_pfs
 * @work: what brings it; @work.func is NULL where nothing is to be brought
 * @vcpu: whose guest wants it
 * @gfn: the frame
 * @hva: where it lies in the VMM's address space
 * @write: the guest wants to write to it
 * @told: the guest knows that it was not there, by this number:
 * @token: the architecture's
 * @done: it has come. Set by the worker; all else is guarded by vcpu->lock
 */
struct async_pf {
	struct list_head node;
	struct work_struct work;
	struct vcpu *vcpu;
	gfn_t gfn;
	hva_t hva;
	bool write;
	bool told;
	u32 token;
	bool done;
};

/* Gets: nothing. The page stays for as long as the host likes. */
static void bring_page(struct mm_struct *mm, hva_t hva, bool write)
{
	unsigned int flags = write ? FAULT_FLAG_WRITE : 0;
	bool unlocked;

	mmap_read_lock(mm);
	fixup_user_fault(mm, hva, flags | FAULT_FLAG_REMOTE, &unlocked);
	mmap_read_unlock(mm);
}

/* Puts: the address space. */
static void async_pf_work(struct work_struct *work)
{
	struct async_pf *apf = container_of(work, struct async_pf, work);
	struct vcpu *vcpu = apf->vcpu;
	struct mm_struct *mm = vcpu->vm->mm;

	step(async_pf_begin, vcpu);
	bring_page(mm, apf->hva, apf->write);
	mmput(mm);
	step(async_pf_done, vcpu);
	/* the page before the word; pairs with the acquire in has_come() */
	smp_store_release(&apf->done, true);
	vcpu_request(vcpu, REQUEST_EVENT);
	step(async_pf_end, vcpu);
}

/* Gets: the address space, for the worker. */
static struct async_pf *queue(struct vcpu *vcpu, gfn_t gfn, hva_t hva,
			      bool write)
{
	struct async_pf *apf;

	if (vcpu->nr_async_pfs >= MAX_ASYNC_PFS)
		return NULL;
	apf = kzalloc(sizeof(*apf), GFP_KERNEL_ACCOUNT);
	if (!apf)
		return NULL;
	apf->vcpu = vcpu;
	apf->gfn = gfn;
	apf->hva = hva;
	apf->write = write;
	list_add_tail(&apf->node, &vcpu->async_pfs);
	vcpu->nr_async_pfs++;
	INIT_WORK(&apf->work, async_pf_work);
	mmget(vcpu->vm->mm);
	step(async_pf_queue, vcpu);
	schedule_work(&apf->work);
	return apf;
}

static void forget_page(struct vcpu *vcpu, struct async_pf *apf)
{
	list_del(&apf->node);
	vcpu->nr_async_pfs--;
	if (apf->work.func)
		flush_work(&apf->work);
	kfree(apf);
}

static bool has_come(const struct async_pf *apf)
{
	/* pairs with the release in async_pf_work() */
	return smp_load_acquire(&apf->done);
}

static bool is_on_its_way(const struct vcpu *vcpu, gfn_t gfn)
{
	const struct async_pf *apf;

	list_for_each_entry(apf, &vcpu->async_pfs, node) {
		if (apf->gfn == gfn && !has_come(apf))
			return true;
	}
	return false;
}

/**
 * async_pf_wait() - a guest's page is not there: see to it that it comes
 * @vcpu: whose guest wants it
 * @gfn: the frame
 * @hva: where it lies in the VMM's address space
 * @write: the guest wants to write to it
 *
 * Returns: 1: the guest may go on, because it was told; because the page, or
 *	another event, has come; or because there is a signal.
 * Context: may sleep, until then; no SRCU is read.
 * Holds: vcpu->lock.
 */
int async_pf_wait(struct vcpu *vcpu, gfn_t gfn, hva_t hva, bool write)
{
	struct async_pf *apf = NULL;

	if (!is_on_its_way(vcpu, gfn)) {
		apf = queue(vcpu, gfn, hva, write);
		if (!apf) {
			bring_page(vcpu->vm->mm, hva, write);
			return 1;
		}
		apf->told = arch_async_not_present(vcpu, &apf->token);
	}
	if (!apf || !apf->told)
		vcpu_sleep(vcpu);
	return 1;
}

/**
 * async_pf_check() - tell the guest of the pages that have come
 * @vcpu: about to be run
 *
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
void async_pf_check(struct vcpu *vcpu)
{
	struct async_pf *apf, *next;

	step(async_pf_check, vcpu);
	list_for_each_entry_safe(apf, next, &vcpu->async_pfs, node) {
		if (!has_come(apf))
			continue;
		if (apf->told && !arch_async_ready(vcpu, apf->token))
			continue;
		forget_page(vcpu, apf);
	}
}

/**
 * async_pf_told() - has the guest been told of a page that is on its way?
 * @vcpu: whose guest
 *
 * Holds: vcpu->lock.
 */
bool async_pf_told(const struct vcpu *vcpu)
{
	const struct async_pf *apf;

	list_for_each_entry(apf, &vcpu->async_pfs, node) {
		if (apf->told)
			return true;
	}
	return false;
}

/**
 * async_pf_forget() - the guest will not be told of pages on their way
 * @vcpu: whose guest
 *
 * The pages come all the same.
 *
 * Holds: vcpu->lock, or the vCPU is not there yet.
 */
void async_pf_forget(struct vcpu *vcpu)
{
	struct async_pf *apf;

	list_for_each_entry(apf, &vcpu->async_pfs, node)
		apf->told = false;
}

static struct async_pf *find_wake_all(struct vcpu *vcpu)
{
	struct async_pf *apf;

	list_for_each_entry(apf, &vcpu->async_pfs, node) {
		if (!apf->work.func)
			return apf;
	}
	return NULL;
}

/**
 * async_pf_wake_all() - tell the guest that every page has come
 * @vcpu: whose guest
 *
 * Returns: 0 or -ENOMEM.
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
int async_pf_wake_all(struct vcpu *vcpu)
{
	struct async_pf *apf = find_wake_all(vcpu);

	if (!apf) {
		apf = kzalloc(sizeof(*apf), GFP_KERNEL_ACCOUNT);
		if (!apf)
			return -ENOMEM;
		apf->token = ASYNC_PF_ALL;
		apf->done = true;
		list_add_tail(&apf->node, &vcpu->async_pfs);
		vcpu->nr_async_pfs++;
	}
	apf->told = true;
	vcpu_request(vcpu, REQUEST_EVENT);
	return 0;
}

/**
 * async_pf_destroy() - wait for the pages that are on their way, and drop them
 * @vcpu: of a machine without references
 *
 * Context: may sleep, until the pages have come. Not by a worker that brings
 *	one of them.
 */
void async_pf_destroy(struct vcpu *vcpu)
{
	struct async_pf *apf, *next;

	step(async_pf_destroy, vcpu);
	list_for_each_entry_safe(apf, next, &vcpu->async_pfs, node)
		forget_page(vcpu, apf);
}
