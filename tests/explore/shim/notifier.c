// SPDX-License-Identifier: GPL-2.0-only
/* Those who want to know what happens to an address space. */
#include <linux/mm.h>
#undef min
#undef max
#include "address_space.h"
#include "scenario.h"

static int walks;		/* through the list, by the host's tasks */
static bool unmapped;		/* exit_mmap() has passed the list */

/* What callbacks run under, and those who go away wait for. */
static int notifier_class(void)
{
	static const char key;

	return pseudo_class(&key, "notifier");
}

/* A page leads to the address spaces that map it, for as long as they do. */
bool can_be_found(void)
{
	touch(&unmapped, T_READ);
	return !unmapped;
}

static void begin_walk(unsigned long pc)
{
	walks++;
	hold_pseudo(&mm->notifiers, notifier_class(), pc);
}

static void end_walk(void)
{
	drop_pseudo(&mm->notifiers);
	touch(&walks, T_RELEASE);
	release(&walks);
	walks--;
}

static void begin_callback(struct mmu_notifier *mn)
{
	touch(mn, T_WRITE);
	mn->active++;
}

static void end_callback(struct mmu_notifier *mn)
{
	touch(mn, T_RELEASE);
	release(mn);
	mn->active--;
}

void invalidate(struct mmu_notifier_range *r)
{
	struct mmu_notifier *mn;

	touch(mm, T_WRITE);
	acquire(mm);
	release(mm);
	for (mn = mm->notifiers; mn; mn = mn->next)
		begin_callback(mn);
	hold_pseudo(mm, mmap_class(), HERE);
	begin_walk(HERE);
	for (mn = mm->notifiers; mn; mn = mn->next) {
		mn->begun++;
		if (mn->ops->invalidate_range_start)
			mn->ops->invalidate_range_start(mn, r);
		end_callback(mn);
	}
	end_walk();
}

/* Whoever has unregistered meanwhile is not told of the end. */
void invalidated(struct mmu_notifier_range *r)
{
	struct mmu_notifier *mn;

	touch(mm, T_READ);
	begin_walk(HERE);
	for (mn = mm->notifiers; mn; mn = mn->next) {
		if (!mn->begun)		/* registered meanwhile */
			continue;
		begin_callback(mn);
		mn->begun--;
		if (mn->ops->invalidate_range_end)
			mn->ops->invalidate_range_end(mn, r);
		end_callback(mn);
	}
	end_walk();
	drop_pseudo(mm);
}

/*
 * What an entry of the host's maps is asked about, by a callback of each
 * notifier that has it.
 */
enum question { CLEAR_FLUSH = 1, CLEAR = 2, TEST = 4 };

static int ask(void *p, enum question what, unsigned long pc)
{
	unsigned long at = (unsigned long)p, size = PAGE_SIZE;
	struct mmu_notifier *mn;
	int young = 0;

	if (shim_pmd(mm, at)->large)
		size = LARGE;
	at = at / size * size;

	cur->kernel = true;
	visible("age", "memory", pc, NULL, NULL);
	touch(mm, T_READ);
	acquire(mm);
	if (!can_be_found())
		goto out;
	begin_walk(pc);
	cur->atomic++;		/* the lock of the host's own table is held */
	for (mn = mm->notifiers; mn; mn = mn->next) {
		const struct mmu_notifier_ops *ops = mn->ops;

		begin_callback(mn);
		if (what & CLEAR_FLUSH && ops->clear_flush_young)
			young |= ops->clear_flush_young(mn, mm, at, at + size);
		if (what & CLEAR && ops->clear_young)
			young |= ops->clear_young(mn, mm, at, at + size);
		if (what & TEST && ops->test_young)
			young |= ops->test_young(mn, mm, at) << 1;
		end_callback(mn);
	}
	cur->atomic--;
	end_walk();
out:
	cur->kernel = false;
	return young;
}

/* The host asks whether the guest has used its page lately. */
int u_age(void *p)
{
	return ask(p, CLEAR_FLUSH, HERE);
}

/* Idle page tracking: clears (bit 0: it was young), then looks (bit 1). */
int u_idle(void *p)
{
	return ask(p, CLEAR | TEST, HERE);
}

int u_young(void *p)
{
	return ask(p, TEST, HERE);
}

static bool no_walks(void *unused)
{
	(void)unused;
	return !walks;
}

/*
 * The address space ends: each is told, then taken off the list. A task that
 * began to walk the list before that may still be at it, and is waited for.
 */
void release_notifiers(unsigned long pc)
{
	struct mmu_notifier *mn;

	touch(mm, T_WRITE);
	acquire(mm);
	for (mn = mm->notifiers; mn; mn = mn->next)
		begin_callback(mn);
	hold_pseudo(&mm->notifiers, notifier_class(), pc);
	for (mn = mm->notifiers; mn; mn = mn->next)
		if (mn->ops->release)
			mn->ops->release(mn, mm);
	drop_pseudo(&mm->notifiers);
	wait_for("exit_mmap", "notifier", pc, NULL, NULL);
	touch(mm, T_WRITE);
	while ((mn = mm->notifiers)) {
		mm->notifiers = mn->next;
		mn->gone = true;
		end_callback(mn);
	}
	wait_order(notifier_class(), "exit_mmap", pc);
	wait_for("exit_mmap", "mm", pc, no_walks, NULL);
	touch(&walks, T_WAIT);
	acquire(&walks);
	touch(&unmapped, T_WRITE);
	unmapped = true;
}

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *m)
{
	may_sleep("mmu_notifier_register", HERE);
	wait_order(mmap_class(), "mmu_notifier_register", HERE);
	visible("mmu_notifier_register", NULL, HERE, NULL, NULL);
	use(mn, sizeof(*mn), T_WRITE, HERE);
	use(m, sizeof(*m), T_WRITE, HERE);
	acquire(m);
	release(m);
	if (may_fail("mmu_notifier_register", HERE))
		return -ENOMEM;
	m->mm_count++;
	mn->mm = m;
	mn->active = mn->begun = 0;
	mn->gone = false;
	mn->next = m->notifiers;
	m->notifiers = mn;
	return 0;
}

static bool notifier_idle(void *arg)
{
	return !((struct mmu_notifier *)arg)->active;
}

void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *m)
{
	struct mmu_notifier **p = &m->notifiers;

	may_sleep("mmu_notifier_unregister", HERE);
	wait_order(notifier_class(), "mmu_notifier_unregister", HERE);
	visible("mmu_notifier_unregister", NULL, HERE, NULL, NULL);
	use(mn, sizeof(*mn), T_WRITE, HERE);
	use(m, sizeof(*m), T_WRITE, HERE);
	acquire(m);
	hold_pseudo(&m->notifiers, notifier_class(), HERE);
	if (mn->ops->release && !mn->gone)
		mn->ops->release(mn, m);
	drop_pseudo(&m->notifiers);
	wait_for("mmu_notifier_unregister", "notifier", HERE, notifier_idle,
		 mn);
	touch(mn, T_WAIT);
	touch(m, T_WRITE);
	acquire(mn);
	while (*p && *p != mn)
		p = &(*p)->next;
	if (!*p && !mn->gone)
		fail("warning", "notifier", HERE, NULL, NULL,
		     "mmu_notifier_unregister of what is not registered");
	if (*p)
		*p = mn->next;
	drop_mm(m, HERE);
}

void notifier_reset(void)
{
	walks = 0;
	unmapped = false;
}
