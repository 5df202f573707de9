// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that may end in several ways, and say in which they did. On a
 * kernel they must end in no other (see booted/compare.py).
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "scenario.h"

static DEFINE_MUTEX(m);
static DEFINE_SPINLOCK(spin);
static DECLARE_RWSEM(sem);
static DECLARE_COMPLETION(done);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static atomic_t count;
static refcount_t users;
static struct kref ref;
static unsigned long bits;
static int x, y, order;
static struct work_struct work, other_work;
static struct delayed_work later;

/* Who comes first? */
static void fetch_add(void)
{
	u_saw(atomic_fetch_add(1, &count));
}

static void exchange_1(void)
{
	u_saw(xchg(&x, 1));
}

static void exchange_2(void)
{
	u_saw(xchg(&x, 2));
}

static void claim_1(void)
{
	u_saw(cmpxchg(&x, 0, 1));
}

static void claim_2(void)
{
	u_saw(cmpxchg(&x, 0, 2));
}

static void set_bit_5(void)
{
	u_saw(test_and_set_bit(5, &bits));
}

static void clear_bit_5(void)
{
	u_saw(test_and_clear_bit(5, &bits));
}

static void look_at_x(void)
{
	u_saw(READ_ONCE(x));
}

SCENARIO("saw-add", "three add one each: outcomes",
	 NULL, NULL, fetch_add, fetch_add, fetch_add);
SCENARIO("saw-xchg", "two exchange, one looks: outcomes",
	 NULL, look_at_x, exchange_1, exchange_2, look_at_x);
SCENARIO("saw-cmpxchg", "two claim the same: outcomes",
	 NULL, look_at_x, claim_1, claim_2);
SCENARIO("saw-bit", "two set a bit, one clears it: outcomes",
	 NULL, NULL, set_bit_5, set_bit_5, clear_bit_5);

/* A lock that may be taken. */
static void hold_mutex(void)
{
	mutex_lock(&m);
	WRITE_ONCE(x, 1);
	WRITE_ONCE(x, 2);
	mutex_unlock(&m);
}

static void try_mutex(void)
{
	int got = mutex_trylock(&m);

	u_saw(got);
	u_saw(READ_ONCE(x));
	if (got)
		mutex_unlock(&m);
}

static void hold_spin(void)
{
	spin_lock(&spin);
	WRITE_ONCE(x, 1);
	WRITE_ONCE(x, 2);
	spin_unlock(&spin);
}

static void try_spin(void)
{
	int got = spin_trylock(&spin);

	u_saw(got);
	u_saw(READ_ONCE(x));
	if (got)
		spin_unlock(&spin);
}

static void read_sem(void)
{
	down_read(&sem);
	u_saw(READ_ONCE(x));
	up_read(&sem);
}

static void try_read_sem(void)
{
	int got = down_read_trylock(&sem);

	u_saw(got);
	u_saw(READ_ONCE(x));
	if (got)
		up_read(&sem);
}

static void write_sem(void)
{
	down_write(&sem);
	WRITE_ONCE(x, 1);
	WRITE_ONCE(x, 2);
	up_write(&sem);
}

static void try_write_sem(void)
{
	int got = down_write_trylock(&sem);

	u_saw(got);
	if (got)
		up_write(&sem);
}

SCENARIO("saw-trylock", "mutex_trylock against mutex_lock: outcomes",
	 NULL, NULL, hold_mutex, try_mutex);
SCENARIO("saw-spin-trylock", "spin_trylock against spin_lock: outcomes",
	 NULL, NULL, hold_spin, try_spin);
SCENARIO("saw-rwsem", "a reader, who tries, and a writer: outcomes",
	 NULL, NULL, read_sem, try_read_sem, write_sem);
SCENARIO("saw-rwsem-try", "a writer that tries, against a reader: outcomes",
	 NULL, NULL, read_sem, try_write_sem);

static void enter_1(void)
{
	mutex_lock(&m);
	order = order * 10 + 1;
	mutex_unlock(&m);
}

