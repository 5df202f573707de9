// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's tasks wait for pages that are absent: src/guest/async_pf.c, on one
 * processor of the explorer's. A and B are tasks; C, and D, the host, which
 * brings a page and says so by an interrupt if it has said that it was absent.
 */
#ifndef ON_KERNEL
#define GUEST
#include <guest/os.h>
#include <linux/atomic.h>
#include "guest/async_pf.h"
#include "guest/rcu.h"
#include "scenario.h"

enum { PAGE_0, PAGE_1, PAGES, ALL = PAGES, TICK, ABSENT = 14 };
enum { GONE, TOLD, THERE };

struct task {
	bool blocked, over;
	bool keeps;			/* its processor */
	struct rcu_reader reader;
};

static struct guest_cpu cpu;
static struct task tasks[3];	/* A's; B's and C's, if they are the guest's */
static atomic_t page[PAGES];
static int touched, wanted;
static bool half_done, promised;

/* The kernel. */

struct task *this_task(void)
{
	return &tasks[guest_task()];
}

struct rcu_reader *this_reader(void)
{
	return &this_task()->reader;
}

bool may_block(void)
{
	return !this_task()->keeps && !this_reader()->depth;
}

void halt(void)
{
	sti_hlt();
	cli();
}

/* The next task that wants a turn, after this one; or NULL. */
static struct task *next_task(void)
{
	int me = guest_task(), i;

	for (i = 1; i < 3; i++) {
		struct task *task = &tasks[(me + i) % 3];

		if (!task->blocked && !task->over)
			return task;
	}
	return NULL;
}

static bool give_turn(void)
{
	struct task *next = next_task();

	if (next)
		guest_switch('A' + (next - tasks));
	return next;
}

static bool all_over(void)
{
	return tasks[0].over && tasks[1].over && tasks[2].over;
}

void yield(void)
{
	bool on = interrupts_off();

	give_turn();
	interrupts_as(on);
}

void block(void)
{
	struct task *me = this_task();

	me->blocked = true;
	while (me->blocked) {
		if (!give_turn())
			halt();
	}
}

void wake_task(struct task *task)
{
	task->blocked = false;
}

static void preempt(void)
{
	if (this_task()->keeps)
		return;
	rcu_preempt();
	give_turn();
}

static void trap(int vector)
{
	if (vector == ABSENT) {
		if (promised || atomic_cmpxchg(&page[wanted], GONE, TOLD) == GONE)
			async_pf_task_wait(1 + wanted);
	} else if (vector == ALL) {
		async_pf_task_wake(ALL_TOKENS);
	} else if (vector == TICK) {
		preempt();
	} else {
		async_pf_task_wake(1 + vector);
	}
}

static void setup_tasks(int n)
{
	guest_init(&cpu, trap, GUEST_INTERRUPTS);
	while (n < 3)
		tasks[n++].over = true;
}

static void setup(void)
{
	setup_tasks(2);
}

static void setup_one(void)
{
	setup_tasks(1);
}

/* Tasks. */

static void begin(void)
{
	guest_begin(&cpu);
	sti();
}

/* Another one's turn, now or as soon as it has been woken. */
static void leave(void)
{
	struct task *next;

	cli();
	this_task()->over = true;
	while (!(next = next_task()) && !all_over())
		halt();
	guest_end(next ? 'A' + (next - tasks) : 0);
}

/* A touch, until the page is there. The host decides as the fault comes. */
static void touch(int which)
{
	while (atomic_read(&page[which]) != THERE) {
		wanted = which;
		guest_trap(ABSENT);
	}
	touched++;
}

static void touch_and_leave(void)
{
	begin();
	touch(this_task() - tasks);
	leave();
}

static void touch_twice(void)
{
	begin();
	touch(PAGE_0);
	touch(PAGE_1);
	leave();
}

