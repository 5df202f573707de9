// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the book's own scenarios do not ask of a wait: that it is of use, and
 * what becomes of it between two processors.
 */
#define GUEST
#include <guest/os.h>
#include "guest/async_pf.h"
#include "scenario.h"
#include "scenarios/guest-wait.h"

static void setup(void)
{
	setup_tasks(2);
}

static void setup_alone(void)
{
	setup_tasks(1);
}

static void setup_three(void)
{
	setup_tasks(3);
}

static void one_touched(void)
{
	u_assert(touched == 1);
}

static void two_touched(void)
{
	u_assert(touched == 2);
}

/* Tasks without which a page does not come. */
static void bring_and_leave(void)
{
	begin();
	bring(PAGE_0);
	leave();
}

static void touch_then_bring(void)
{
	begin();
	touch_in_user_mode(PAGE_1);
	bring(PAGE_0);
	leave();
}

static void bring_other(void)
{
	begin();
	bring(PAGE_1);
	leave();
}

/* News comes early, and the tasks that it is for in another order. */
static void hear_then_wait(void)
{
	begin();
	cli();
	async_pf_task_wake(11);
	async_pf_task_wake(12);
	async_pf_task_wake(11);
	async_pf_task_wake(ALL_TOKENS);
	sti();
	touch_in_user_mode(PAGE_0);
	cli();
	async_pf_task_wait(11);
	async_pf_task_wait(12);
	async_pf_task_wait(11);
	leave();
}

/* Somebody asks, while two wait and news has come that is for neither. */
static void ask_who_waits(void)
{
	struct task *first = NULL, *second = NULL, *none;
	unsigned int token, other;

	begin();
	schedule();		/* A and B have their turns, and wait */
	schedule();
	cli();
	async_pf_task_wake(11);
	u_assert(async_pf_waits(0, &token, &first));
	u_assert(async_pf_waits(1, &other, &second));
	u_assert(!async_pf_waits(2, &other, &none));
	u_assert(token + other == 1 + PAGE_0 + 1 + PAGE_1 && token != other);
	u_assert(first && second && first != second);
	u_assert(first != this_task() && second != this_task());
	sti();
	move();
	leave();
}

/* The news for neither is for this one, later. */
static void touch_then_wait(void)
{
	begin();
	touch_in_user_mode(PAGE_1);
	cli();
	async_pf_task_wait(11);
	leave();
}

static void keep_and_read(void)
{
	begin();
	keep(true);
	touch_as_reader(PAGE_0);
	keep(false);
	leave();
}

static void bring_0(void)
{
	bring(PAGE_0);
}

static void bring_1(void)
{
	bring(PAGE_1);
}

/* B has the first processor until A has the second. */
static void wait_for_the_move(void)
{
	begin();
	wait_for_completion(&moved);
	leave();
}

/* The tick moves A, as it halts; the news comes where A has been. */
static void halt_here_and_there(void)
{
	begin();
	touch_as_reader(PAGE_0);
	leave();
}

static void tick_then_bring(void)
{
	tick_on(0);
	wait_for_completion(&moved);
	bring(PAGE_0);
}

/* It halts, and sees that its page has come before it is told. */
static void halt_twice(void)
{
	begin_on(1);
	touch_as_reader(PAGE_0);
	touch_as_reader(PAGE_1);
	leave();
}

static void idle(void)
{
	begin();
	leave();
}

static void bring_tick_bring(void)
{
	bring(PAGE_0);
	tick_on(1);
	bring(PAGE_1);
}

/* A moves by itself, and waits then; the news comes to both processors. */
static void move_and_block(void)
{
	begin();
	schedule();
	touch_in_user_mode(PAGE_0);
	leave();
}

static void move_after_it(void)
{
	wait_for_completion(&moved);
	move();
}

SCENARIO("lab-keeps-and-reads", "a reader that keeps its processor waits",
	 setup, one_touched, keep_and_read, look, bring_0);
SCENARIO("lab-other-runs", "another task runs, and brings the page",
	 setup, one_touched, touch_and_leave, bring_and_leave);
SCENARIO("lab-one-of-two", "of two that wait, one's page comes: it goes on",
	 setup_three, two_touched, touch_and_leave, touch_then_bring,
	 bring_other);
SCENARIO("lab-marks", "news is kept, for each task that comes for it",
	 setup_alone, one_touched, hear_then_wait, bring_0);
SCENARIO("lab-asked", "who waits?",
	 setup_three, two_touched, touch_and_leave, touch_then_wait,
	 ask_who_waits);
SCENARIO("lab-keeps-vs-blocks", "one halts, and another one is blocked",
	 setup, two_touched, keep_and_touch, touch_and_leave, bring_0, bring_1);
SCENARIO("lab-two-cpus-halts", "a reader halts on either processor",
	 setup_two_begun, one_touched, halt_here_and_there, wait_for_the_move,
	 loop_of_two, tick_then_bring);
SCENARIO("lab-two-cpus-again", "... twice, and not only the news wakes it",
	 setup_apart, two_touched, halt_twice, idle, bring_tick_bring);
SCENARIO("lab-two-cpus-all", "a task blocks; all have come, hears each processor",
	 setup_two_begun, one_touched, move_and_block, wait_for_the_move,
	 loop_of_two, move_after_it);