static void enter_2(void)
{
	mutex_lock(&m);
	order = order * 10 + 2;
	mutex_unlock(&m);
}

static void which_order(void)
{
	u_saw(order);
}

SCENARIO("saw-order", "who enters first: outcomes",
	 NULL, which_order, enter_1, enter_2, enter_2);

/* Counts. */
static void two_users(void)
{
	refcount_set(&users, 2);
}

static void one_user(void)
{
	refcount_set(&users, 1);
}

static void drop(void)
{
	u_saw(refcount_dec_and_test(&users));
}

static void get(void)
{
	bool got = refcount_inc_not_zero(&users);

	u_saw(got);
	if (got)
		u_saw(refcount_dec_and_test(&users));
}

static void no_release(struct kref *k)
{
	WRITE_ONCE(x, x + 1);
}

static void two_krefs(void)
{
	kref_init(&ref);
	kref_get(&ref);
}

static void drop_kref(void)
{
	u_saw(kref_put(&ref, no_release));
}

static void get_kref(void)
{
	int got = kref_get_unless_zero(&ref);

	u_saw(got);
	if (got)
		u_saw(kref_put(&ref, no_release));
}

SCENARIO("saw-drop", "two references, two drops: one is the last: outcomes",
	 two_users, NULL, drop, drop);
SCENARIO("saw-get", "got unless it is zero, against the last drop: outcomes",
	 one_user, NULL, drop, get);
SCENARIO("saw-kref", "kref_put twice, kref_get_unless_zero: outcomes",
	 two_krefs, look_at_x, drop_kref, drop_kref, get_kref);

/* Messages. */
static void send(void)
{
	WRITE_ONCE(x, 1);
	smp_store_release(&y, 1);
}

static void receive(void)
{
	int flag = smp_load_acquire(&y);

	u_saw(flag);
	u_saw(READ_ONCE(x));
}

static void send_wmb(void)
{
	WRITE_ONCE(x, 1);
	smp_wmb();
	WRITE_ONCE(y, 1);
}

static void receive_rmb(void)
{
	u_saw(READ_ONCE(y));
	smp_rmb();
	u_saw(READ_ONCE(x));
}

static void x_then_y(void)
{
	WRITE_ONCE(x, 1);
	smp_mb();
	u_saw(READ_ONCE(y));
}

static void y_then_x(void)
{
	WRITE_ONCE(y, 1);
	smp_mb();
	u_saw(READ_ONCE(x));
}

static void x_then_y_bare(void)
{
	WRITE_ONCE(x, 1);
	u_saw(READ_ONCE(y));
}

static void y_then_x_bare(void)
{
	WRITE_ONCE(y, 1);
	u_saw(READ_ONCE(x));
}

static void write_twice(void)
{
	WRITE_ONCE(x, 1);
	WRITE_ONCE(x, 2);
}

static void read_twice(void)
{
	u_saw(READ_ONCE(x));
	u_saw(READ_ONCE(x));
}

static void count_halves(void)
{
	int n = READ_ONCE(x);

	WRITE_ONCE(x, n + 1);
	u_saw(n);
}

SCENARIO("saw-message", "release and acquire: outcomes",
	 NULL, NULL, send, receive);
SCENARIO("saw-message-mb", "smp_wmb and smp_rmb: outcomes",
	 NULL, NULL, send_wmb, receive_rmb);
SCENARIO("saw-buffer-mb", "both write, then read the other's, fenced: outcomes",
	 NULL, NULL, x_then_y, y_then_x);
SCENARIO("saw-buffer", "... not fenced: a processor may do more: outcomes",
	 NULL, NULL, x_then_y_bare, y_then_x_bare);
SCENARIO("saw-coherence", "one variable, written twice, read twice: outcomes",
	 NULL, NULL, write_twice, read_twice);
SCENARIO("saw-halves", "a count in two halves, by three: outcomes",
	 NULL, look_at_x, count_halves, count_halves, count_halves);

