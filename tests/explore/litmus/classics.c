// SPDX-License-Identifier: GPL-2.0-only
/* Mistakes with a name, and how each is not made. */
#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "scenario.h"

struct node {
	struct node *next;
	struct kref ref;
	struct rcu_head rcu;
	int value;
};

static DEFINE_MUTEX(a);
static DEFINE_MUTEX(b);
static DEFINE_MUTEX(c);
static DEFINE_SPINLOCK(spin);
static DECLARE_RWSEM(sem);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static struct node *top, *current_node;
static struct node nodes[2];
static int done, popped;
static struct work_struct work;
static struct delayed_work later;

/* A stack without a lock: what is on top may be the same, and not be it. */
static void setup_stack(void)
{
	nodes[0].next = &nodes[1];
	top = &nodes[0];
}

static struct node *pop(void)
{
	struct node *old, *next;

	do {
		old = READ_ONCE(top);
		if (!old)
			return NULL;
		next = READ_ONCE(old->next);
	} while (cmpxchg(&top, old, next) != old);
	return old;
}

static void push(struct node *n)
{
	struct node *old;

	do {
		old = READ_ONCE(top);
		WRITE_ONCE(n->next, old);
	} while (cmpxchg(&top, old, n) != old);
}

static void pop_one(void)
{
	if (pop())
		popped++;
}

/* Takes both, puts the first one back: the top is what it was. */
static void pop_two_push_one(void)
{
	struct node *x = pop(), *y = pop();

	if (y)
		WRITE_ONCE(y->value, 1);	/* it is ours now */
	if (x)
		push(x);
}

static void none_used(void)
{
	u_assert(!top || !top->value);
}

static void pop_locked(void)
{
	spin_lock(&spin);
	top = top ? top->next : NULL;
	spin_unlock(&spin);
}

static void pop_two_push_one_locked(void)
{
	struct node *x, *y;

	spin_lock(&spin);
	x = top;
	y = x ? x->next : NULL;
	top = y ? y->next : NULL;
	if (y)
		y->value = 1;
	if (x) {
		x->next = top;
		top = x;
	}
	spin_unlock(&spin);
}

SCENARIO("aba", "a stack by cmpxchg, the top comes back: assertion",
	 setup_stack, none_used, pop_one, pop_two_push_one);
SCENARIO("aba-locked", "a stack under a lock: silent",
	 setup_stack, none_used, pop_locked, pop_two_push_one_locked);

/* Sleep, unless it is done; and wake. */
static void set_and_wake(void)
{
	WRITE_ONCE(done, 1);
	wake_up(&queue);
}

static void wait_for_done(void)
{
	wait_event(queue, READ_ONCE(done));
}

static void look_then_wait(void)
{
	DEFINE_WAIT(wait);

	if (!READ_ONCE(done)) {
		prepare_to_wait(&queue, &wait, TASK_UNINTERRUPTIBLE);
		schedule();
	}
	finish_wait(&queue, &wait);
}

static void wake_then_set(void)
{
	wake_up(&queue);
	WRITE_ONCE(done, 1);
}

SCENARIO("wait", "wait_event and wake_up: silent",
	 NULL, NULL, wait_for_done, set_and_wake);
SCENARIO("wait-lost", "looks, then gets in line: lost wake-up, deadlock",
	 NULL, NULL, look_then_wait, set_and_wake);
SCENARIO("wait-early", "woken before there is a reason: deadlock",
	 NULL, NULL, wait_for_done, wake_then_set);

static void sleeps_under_spin(void)
{
	spin_lock(&spin);
	wait_event(queue, READ_ONCE(done));
	spin_unlock(&spin);
}

SCENARIO("wait-atomic", "waits under a spinlock: sleep in atomic",
	 NULL, NULL, sleeps_under_spin, set_and_wake);

/* Three locks, pairwise in order, and a circle all the same. */
static void two(struct mutex *x, struct mutex *y)
{
	mutex_lock(x);
	mutex_lock(y);
	mutex_unlock(y);
	mutex_unlock(x);
}

static void ab_then_bc(void)
{
	two(&a, &b);
	two(&b, &c);
}

static void ca(void)
{
	two(&c, &a);
}

static void ac(void)
{
	two(&a, &c);
}

SCENARIO("abba-three", "a, b; b, c; and elsewhere c, a: inversion",
	 NULL, NULL, ab_then_bc, ca);
SCENARIO("abba-three-sound", "a, b; b, c; and elsewhere a, c: silent",
	 NULL, NULL, ab_then_bc, ac);

static void try_both(void)
{
	mutex_lock(&b);
	if (mutex_trylock(&a))
		mutex_unlock(&a);
	mutex_unlock(&b);
}

static void ab(void)
{
	two(&a, &b);
}

SCENARIO("trylock", "the wrong way round, but only tried: silent",
	 NULL, NULL, ab, try_both);

static void read_then_write(void)
{
	down_read(&sem);
	down_write(&sem);
	up_write(&sem);
	up_read(&sem);
}

SCENARIO("rwsem-upgrade", "a reader that wants to write: deadlock",
	 NULL, NULL, read_then_write);

/* References that end in a callback. */
static void free_node(struct kref *ref)
{
	kfree(container_of(ref, struct node, ref));
}

static void free_node_locked(struct kref *ref)
{
	mutex_lock(&a);
	kfree(container_of(ref, struct node, ref));
	mutex_unlock(&a);
}

static void make_node(void)
{
	current_node = kzalloc(sizeof(*current_node), GFP_KERNEL);
	kref_init(&current_node->ref);
}

static void make_node_for_two(void)
{
	make_node();
	kref_get(&current_node->ref);
}

