// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the primitives return when nobody else is there. One way to end each;
 * a kernel's must be the same.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "scenario.h"

static DEFINE_MUTEX(m);
static DEFINE_SPINLOCK(spin);
static DECLARE_RWSEM(sem);
static DECLARE_COMPLETION(done);
static struct work_struct work;
static struct delayed_work later;
static struct kref ref;
static int released;

static void atomics(void)
{
	atomic_t v = ATOMIC_INIT(5);

	u_saw(atomic_inc_return(&v));
	u_saw(atomic_dec_return(&v));
	u_saw(atomic_add_return(10, &v));
	u_saw(atomic_sub_return(3, &v));
	u_saw(atomic_fetch_add(2, &v));
	u_saw(atomic_fetch_sub(2, &v));
	u_saw(atomic_fetch_inc(&v));
	u_saw(atomic_fetch_dec(&v));
	u_saw(atomic_fetch_or(0x40, &v));
	u_saw(atomic_fetch_and(0x0f, &v));
	u_saw(atomic_fetch_xor(0xff, &v));
	u_saw(atomic_read(&v));
	u_saw(atomic_xchg(&v, 1));
	u_saw(atomic_cmpxchg(&v, 2, 7));
	u_saw(atomic_cmpxchg(&v, 1, 7));
	u_saw(atomic_read(&v));
	u_saw(atomic_add_unless(&v, 1, 7));
	u_saw(atomic_add_unless(&v, 1, 8));
	u_saw(atomic_inc_not_zero(&v));
	u_saw(atomic_dec_if_positive(&v));
	atomic_set(&v, 0);
	u_saw(atomic_inc_not_zero(&v));
	u_saw(atomic_dec_if_positive(&v));
	u_saw(atomic_inc_and_test(&v));
	u_saw(atomic_dec_and_test(&v));
	u_saw(atomic_sub_and_test(1, &v));
	u_saw(atomic_add_negative(-1, &v));
	u_saw(atomic_read(&v));
}

static void exchanges(void)
{
	unsigned long word = 6, old = 6;
	char small = 3;

	u_saw(xchg(&word, 9));
	u_saw(cmpxchg(&word, 8, 1));
	u_saw(cmpxchg(&word, 9, 6));
	u_saw(try_cmpxchg(&word, &old, 2));
	u_saw(old);
	u_saw(try_cmpxchg(&word, &old, 3));
	u_saw(old);
	u_saw(xchg(&small, 4));
	u_saw(small);
	u_saw(test_and_set_bit(3, &word));
	u_saw(test_and_set_bit(3, &word));
	u_saw(test_bit(3, &word));
	u_saw(test_and_clear_bit(3, &word));
	u_saw(test_and_clear_bit(3, &word));
	u_saw(test_and_change_bit(0, &word));
	set_bit(4, &word);
	clear_bit(1, &word);
	u_saw(word);
	u_saw(__ffs(word));
	u_saw(fls64(word));
}

static void counts(void)
{
	refcount_t r = REFCOUNT_INIT(2);

	refcount_inc(&r);
	u_saw(refcount_read(&r));
	u_saw(refcount_inc_not_zero(&r));
	u_saw(refcount_dec_and_test(&r));
	u_saw(refcount_sub_and_test(2, &r));
	u_saw(refcount_dec_not_one(&r));
	u_saw(refcount_dec_if_one(&r));
	u_saw(refcount_read(&r));
	u_saw(refcount_inc_not_zero(&r));
	refcount_set(&r, 1);
	u_saw(refcount_dec_and_test(&r));
	refcount_set(&r, 2);
	u_saw(refcount_dec_not_one(&r));
	refcount_set(&r, 2);
	u_saw(refcount_dec_and_mutex_lock(&r, &m));
	u_saw(refcount_dec_and_mutex_lock(&r, &m));
	mutex_unlock(&m);
	refcount_set(&r, 1);
	u_saw(refcount_dec_and_lock(&r, &spin));
	spin_unlock(&spin);
}

static void count_release(struct kref *k)
{
	released++;
}

static void krefs(void)
{
	kref_init(&ref);
	u_saw(kref_read(&ref));
	kref_get(&ref);
	u_saw(kref_put(&ref, count_release));
	u_saw(kref_get_unless_zero(&ref));
	u_saw(kref_put(&ref, count_release));
	u_saw(released);
	u_saw(kref_put(&ref, count_release));
	u_saw(released);
	u_saw(kref_get_unless_zero(&ref));
}

