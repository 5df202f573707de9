// SPDX-License-Identifier: GPL-2.0-only
/* Locks taken in the wrong order, twice, or never given back. */
#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "scenario.h"

static DEFINE_MUTEX(a);
static DEFINE_MUTEX(b);
static DEFINE_MUTEX(c);
static DEFINE_SPINLOCK(s);

static void both(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
}

static void a_then_b(void)
{
	both(&a, &b);
}

static void b_then_a(void)
{
	both(&b, &a);
}

static void b_then_c(void)
{
	both(&b, &c);
}

static void c_then_a(void)
{
	both(&c, &a);
}

static void a_then_c(void)
{
	both(&a, &c);
}

SCENARIO("abba", "two locks in two orders: inversion, and a deadlock",
	 NULL, NULL, a_then_b, b_then_a);
SCENARIO("abab", "two locks in one order: silent",
	 NULL, NULL, a_then_b, a_then_b);
SCENARIO("philosophers", "three locks in a ring: inversion, and a deadlock",
	 NULL, NULL, a_then_b, b_then_c, c_then_a);
SCENARIO("philosophers-sound", "three locks, all in one order: silent",
	 NULL, NULL, a_then_b, b_then_c, a_then_c);

static atomic_t claimed;

/* Whoever comes first takes both; the other one takes none. */
static void a_then_b_if_first(void)
{
	if (!atomic_xchg(&claimed, 1))
		both(&a, &b);
}

static void b_then_a_if_first(void)
{
	if (!atomic_xchg(&claimed, 1))
		both(&b, &a);
}

SCENARIO("abba-either", "two orders, in two executions: inversion",
	 NULL, NULL, a_then_b_if_first, b_then_a_if_first);

static void a_twice(void)
{
	both(&a, &a);
}

static void a_one_after_the_other(void)
{
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_lock(&a);
	mutex_unlock(&a);
}

SCENARIO("self", "a lock taken twice by one task: deadlock",
	 NULL, NULL, a_twice);
SCENARIO("self-sound", "a lock taken twice, given back between: silent",
	 NULL, NULL, a_one_after_the_other, a_one_after_the_other);

static void sleeps_under_spinlock(void)
{
	spin_lock(&s);
	mutex_lock(&a);
	mutex_unlock(&a);
	spin_unlock(&s);
}

static void spins_under_mutex(void)
{
	mutex_lock(&a);
	spin_lock(&s);
	spin_unlock(&s);
	mutex_unlock(&a);
}

static void allocates_under_spinlock(void)
{
	void *p;

	spin_lock(&s);
	p = kmalloc(8, GFP_KERNEL);
	spin_unlock(&s);
	kfree(p);
}

static void allocates_atomically(void)
{
	void *p;

	spin_lock(&s);
	p = kmalloc(8, GFP_ATOMIC);
	spin_unlock(&s);
	kfree(p);
}

SCENARIO("atomic-mutex", "a mutex under a spinlock: sleep in atomic",
	 NULL, NULL, sleeps_under_spinlock);
SCENARIO("atomic-mutex-sound", "a spinlock under a mutex: silent",
	 NULL, NULL, spins_under_mutex, spins_under_mutex);
SCENARIO("atomic-alloc", "GFP_KERNEL under a spinlock: sleep in atomic",
	 NULL, NULL, allocates_under_spinlock);
SCENARIO("atomic-alloc-sound", "GFP_ATOMIC under a spinlock: silent",
	 NULL, NULL, allocates_atomically, allocates_atomically);

static void keeps_a(void)
{
	mutex_lock(&a);
}

static void gives_back_unheld(void)
{
	mutex_unlock(&a);
}

SCENARIO("kept", "a task ends and holds a lock: held on return",
	 NULL, NULL, keeps_a);
SCENARIO("unheld", "a task unlocks what it does not hold: bad unlock",
	 NULL, NULL, gives_back_unheld);
