// SPDX-License-Identifier: GPL-2.0-only
/* Data races: two accesses that nothing orders, and their sound twins. */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "scenario.h"

#define ENTRIES	512

struct pair {
	int first, second;
};

static DEFINE_MUTEX(m);
static DEFINE_MUTEX(other);
static DECLARE_RWSEM(sem);
static DECLARE_COMPLETION(filled);
static atomic_t ready;
static int data, flag;
static struct pair both;
static struct pair *shared;
static unsigned long *row;
static struct work_struct work;

static void write_plain(void)
{
	data = 1;
}

static void read_plain(void)
{
	u_assert(data < 2);
}

static void read_marked(void)
{
	u_assert(READ_ONCE(data) < 2);
}

static void write_marked(void)
{
	WRITE_ONCE(data, 1);
}

static void read_knowing(void)
{
	u_assert(data_race(data) < 2);
}

SCENARIO("race-plain", "a plain write and a plain read: data race",
	 NULL, NULL, write_plain, read_plain);
SCENARIO("race-half", "only the read is marked: data race",
	 NULL, NULL, write_plain, read_marked);
SCENARIO("race-marked", "both are marked: silent",
	 NULL, NULL, write_marked, read_marked);
SCENARIO("race-reads", "two reads: silent", NULL, NULL, read_plain, read_plain);
SCENARIO("race-known", "a read that says data_race(): silent",
	 NULL, NULL, write_marked, read_knowing);

static void write_first(void)
{
	both.first = 1;
}

static void write_second(void)
{
	both.second = 1;
}

static void look_at_second(void)
{
	u_assert(both.second < 2);
}

SCENARIO("race-members", "two fields, one of them shared: data race",
	 NULL, NULL, write_first, write_second, look_at_second);
SCENARIO("race-neighbours", "two fields side by side: silent",
	 NULL, NULL, write_first, write_second);

static void count_under_m(void)
{
	mutex_lock(&m);
	data++;
	mutex_unlock(&m);
}

static void count_under_other(void)
{
	mutex_lock(&other);
	data++;
	mutex_unlock(&other);
}

SCENARIO("race-lock", "a count under one lock: silent",
	 NULL, NULL, count_under_m, count_under_m);
SCENARIO("race-locks", "a count under two different locks: data race",
	 NULL, NULL, count_under_m, count_under_other);

/* A table of which all is looked at, at once. */
static void make_row(void)
{
	row = kzalloc(ENTRIES * sizeof(*row), GFP_KERNEL);
}

static void free_row(void)
{
	kfree(row);
}

static void look_at_row(void)
{
	u_assert(memchr_inv(row, 2, ENTRIES * sizeof(*row)));
}

static void write_in_row(void)
{
	row[300] = 1;
}

static void clear_row(void)
{
	memset(row, 0, ENTRIES * sizeof(*row));
}

static void look_behind(void)
{
	u_assert(memchr_inv(row + 1, 2, (ENTRIES - 1) * sizeof(*row)));
}

static void write_before(void)
{
	row[0] = 1;
}

/* The first number is known apart, and has a lock. */
static void look_behind_first(void)
{
	mutex_lock(&m);
	u_assert(row[0] < 2);
	mutex_unlock(&m);
	look_behind();
}

static void write_first_of_row(void)
{
	mutex_lock(&m);
	write_before();
	mutex_unlock(&m);
}

static void write_behind_first(void)
{
	write_first_of_row();
	write_in_row();
}

static void look_under_m(void)
{
	mutex_lock(&m);
	look_at_row();
	mutex_unlock(&m);
}

SCENARIO("row-written", "one is written of all that were read: data race",
	 make_row, free_row, look_at_row, write_in_row);
SCENARIO("row-read", "all are read, one of which was written: data race",
	 make_row, free_row, write_in_row, look_at_row);
SCENARIO("row-cleared", "all are written that were read: data race",
	 make_row, free_row, look_at_row, clear_row);
SCENARIO("row-rest", "... all but the first, which has a lock: data race",
	 make_row, free_row, look_behind_first, write_behind_first);
SCENARIO("row-before", "all but the first are read, which is written: silent",
	 make_row, free_row, look_behind, write_before);
SCENARIO("row-locked", "all are read under the lock of the first: silent",
	 make_row, free_row, write_first_of_row, look_under_m,
	 look_behind_first);
SCENARIO("row-looks", "two look at all: silent",
	 make_row, free_row, look_at_row, look_at_row);

static void read_shared(void)
{
	down_read(&sem);
	u_assert(data < 3);
	up_read(&sem);
}

