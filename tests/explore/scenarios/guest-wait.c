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
#include "scenario.h"

enum { PAGE_0, PAGE_1, PAGES, ALL = PAGES, TICK, ABSENT = 14 };
enum { GONE, TOLD, THERE };

struct task {
	bool blocked, over;
	bool keeps;			/* its processor */
};

static struct guest_cpu cpu;
static struct task tasks[2];
static atomic_t page[PAGES];
static int touched, wanted;
static bool half_done, promised;

/* The kernel. */

struct task *this_task(void)
{
	return &tasks[guest_task()];
}

bool may_block(void)
{
	return !this_task()->keeps;
}

void halt(void)
{
	sti_hlt();
	cli();
}

void block(void)
{
	struct task *me = this_task(), *other = &tasks[me == tasks];

	me->blocked = true;
	while (me->blocked) {
		if (other->blocked || other->over)
			halt();
		else
			guest_switch('A' + (other - tasks));
	}
}

void wake_task(struct task *task)
{
	task->blocked = false;
}

static void trap(int vector)
{
	if (vector == ABSENT) {
		if (promised || atomic_cmpxchg(&page[wanted], GONE, TOLD) == GONE)
			async_pf_task_wait(1 + wanted);
	} else if (vector == ALL) {
		async_pf_task_wake(ALL_TOKENS);
	} else if (vector != TICK) {
		async_pf_task_wake(1 + vector);
	}
}

static void setup(void)
{
	guest_init(&cpu, trap, GUEST_INTERRUPTS);
}

static void setup_one(void)
{
	setup();
	tasks[1].over = true;
}

/* Tasks. */

static void begin(void)
{
	guest_begin(&cpu);
	sti();
}

/* The other one's turn, now or as soon as it has been woken. */
static void leave(void)
{
	struct task *me = this_task(), *other = &tasks[me == tasks];

	cli();
	me->over = true;
	while (other->blocked)
		halt();
	guest_end(other->over ? 0 : 'A' + (other - tasks));
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

/* Another host: it has the pages, and knows of no promise. */
static void move(void)
{
	atomic_set(&page[PAGE_0], THERE);
	atomic_set(&page[PAGE_1], THERE);
	guest_interrupt(&cpu, ALL);
}

/* An interrupt that is about no page. */
static void tick(void)
{
	guest_interrupt(&cpu, TICK);
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
#endif
