// SPDX-License-Identifier: GPL-2.0-only
/* Circles in which not everything is a lock; each needs no deadlock to be seen. */
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/srcu.h>
#include "scenario.h"

static DEFINE_MUTEX(a);
static DECLARE_COMPLETION(done);
static struct srcu_struct srcu;
static char *memory;

static void wait_under_a(void)
{
	mutex_lock(&a);
	wait_for_completion(&done);
	mutex_unlock(&a);
}

static void wait_without_a(void)
{
	mutex_lock(&a);
	mutex_unlock(&a);
	wait_for_completion(&done);
}

static void take_a_and_complete(void)
{
	mutex_lock(&a);
	mutex_unlock(&a);
	complete(&done);
}

SCENARIO("complete-locked", "waits under a lock that the other takes before: deadlock",
	 NULL, NULL, take_a_and_complete, wait_under_a);
SCENARIO("complete-unlocked", "... waits after it: silent",
	 NULL, NULL, take_a_and_complete, wait_without_a);

static DEFINE_MUTEX(b);
static DEFINE_SPINLOCK(count);
static int users;

static void take_b_and_complete(void)
{
	mutex_lock(&b);
	mutex_unlock(&b);
	complete(&done);
}

static void take_b_then_a(void)
{
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

SCENARIO("complete-chain", "... that a third one takes inside of what the other takes: inversion",
	 NULL, NULL, wait_under_a, take_b_and_complete, take_b_then_a);

/* Counted for a moment, under a lock that nobody needs for the moment to end. */
static void use_under_a(void)
{
	bool last;

	mutex_lock(&a);
	spin_lock(&count);
	users++;
	spin_unlock(&count);
	spin_lock(&count);
	last = !--users;
	spin_unlock(&count);
	if (last)
		complete(&done);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
}

static void wait_for_users_under_b(void)
{
	bool busy;

	mutex_lock(&b);
	spin_lock(&count);
	busy = users;
	spin_unlock(&count);
	if (busy)
		wait_for_completion(&done);
	mutex_unlock(&b);
}

SCENARIO("complete-users", "waits for those who are in a short section, under another lock: silent",
	 NULL, NULL, use_under_a, wait_for_users_under_b);

static void setup_srcu(void)
{
	init_srcu_struct(&srcu);
}

static void end_srcu(void)
{
	cleanup_srcu_struct(&srcu);
}

static void take_a_inside(void)
{
	int i = srcu_read_lock(&srcu);

	mutex_lock(&a);
	mutex_unlock(&a);
	srcu_read_unlock(&srcu, i);
}

static void grace_under_a(void)
{
	mutex_lock(&a);
	synchronize_srcu(&srcu);
	mutex_unlock(&a);
}

static void grace_after_a(void)
{
	mutex_lock(&a);
	mutex_unlock(&a);
	synchronize_srcu(&srcu);
}

SCENARIO("grace-locked", "a grace period under a lock that readers take: inversion",
	 setup_srcu, end_srcu, take_a_inside, grace_under_a);
SCENARIO("grace-unlocked", "... after it: silent",
	 setup_srcu, end_srcu, take_a_inside, grace_after_a);

static int take_a_in_callback(struct mmu_notifier *mn,
			      const struct mmu_notifier_range *r)
{
	mutex_lock(&a);
	mutex_unlock(&a);
	return 0;
}

static const struct mmu_notifier_ops ops = {
	.invalidate_range_start = take_a_in_callback,
};
static struct mmu_notifier notifier = { .ops = &ops };

static void setup_notifier(void)
{
	memory = u_memory(4096);
	u_assert(!mmu_notifier_register(&notifier, current->mm));
}

static void unmap(void)
{
	u_munmap(memory, 4096);
}

static void unregister_under_a(void)
{
	mutex_lock(&a);
	mmu_notifier_unregister(&notifier, current->mm);
	mutex_unlock(&a);
}

static void unregister(void)
{
	mmu_notifier_unregister(&notifier, current->mm);
}

SCENARIO("notifier-locked", "unregisters under a lock that a callback takes: inversion",
	 setup_notifier, NULL, unmap, unregister_under_a);
SCENARIO("notifier-unlocked", "... under none: silent",
	 setup_notifier, NULL, unmap, unregister);