/* What it does nobody may see half done. */
static void keep_and_touch(void)
{
	begin();
	this_task()->keeps = true;
	half_done = true;
	touch(PAGE_0);
	half_done = false;
	this_task()->keeps = false;
	leave();
}

static void look(void)
{
	begin();
	u_assert(!half_done);
	leave();
}

/* A reader, and a writer that frees what was read. */
static int *thing;

static void make_thing(int n)
{
	setup_tasks(n);
	thing = take_memory(sizeof(*thing));
	*thing = 7;
}

static void setup_thing(void)
{
	make_thing(2);
}

static void setup_readers(void)
{
	make_thing(3);
}

static void read(bool absent)
{
	int *seen;

	rcu_read_lock();
	seen = READ_ONCE(thing);
	if (absent)
		touch(PAGE_0);
	u_assert(!seen || *seen == 7);
	rcu_read_unlock();
}

static void read_absent(void)
{
	begin();
	read(true);
	leave();
}

static void read_and_leave(void)
{
	begin();
	read(false);
	leave();
}

static void read_twice(void)
{
	begin();
	read(false);
	read(false);
	leave();
}

static void free_thing(void)
{
	int *old = thing;

	begin();
	WRITE_ONCE(thing, NULL);
	synchronize_rcu();
	give_memory(old);
	leave();
}

/* A host that promises news before its fault comes. */
static void touch_promised(void)
{
	begin();
	if (atomic_cmpxchg(&page[PAGE_0], GONE, TOLD) == GONE) {
		wanted = PAGE_0;
		promised = true;
		guest_trap(ABSENT);
	}
	u_assert(atomic_read(&page[PAGE_0]) == THERE);
	touched++;
	leave();
}

static void bring(int which)
{
	if (atomic_xchg(&page[which], THERE) == TOLD)
		guest_interrupt(&cpu, which);
}

static void bring_0(void)
{
	bring(PAGE_0);
}

static void bring_1(void)
{
	bring(PAGE_1);
}

/* An interrupt that is about no page. */
static void tick(void)
{
	guest_interrupt(&cpu, TICK);
}

static void tick_often(void)
{
	tick();
	tick();
	tick();
}

/* Another host: it has the pages, and knows of no promise. */
static void move(void)
{
	atomic_set(&page[PAGE_0], THERE);
	atomic_set(&page[PAGE_1], THERE);
	guest_interrupt(&cpu, ALL);
}

static void one_touched(void)
{
	u_assert(touched == 1);
}

static void two_touched(void)
{
	u_assert(touched == 2);
}

SCENARIO("guest-blocks", "a task waits for a page, another one runs",
	 setup, one_touched, touch_and_leave, look, bring_0);
SCENARIO("guest-two", "two tasks wait for a page each",
	 setup, two_touched, touch_and_leave, touch_and_leave, bring_0, bring_1);
SCENARIO("guest-twice", "one task waits for one page after the other",
	 setup_one, two_touched, touch_twice, bring_0, bring_1);
SCENARIO("guest-keeps", "a task that keeps its processor waits for a page",
	 setup, one_touched, keep_and_touch, look, bring_0, tick);
SCENARIO("guest-early", "the news comes before the fault",
	 setup, one_touched, touch_promised, look, bring_0);
SCENARIO("guest-moves", "the news is that all pages have come",
	 setup, two_touched, touch_and_leave, touch_and_leave, move);
SCENARIO("guest-reads", "a reader is preempted, a writer frees",
	 setup_thing, NULL, read_and_leave, free_thing, tick, tick);
SCENARIO("guest-reads-twice", "... twice",
	 setup_thing, NULL, read_twice, free_thing, tick_often);
SCENARIO("guest-readers", "two readers are preempted, a writer frees",
	 setup_readers, NULL, read_and_leave, read_and_leave, free_thing, tick_often);
SCENARIO("guest-reader-waits", "a reader waits for a page, a writer frees",
	 setup_thing, one_touched, read_absent, free_thing, bring_0, tick);
#endif