static void locks(void)
{
	u_saw(mutex_is_locked(&m));
	u_saw(mutex_trylock(&m));
	u_saw(mutex_is_locked(&m));
	u_saw(mutex_trylock(&m));
	mutex_unlock(&m);
	u_saw(mutex_lock_interruptible(&m));
	mutex_unlock(&m);
	u_saw(mutex_lock_killable(&m));
	mutex_unlock(&m);
	u_saw(spin_trylock(&spin));
	u_saw(spin_is_locked(&spin));
	u_saw(spin_trylock(&spin));
	spin_unlock(&spin);
	u_saw(spin_is_locked(&spin));
	u_saw(down_read_trylock(&sem));
	u_saw(down_read_trylock(&sem));
	u_saw(down_write_trylock(&sem));
	u_saw(rwsem_is_locked(&sem));
	up_read(&sem);
	up_read(&sem);
	u_saw(down_write_trylock(&sem));
	u_saw(down_read_trylock(&sem));
	u_saw(down_write_trylock(&sem));
	downgrade_write(&sem);
	u_saw(down_read_trylock(&sem));
	up_read(&sem);
	up_read(&sem);
	u_saw(rwsem_is_locked(&sem));
}

static void nothing(struct work_struct *w)
{
}

static void works(void)
{
	INIT_WORK(&work, nothing);
	INIT_DELAYED_WORK(&later, nothing);
	u_saw(flush_work(&work));
	u_saw(cancel_work_sync(&work));
	u_saw(cancel_work(&work));
	u_saw(work_pending(&work));
	u_saw(schedule_work(&work));
	flush_work(&work);
	u_saw(work_pending(&work));
	u_saw(flush_work(&work));
	u_saw(cancel_work_sync(&work));
	u_saw(schedule_work(&work));
	cancel_work_sync(&work);
	u_saw(cancel_work_sync(&work));
	u_saw(flush_delayed_work(&later));
	u_saw(cancel_delayed_work_sync(&later));
	u_saw(schedule_delayed_work(&later, 1000));
	flush_delayed_work(&later);
	u_saw(cancel_delayed_work(&later));
}

static void completions(void)
{
	u_saw(completion_done(&done));
	u_saw(try_wait_for_completion(&done));
	u_saw(wait_for_completion_timeout(&done, 1));
	complete(&done);
	complete(&done);
	u_saw(completion_done(&done));
	u_saw(wait_for_completion_timeout(&done, 1) != 0);
	u_saw(wait_for_completion_interruptible(&done));
	u_saw(try_wait_for_completion(&done));
	complete_all(&done);
	u_saw(try_wait_for_completion(&done));
	u_saw(try_wait_for_completion(&done));
	u_saw(completion_done(&done));
	reinit_completion(&done);
	u_saw(completion_done(&done));
}

struct item {
	struct list_head link;
	int value;
};

static void lists(void)
{
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
	struct item *p;
	LIST_HEAD(one);
	LIST_HEAD(two);

	u_saw(list_empty(&one));
	list_add(&a.link, &one);
	list_add_tail(&b.link, &one);
	list_add(&c.link, &one);
	list_for_each_entry(p, &one, link)
		u_saw(p->value);
	list_move(&b.link, &one);
	list_move_tail(&c.link, &one);
	list_for_each_entry(p, &one, link)
		u_saw(p->value);
	list_splice_init(&one, &two);
	u_saw(list_empty(&one));
	u_saw(list_first_entry(&two, struct item, link)->value);
	u_saw(list_last_entry(&two, struct item, link)->value);
	list_del(&b.link);
	u_saw(list_is_singular(&two));
	list_del_init(&a.link);
	u_saw(list_empty(&a.link));
	u_saw(list_is_singular(&two));
	list_for_each_entry_reverse(p, &two, link)
		u_saw(p->value);
}

SCENARIO("returns-atomic", "what atomic_*() return", NULL, NULL, atomics);
SCENARIO("returns-xchg", "what exchanges and bits return",
	 NULL, NULL, exchanges);
SCENARIO("returns-refcount", "what refcount_*() return", NULL, NULL, counts);
SCENARIO("returns-kref", "what kref_*() return", NULL, NULL, krefs);
SCENARIO("returns-locks", "what trying to lock returns", NULL, NULL, locks);
SCENARIO("returns-work", "what queueing and flushing return",
	 NULL, NULL, works);
SCENARIO("returns-completion", "what completions return",
	 NULL, NULL, completions);
SCENARIO("returns-list", "what is in a list", NULL, NULL, lists);