static void write_alone(void)
{
	down_write(&sem);
	data++;
	up_write(&sem);
}

static void write_shared(void)
{
	down_read(&sem);
	data++;
	up_read(&sem);
}

SCENARIO("rwsem", "readers and a writer of a semaphore: silent",
	 NULL, NULL, read_shared, read_shared, write_alone);
SCENARIO("rwsem-write", "two write as readers: data race",
	 NULL, NULL, write_shared, write_shared);

/* A message: data, then a flag. */
static void send_once(void)
{
	data = 1;
	WRITE_ONCE(flag, 1);
}

static void send_fenced(void)
{
	data = 1;
	smp_wmb();
	WRITE_ONCE(flag, 1);
}

static void send_released(void)
{
	data = 1;
	smp_store_release(&flag, 1);
}

static void receive_once(void)
{
	if (READ_ONCE(flag))
		u_assert(data == 1);
}

static void receive_fenced(void)
{
	if (READ_ONCE(flag)) {
		smp_rmb();
		u_assert(data == 1);
	}
}

static void receive_acquired(void)
{
	if (smp_load_acquire(&flag))
		u_assert(data == 1);
}

SCENARIO("message-once", "READ_ONCE orders nothing: data race",
	 NULL, NULL, send_once, receive_once);
SCENARIO("message-half", "a barrier on one side only: data race",
	 NULL, NULL, send_fenced, receive_once);
SCENARIO("message-fenced", "a barrier on both sides: silent",
	 NULL, NULL, send_fenced, receive_fenced);
SCENARIO("message", "release and acquire: silent",
	 NULL, NULL, send_released, receive_acquired);

static void send_counted(void)
{
	data = 1;
	atomic_inc(&ready);
}

static void send_ordered(void)
{
	data = 1;
	atomic_inc_return(&ready);
}

static void receive_counted(void)
{
	if (atomic_add_return(0, &ready))
		u_assert(data == 1);
}

SCENARIO("atomic-relaxed", "atomic_inc() orders nothing: data race",
	 NULL, NULL, send_counted, receive_counted);
SCENARIO("atomic-ordered", "atomic_inc_return() orders: silent",
	 NULL, NULL, send_ordered, receive_counted);

static void fill(void)
{
	data = 1;
	complete(&filled);
}

static void fill_late(void)
{
	complete(&filled);
	data = 1;
}

static void wait_and_read(void)
{
	wait_for_completion(&filled);
	u_assert(data == 1);
}

static void wait_and_look(void)
{
	wait_for_completion(&filled);
	u_assert(data < 2);
}

SCENARIO("completion", "written, completed, waited for, read: silent",
	 NULL, NULL, fill, wait_and_read);
SCENARIO("completion-late", "completed, then written: data race",
	 NULL, NULL, fill_late, wait_and_look);
SCENARIO("completion-never", "waited for, never completed: deadlock",
	 NULL, NULL, wait_and_look);

/* Double-checked locking: made at the first use. */
static void use_it(void)
{
	struct pair *p = shared;

	if (!p) {
		mutex_lock(&m);
		if (!shared) {
			p = kzalloc(sizeof(*p), GFP_KERNEL);
			p->first = 1;
			shared = p;
		}
		p = shared;
		mutex_unlock(&m);
	}
	u_assert(p->first == 1);
}

static void use_it_soundly(void)
{
	struct pair *p = smp_load_acquire(&shared);

	if (!p) {
		mutex_lock(&m);
		p = shared;
		if (!p) {
			p = kzalloc(sizeof(*p), GFP_KERNEL);
			p->first = 1;
			smp_store_release(&shared, p);
		}
		mutex_unlock(&m);
	}
	u_assert(p->first == 1);
}

static void free_it(void)
{
	kfree(shared);
}

SCENARIO("double-check", "made once, looked at without a lock: data race",
	 NULL, free_it, use_it, use_it);
SCENARIO("double-check-sound", "... with release and acquire: silent",
	 NULL, free_it, use_it_soundly, use_it_soundly);

static void work_writes(struct work_struct *w)
{
	data++;
}

static void setup_work(void)
{
	INIT_WORK(&work, work_writes);
}

static void write_and_queue(void)
{
	data = 1;
	schedule_work(&work);
	flush_work(&work);
	u_assert(data == 2);
}

static void queue_and_write(void)
{
	schedule_work(&work);
	data = 1;
}

SCENARIO("work-ordered", "written, queued, flushed, read: silent",
	 setup_work, NULL, write_and_queue);
SCENARIO("work-race", "queued, then written: data race",
	 setup_work, NULL, queue_and_write);