/* Work. */
static void count_run(struct work_struct *w)
{
	WRITE_ONCE(x, x + 1);
}

static void set_y(struct work_struct *w)
{
	WRITE_ONCE(y, 1);
	u_saw(READ_ONCE(x));
}

static void setup_work(void)
{
	INIT_WORK(&work, count_run);
	INIT_WORK(&other_work, set_y);
	INIT_DELAYED_WORK(&later, count_run);
}

static void queue_it(void)
{
	u_saw(schedule_work(&work));
}

static void queue_and_flush(void)
{
	u_saw(schedule_work(&work));
	u_saw(flush_work(&work));
	u_saw(READ_ONCE(x));
}

static void queue_and_cancel(void)
{
	u_saw(schedule_work(&work));
	u_saw(cancel_work_sync(&work));
	u_saw(READ_ONCE(x));
}

static void queue_and_unqueue(void)
{
	u_saw(schedule_work(&work));
	u_saw(cancel_work(&work));
}

static void queue_both(void)
{
	schedule_work(&work);
	schedule_work(&other_work);
}

static void delay_and_cancel(void)
{
	u_saw(schedule_delayed_work(&later, 1));
	u_saw(cancel_delayed_work_sync(&later));
	u_saw(READ_ONCE(x));
}

SCENARIO("saw-queue", "two queue the same work: it runs once or twice: outcomes",
	 setup_work, look_at_x, queue_it, queue_it);
SCENARIO("saw-flush", "queued and flushed, queued by another: outcomes",
	 setup_work, look_at_x, queue_and_flush, queue_it);
SCENARIO("saw-cancel", "queued and cancelled: outcomes",
	 setup_work, look_at_x, queue_and_cancel);
SCENARIO("saw-unqueue", "queued and cancelled, not waited for: outcomes",
	 setup_work, look_at_x, queue_and_unqueue);
SCENARIO("saw-two-works", "two items of work, in any order: outcomes",
	 setup_work, look_at_x, queue_both);
SCENARIO("saw-delayed", "delayed work cancelled in time, or not: outcomes",
	 setup_work, look_at_x, delay_and_cancel);

/* Waiting. */
static void set_and_complete(void)
{
	WRITE_ONCE(x, 1);
	complete(&done);
}

static void wait_a_little(void)
{
	u_saw(wait_for_completion_timeout(&done, 1) != 0);
	u_saw(READ_ONCE(x));
}

static void try_to_wait(void)
{
	u_saw(completion_done(&done));
	u_saw(try_wait_for_completion(&done));
	u_saw(READ_ONCE(x));
}

static void set_and_wake(void)
{
	WRITE_ONCE(x, 1);
	wake_up(&queue);
}

static void wait_for_x(void)
{
	wait_event(queue, READ_ONCE(x));
	u_saw(READ_ONCE(x));
}

static void wait_for_x_a_little(void)
{
	u_saw(wait_event_timeout(queue, READ_ONCE(x), 1) != 0);
}

SCENARIO("saw-timeout", "a completion, or its time is over: outcomes",
	 NULL, NULL, set_and_complete, wait_a_little);
SCENARIO("saw-try-wait", "looked at, tried, not waited for: outcomes",
	 NULL, NULL, set_and_complete, try_to_wait);
SCENARIO("saw-wait", "woken by whoever has written: outcomes",
	 NULL, NULL, set_and_wake, wait_for_x);
SCENARIO("saw-wait-timeout", "woken, or its time is over: outcomes",
	 NULL, NULL, set_and_wake, wait_for_x_a_little);

/* Grace periods. */
static void read_two(void)
{
	rcu_read_lock();
	u_saw(READ_ONCE(x));
	u_saw(READ_ONCE(y));
	rcu_read_unlock();
}

static void write_around_grace(void)
{
	WRITE_ONCE(y, 1);
	synchronize_rcu();
	WRITE_ONCE(x, 1);
}

SCENARIO("saw-rcu", "written on both sides of a grace period: outcomes",
	 NULL, NULL, read_two, write_around_grace);
