// SPDX-License-Identifier: GPL-2.0-only
/* Locks that several may hold: read-write locks, semaphores. */
#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include "scenario.h"

static DEFINE_MUTEX(m);
static DEFINE_RWLOCK(lock);
static struct semaphore one, two, none;
static int data, x;
static atomic_t inside;

static void init(void)
{
	sema_init(&one, 1);
	sema_init(&two, 2);
	sema_init(&none, 0);
}

/* Read-write locks. */

static void read_data(void)
{
	read_lock(&lock);
	u_assert(data != 1);
	read_unlock(&lock);
}

static void write_data(void)
{
	write_lock(&lock);
	data = 1;
	data = 2;
	write_unlock(&lock);
}

static void write_as_reader(void)
{
	read_lock(&lock);
	data = 2;
	read_unlock(&lock);
}

static void sleep_as_reader(void)
{
	read_lock(&lock);
	mutex_lock(&m);
	mutex_unlock(&m);
	read_unlock(&lock);
}

static void read_then_write(void)
{
	read_lock(&lock);
	write_lock(&lock);
	write_unlock(&lock);
	read_unlock(&lock);
}

static void unlock_as_reader(void)
{
	write_lock(&lock);
	read_unlock(&lock);
}

SCENARIO("rwlock", "readers and a writer of a read-write lock: silent",
	 NULL, NULL, read_data, read_data, write_data);
SCENARIO("rwlock-write", "two write as readers: data race",
	 NULL, NULL, write_as_reader, write_as_reader);
SCENARIO("rwlock-sleep", "a mutex under a read lock: sleep in atomic",
	 NULL, NULL, sleep_as_reader);
SCENARIO("rwlock-upgrade", "a reader wants to write as well: deadlock",
	 NULL, NULL, read_then_write);
SCENARIO("rwlock-unlock", "a writer leaves as a reader: bad unlock",
	 NULL, NULL, unlock_as_reader);

/* Two readers at a time are possible: each may see the other inside. */
static void count_readers(void)
{
	read_lock(&lock);
	u_saw(READ_ONCE(x));
	WRITE_ONCE(x, 1);
	read_unlock(&lock);
}

static void try_to_read(void)
{
	int got = read_trylock(&lock);

	u_saw(got);
	if (got) {
		u_saw(READ_ONCE(x));
		read_unlock(&lock);
	}
}

static void write_twice(void)
{
	write_lock(&lock);
	WRITE_ONCE(x, 2);
	WRITE_ONCE(x, 3);
	write_unlock(&lock);
}

static void try_to_write(void)
{
	int got = write_trylock(&lock);

	u_saw(got);
	if (got)
		write_unlock(&lock);
}

SCENARIO("saw-rwlock", "a reader, who tries, and a writer: outcomes",
	 NULL, NULL, count_readers, try_to_read, write_twice);
SCENARIO("saw-rwlock-try", "a writer that tries, against a reader: outcomes",
	 NULL, NULL, count_readers, try_to_write);

/* Semaphores. */

static void count_alone(void)
{
	down(&one);
	data++;
	up(&one);
}

static void enter_as_one_of_two(void)
{
	down(&two);
	u_assert(atomic_inc_return(&inside) <= 2);
	atomic_dec(&inside);
	up(&two);
}

static void write_as_one_of_two(void)
{
	down(&two);
	data = 2;
	up(&two);
}

static void down_twice(void)
{
	down(&one);
	down(&one);
}

static void down_under_spinlock(void)
{
	write_lock(&lock);
	down(&one);
	write_unlock(&lock);
}

SCENARIO("sema", "a semaphore as a lock: silent",
	 init, NULL, count_alone, count_alone);
SCENARIO("sema-two", "two of three at a time: silent",
	 init, NULL, enter_as_one_of_two, enter_as_one_of_two,
	 enter_as_one_of_two);
SCENARIO("sema-two-write", "two at a time write: data race",
	 init, NULL, write_as_one_of_two, write_as_one_of_two);
SCENARIO("sema-twice", "a task takes what it has not given back: deadlock",
	 init, NULL, down_twice);
SCENARIO("sema-atomic", "down() under a spinlock: sleep in atomic",
	 init, NULL, down_under_spinlock);

static void one_then_m(void)
{
	down(&one);
	mutex_lock(&m);
	mutex_unlock(&m);
	up(&one);
}

static void m_then_one(void)
{
	mutex_lock(&m);
	down(&one);
	up(&one);
	mutex_unlock(&m);
}

static void m_before_one(void)
{
	mutex_lock(&m);
	mutex_unlock(&m);
	down(&one);
	up(&one);
}

SCENARIO("sema-abba", "a semaphore and a mutex in two orders: inversion",
	 init, NULL, one_then_m, m_then_one);
SCENARIO("sema-abba-sound", "... one after the other: silent",
	 init, NULL, m_before_one, m_then_one);

/* What one task takes another may give back. */
static void take_one(void)
{
	down(&one);
	up(&none);
}

static void give_one(void)
{
	down(&none);
	up(&one);
	mutex_lock(&m);
	down(&one);
	mutex_unlock(&m);
}

static void take_and_lock(void)
{
	take_one();
	mutex_lock(&m);
	mutex_unlock(&m);
}

SCENARIO("sema-handed", "one task takes it, another gives it back: silent",
	 init, NULL, take_one, give_one);
SCENARIO("sema-handed-lock", "... before the first takes a lock: silent",
	 init, NULL, take_and_lock, give_one);

/* As a signal. */
static void send(void)
{
	data = 1;
	up(&none);
}

static void receive(void)
{
	down(&none);
	u_assert(data == 1);
}

static void signal_under_m(void)
{
	mutex_lock(&m);
	mutex_unlock(&m);
	up(&none);
}

static void wait_under_m(void)
{
	mutex_lock(&m);
	down(&none);
	mutex_unlock(&m);
}

SCENARIO("sema-signal", "a semaphore as a message: silent",
	 init, NULL, send, receive);
SCENARIO("sema-signal-locked", "waits under a lock that the other takes before: inversion",
	 init, NULL, signal_under_m, wait_under_m);

static void try_down(void)
{
	int busy = down_trylock(&two);

	u_saw(busy);
	if (!busy)
		up(&two);
}

static void down_in_time(void)
{
	u_saw(down_timeout(&none, 1) != 0);
}

static void up_none(void)
{
	up(&none);
}

SCENARIO("saw-sema", "three try to be one of two: outcomes",
	 init, NULL, try_down, try_down, try_down);
SCENARIO("saw-sema-timeout", "down_timeout() against up(): outcomes",
	 init, NULL, down_in_time, up_none);

static void returns(void)
{
	u_saw(read_trylock(&lock));
	u_saw(read_trylock(&lock));
	u_saw(write_trylock(&lock));
	read_unlock(&lock);
	read_unlock(&lock);
	u_saw(write_trylock(&lock));
	u_saw(read_trylock(&lock));
	u_saw(write_trylock(&lock));
	write_unlock(&lock);
	u_saw(down_trylock(&two));
	u_saw(down_interruptible(&two));
	u_saw(down_trylock(&two));
	u_saw(down_timeout(&two, 1) < 0);
	up(&two);
	u_saw(down_killable(&two));
	up(&two);
	up(&two);
}

SCENARIO("returns-sharing", "read-write locks and semaphores, alone: one outcome",
	 init, NULL, returns);
