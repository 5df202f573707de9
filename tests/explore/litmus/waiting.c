// SPDX-License-Identifier: GPL-2.0-only
/* Work, grace periods, other CPUs, loops: waiting that ends, or does not. */
#include <linux/atomic.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>
#include "scenario.h"

static struct work_struct work;
static int *box, done;
static struct srcu_struct srcu;

static void fill(struct work_struct *w)
{
	WRITE_ONCE(*box, 1);
}

static void flush_oneself(struct work_struct *w)
{
	flush_work(w);
}

static void setup_fill(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	INIT_WORK(&work, fill);
}

static void setup_self(void)
{
	INIT_WORK(&work, flush_oneself);
}

static void queue_flush_free(void)
{
	schedule_work(&work);
	flush_work(&work);
	u_assert(*box == 1);
	kfree(box);
}

static void queue_cancel_free(void)
{
	schedule_work(&work);
	cancel_work_sync(&work);
	kfree(box);
}

static void queue_free(void)
{
	schedule_work(&work);
	kfree(box);
}

static void queue(void)
{
	schedule_work(&work);
}

SCENARIO("flush", "work is flushed, then its memory freed: silent",
	 setup_fill, NULL, queue_flush_free);
SCENARIO("cancel", "work is cancelled, then its memory freed: silent",
	 setup_fill, NULL, queue_cancel_free);
SCENARIO("no-flush", "its memory is freed at once: use after free",
	 setup_fill, NULL, queue_free);
SCENARIO("self-flush", "work that waits for itself: deadlock",
	 setup_self, NULL, queue);

static void setup_srcu(void)
{
	setup_fill();
	init_srcu_struct(&srcu);
}

static void read_box(void)
{
	int i = srcu_read_lock(&srcu);
	int *p = srcu_dereference(box, &srcu);

	if (p)
		u_assert(READ_ONCE(*p) == 0);
	srcu_read_unlock(&srcu, i);
}

static void replace_box(void)
{
	int *old = box;

	rcu_assign_pointer(box, NULL);
	synchronize_srcu(&srcu);
	kfree(old);
}

static void replace_at_once(void)
{
	int *old = box;

	rcu_assign_pointer(box, NULL);
	kfree(old);
}

static void wait_for_oneself(void)
{
	int i = srcu_read_lock(&srcu);

	synchronize_srcu(&srcu);
	srcu_read_unlock(&srcu, i);
}

static void end_srcu(void)
{
	cleanup_srcu_struct(&srcu);
}

static void free_box(void)
{
	kfree(box);
}

SCENARIO("grace", "freed after a grace period: silent",
	 setup_srcu, end_srcu, read_box, replace_box, read_box);
SCENARIO("no-grace", "freed without one: use after free",
	 setup_srcu, end_srcu, read_box, replace_at_once);
SCENARIO("own-grace", "a reader that waits for readers: deadlock",
	 setup_srcu, free_box, wait_for_oneself);

static void set_done(void)
{
	WRITE_ONCE(done, 1);
}

static void loop(void)
{
	while (!READ_ONCE(done))
		cond_resched();
}

SCENARIO("loop", "a loop until another task is done: silent",
	 NULL, NULL, loop, set_done);
SCENARIO("loop-for-ever", "a loop until nobody is done: livelock",
	 NULL, NULL, loop);

static int counted;
static atomic_t exact;

/* Two tasks, three operations each: 20 orders. */
static void three_steps(void)
{
	atomic_inc(&exact);
	atomic_inc(&exact);
	atomic_inc(&exact);
}

static void all_counted(void)
{
	u_assert(atomic_read(&exact) == 6);
}

static void count_in_two_halves(void)
{
	int n = READ_ONCE(counted);

	WRITE_ONCE(counted, n + 1);
}

static void both_counted(void)
{
	u_assert(counted == 2);
}

SCENARIO("six-steps", "two tasks of three operations: 20 orders, silent",
	 NULL, all_counted, three_steps, three_steps);
SCENARIO("lost-update", "a count in two halves: assertion",
	 NULL, both_counted, count_in_two_halves, count_in_two_halves);

static void nothing(void *info)
{
}

static void call_two(void)
{
	WRITE_ONCE(done, 1);
	smp_call_function_single(2, nothing, NULL, 1);
	u_assert(READ_ONCE(done) != 3);
}

/* With interrupts off: the call above waits until they are on again. */
static void half_done(void)
{
	local_irq_disable();
	if (READ_ONCE(done) == 1) {
		WRITE_ONCE(done, 3);
		WRITE_ONCE(done, 2);
	}
	local_irq_enable();
}

SCENARIO("ipi", "an interrupt waits for interrupts to be on: silent",
	 NULL, NULL, call_two, half_done);