static void put_node(void)
{
	kref_put(&current_node->ref, free_node);
}

static void put_under_lock(void)
{
	mutex_lock(&a);
	kref_put(&current_node->ref, free_node_locked);
	mutex_unlock(&a);
}

static void put_then_touch(void)
{
	kref_put(&current_node->ref, free_node);
	WRITE_ONCE(current_node->value, 1);
}

SCENARIO("kref", "two references, two puts: silent",
	 make_node_for_two, NULL, put_node, put_node);
SCENARIO("kref-callback", "the last put takes the lock it is under: deadlock",
	 make_node, NULL, put_under_lock);
SCENARIO("kref-touch", "touched after one's own put: use after free",
	 make_node_for_two, NULL, put_node, put_then_touch);

/* A work item puts the object that it is part of, and waits for itself. */
static void last_put_flushes(struct work_struct *w)
{
	cancel_work_sync(w);
}

static void setup_flush(void)
{
	INIT_WORK(&work, last_put_flushes);
}

static void queue_work_once(void)
{
	schedule_work(&work);
}

SCENARIO("put-from-callback", "work that cancels itself: deadlock",
	 setup_flush, NULL, queue_work_once);

static void takes_a(struct work_struct *w)
{
	mutex_lock(&a);
	mutex_unlock(&a);
}

static void setup_takes_a(void)
{
	INIT_WORK(&work, takes_a);
	INIT_DELAYED_WORK(&later, takes_a);
}

static void flush_under_a(void)
{
	mutex_lock(&a);
	schedule_work(&work);
	flush_work(&work);
	mutex_unlock(&a);
}

static void flush_without_a(void)
{
	mutex_lock(&a);
	schedule_work(&work);
	mutex_unlock(&a);
	flush_work(&work);
}

static void delay_and_cancel(void)
{
	schedule_delayed_work(&later, 10);
	cancel_delayed_work_sync(&later);
}

SCENARIO("flush-locked", "flushed under a lock that the work takes: deadlock",
	 setup_takes_a, NULL, flush_under_a);
SCENARIO("flush-unlocked", "flushed after the lock: silent",
	 setup_takes_a, NULL, flush_without_a);
SCENARIO("delayed", "delayed work, cancelled: silent",
	 setup_takes_a, NULL, delay_and_cancel, ab);

/* RCU. */
static void setup_rcu(void)
{
	make_node();
	WRITE_ONCE(current_node->value, 1);
}

static void read_node(void)
{
	struct node *n;

	rcu_read_lock();
	n = rcu_dereference(current_node);
	if (n)
		u_assert(READ_ONCE(n->value) == 1);
	rcu_read_unlock();
}

static void read_node_late(void)
{
	struct node *n;

	rcu_read_lock();
	n = rcu_dereference(current_node);
	rcu_read_unlock();
	if (n)
		u_assert(READ_ONCE(n->value) == 1);
}

static void read_and_sleep(void)
{
	rcu_read_lock();
	mutex_lock(&a);
	mutex_unlock(&a);
	rcu_read_unlock();
}

static struct node *take_away(void)
{
	struct node *old = current_node;

	rcu_assign_pointer(current_node, NULL);
	return old;
}

static void replace_node(void)
{
	struct node *old = take_away();

	synchronize_rcu();
	kfree(old);
}

static void free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct node, rcu));
}

static void replace_node_later(void)
{
	call_rcu(&take_away()->rcu, free_rcu);
}

static void replace_first(void)
{
	struct node *old = current_node;

	synchronize_rcu();
	rcu_assign_pointer(current_node, NULL);
	kfree(old);
}

static void synchronize_inside(void)
{
	rcu_read_lock();
	synchronize_rcu();
	rcu_read_unlock();
}

static void free_current(void)
{
	kfree(current_node);
}

SCENARIO("rcu", "freed after a grace period: silent",
	 setup_rcu, NULL, read_node, replace_node, read_node);
SCENARIO("rcu-callback", "freed by call_rcu: silent",
	 setup_rcu, NULL, read_node, replace_node_later);
SCENARIO("rcu-late", "used after the section has ended: use after free",
	 setup_rcu, NULL, read_node_late, replace_node);
SCENARIO("rcu-order", "waits first, takes away second: use after free",
	 setup_rcu, NULL, read_node, replace_first);
SCENARIO("rcu-sleep", "a mutex inside: sleep in atomic",
	 setup_rcu, free_current, read_and_sleep);
SCENARIO("rcu-inside", "a grace period inside: sleep in atomic",
	 setup_rcu, free_current, synchronize_inside);

static void allocate(void)
{
	struct node *x = kmalloc(sizeof(*x), GFP_KERNEL);
	struct node *y = kmalloc(sizeof(*y), GFP_KERNEL);

	if (!x)
		return;		/* and y? */
	kfree(y);
	kfree(x);
}

static void allocate_soundly(void)
{
	struct node *x = kmalloc(sizeof(*x), GFP_KERNEL);
	struct node *y = kmalloc(sizeof(*y), GFP_KERNEL);

	kfree(y);
	kfree(x);
}

static void allocate_and_trust(void)
{
	struct node *x = kmalloc(sizeof(*x), GFP_KERNEL);

	WRITE_ONCE(x->value, 1);
	kfree(x);
}

SCENARIO_FAULTS(1, "fault-leak", "an allocation fails, the other is forgotten: leak",
		NULL, NULL, allocate);
SCENARIO_FAULTS(1, "fault-null", "an allocation fails, nobody looks: NULL",
		NULL, NULL, allocate_and_trust);
SCENARIO_FAULTS(2, "fault-sound", "allocations fail: silent",
		NULL, NULL, allocate_soundly);
