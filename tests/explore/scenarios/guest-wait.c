// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's tasks wait for pages that are absent: src/guest/async_pf.c, on one
 * processor of the explorer's or two. A and B are tasks; C, and D, the host,
 * which brings a page and says so if it has said that it was absent. What the
 * host says comes where its rule lets it: src/arch/x86/window.c.
 */
#ifndef ON_KERNEL
#define GUEST
#include <guest/os.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include "arch/x86/window.h"
#include "guest/async_pf.h"
#include "guest/rcu.h"
#include "scenario.h"
#include "scenarios/guest-wait.h"

enum { ALL = PAGES, TICK, KICK, ABSENT = 14, NONE };
enum { GONE, TOLD, THERE };

enum { NEW, READY, RUNNING, OVER };	/* new: waits for the first processor */

struct task {
	atomic_t state;
	bool blocked;			/* in any of them */
	bool keeps;			/* its processor */
	bool user;			/* in user mode */
	struct rcu_reader reader;
};

static struct guest_cpu cpus[2];
static struct task tasks[3];	/* A's; B's and C's, if they are the guest's */
static struct task *before[2];	/* who had the processor */
static bool two;
struct completion moved;	/* A, to the second processor */
static atomic_t page[PAGES];
static struct completion come[PAGES];
static int told_on[PAGES];	/* a processor */
int touched;
static int wanted;
static bool half_done, promised, same_token;
static bool tells_first;	/* processor: whoever waits has moved since */
static atomic_t disagreed;	/* the guest wants to hear no more */

/* The kernel. */

struct task *this_task(void)
{
	return &tasks[guest_task()];
}

unsigned int this_cpu(void)
{
	return guest_this() - cpus;
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

void kick_cpu(unsigned int cpu)
{
	if (cpu != this_cpu())
		guest_interrupt(&cpus[cpu], KICK);
}

static bool is_over(struct task *task)
{
	return atomic_read(&task->state) == OVER;
}

/* It is this processor's from here on, if it wants a turn. */
static bool pick(struct task *task)
{
	if (READ_ONCE(task->blocked))
		return false;
	return atomic_cmpxchg(&task->state, READY, RUNNING) == READY ||
	       (!this_cpu() &&
		atomic_cmpxchg(&task->state, NEW, RUNNING) == NEW);
}

/* The next task that wants a turn here, after this one; or NULL. */
static struct task *next_task(void)
{
	int me = guest_task(), i;

	if (this_cpu())
		return NULL;
	for (i = 1; i < 3; i++) {
		struct task *task = &tasks[(me + i) % 3];

		if (pick(task))
			return task;
	}
	return NULL;
}

/* Who had this processor has left it, and may have the other. */
static void arrive(void)
{
	struct task *left = before[this_cpu()];

	if (!left)
		return;
	atomic_xchg(&left->state, READY);
	if (two && !this_cpu())
		kick_cpu(1);
}

static void switch_to(struct task *next)
{
	before[this_cpu()] = this_task();
	guest_switch('A' + (next - tasks));
	arrive();
}

static bool give_turn(void)
{
	struct task *next = next_task();

	if (next)
		switch_to(next);
	return next;
}

static bool all_over(void)
{
	return is_over(&tasks[0]) && is_over(&tasks[1]) && is_over(&tasks[2]);
}

void set_blocked(void)
{
	struct task *me = this_task();

	WRITE_ONCE(me->blocked, true);
}

void schedule(void)
{
	struct task *me = this_task();
	bool on = interrupts_off();

	do {
		if (!give_turn() && READ_ONCE(me->blocked))
			halt();
	} while (READ_ONCE(me->blocked));
	interrupts_as(on);
}

void wake_task(struct task *task)
{
	WRITE_ONCE(task->blocked, false);
	if (two)
		kick_cpu(!this_cpu());
}

static void preempt(void)
{
	if (this_task()->keeps || is_over(this_task()))
		return;
	rcu_preempt();
	give_turn();
}

static void page_absent(void)
{
	if (!promised) {
		told_on[wanted] = tells_first ? 0 : this_cpu();
		if (atomic_cmpxchg(&page[wanted], GONE, TOLD) != GONE)
			return;
	}
	async_pf_task_wait(1 + wanted);
}

static void trap(int vector)
{
	if (vector == ABSENT)
		page_absent();
	else if (vector == ALL)
		async_pf_task_wake(ALL_TOKENS);
	else if (vector == TICK)
		preempt();
	else if (vector != KICK && !atomic_read(&disagreed))
		async_pf_task_wake(1 + (same_token ? PAGE_0 : vector));
}

void setup_tasks(int n)
{
	int i;

	guest_init(&cpus[0], trap, window_open);
	guest_init(&cpus[1], trap, window_open);
	for (i = 0; i < PAGES; i++)
		init_completion(&come[i]);
	while (n < 3)
		atomic_set(&tasks[n++].state, OVER);
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

void begin_on(unsigned int cpu)
{
	struct task *me = this_task();

	guest_begin(&cpus[cpu]);
	atomic_set(&me->state, RUNNING);
	arrive();
	sti();
}

void begin(void)
{
	begin_on(0);
}

/* Another one's turn, now or as soon as it has been woken. */
static void leave_to_next(void)
{
	struct task *next;

	while (!(next = next_task()) && !all_over())
		halt();
	guest_end(next ? 'A' + (next - tasks) : 0);
}

void leave(void)
{
	struct task *me = this_task();

	cli();
	atomic_xchg(&me->state, OVER);
	before[this_cpu()] = NULL;
	if (two && me == tasks)
		kick_cpu(!this_cpu());
	if (this_cpu())
		guest_end('C');
	else
		leave_to_next();
}

/*
 * A touch, until the page is there. The host decides as the fault comes. If the
 * guest does not want to hear of it, its processor waits.
 */
static bool wants_to_hear(void)
{
	return (this_task()->user || async_pf_always) &&
	       !atomic_read(&disagreed);
}

static void touch(int which)
{
	while (atomic_read(&page[which]) != THERE) {
		if (wants_to_hear()) {
			wanted = which;
			guest_trap(ABSENT);
		} else {
			wait_for_completion(&come[which]);
		}
	}
	touched++;
}

void touch_in_user_mode(int which)
{
	this_task()->user = true;
	touch(which);
}

void touch_and_leave(void)
{
	begin();
	touch_in_user_mode(this_task() - tasks);
	leave();
}

static void touch_twice(void)
{
	begin();
	touch_in_user_mode(PAGE_0);
	touch_in_user_mode(PAGE_1);
	leave();
}

/* A touch in the middle of something that no other task may see. */
void keep(bool on)
{
	this_task()->keeps = true;
	half_done = on;
	this_task()->keeps = on;
}

void keep_and_touch(void)
{
	begin();
	keep(true);
	touch(PAGE_0);
	keep(false);
	leave();
}

void look(void)
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

static void read(int which)
{
	int *seen;

	rcu_read_lock();
	seen = READ_ONCE(thing);
	if (which < PAGES)
		touch(which);
	u_assert(!seen || *seen == 7);
	rcu_read_unlock();
}

void touch_as_reader(int which)
{
	read(which);
}

static void read_absent(void)
{
	begin();
	read(PAGE_0);
	leave();
}

static void read_and_leave(void)
{
	begin();
	read(NONE);
	leave();
}

static void read_twice(void)
{
	begin();
	read(NONE);
	read(NONE);
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

/* The agreement ends. From now on the host says nothing of any page. */
static void disagree(void)
{
	begin();
	cli();
	atomic_set(&disagreed, 1);
	async_pf_task_wake(ALL_TOKENS);
	sti();
	leave();
}

/* Two tasks have the same token, and are woken once each. */
static void setup_same(void)
{
	setup_tasks(2);
	promised = same_token = true;
}

static void wait_once(void)
{
	begin();
	guest_trap(ABSENT);
	touched++;
	leave();
}

static void news_0(void)
{
	guest_event(&cpus[0], PAGE_0);
}

static void news_1(void)
{
	guest_event(&cpus[0], PAGE_1);
}

void bring(int which)
{
	if (atomic_xchg(&page[which], THERE) == TOLD)
		guest_event(&cpus[told_on[which]], which);
	complete(&come[which]);
}

static void bring_0(void)
{
	bring(PAGE_0);
}

static void bring_1(void)
{
	bring(PAGE_1);
}

/* What ends a halt, flag or no flag, and brings nothing. */
static void setup_nmi(void)
{
	setup_tasks(1);
	cpus[0].hears_nmis = true;
}

static void nmi(void)
{
	guest_nmi(&cpus[0], KICK);
}

/* An interrupt that is about no page. */
void tick_on(unsigned int cpu)
{
	guest_interrupt(&cpus[cpu], TICK);
}

static void tick(void)
{
	tick_on(0);
}

static void tick_often(void)
{
	tick();
	tick();
	tick();
}

/* Another host: it has the pages, and knows of no promise. */
void move(void)
{
	atomic_set(&page[PAGE_0], THERE);
	atomic_set(&page[PAGE_1], THERE);
	complete(&come[PAGE_0]);
	complete(&come[PAGE_1]);
	guest_event(&cpus[0], ALL);
	if (two)
		guest_event(&cpus[1], ALL);
}

/*
 * A second processor, of which C is the loop: it runs A when A has lost the
 * first one, which the tick may do, and halts when there is nothing to run.
 */
void setup_two(void)
{
	two = true;
	init_completion(&moved);
	setup_tasks(2);
}

/* ... and A has the first from the beginning. */
void setup_two_begun(void)
{
	setup_two();
	cpus[0].owner = 2;
}

/* ... or A has the second, as if it had moved there while it waited. */
void setup_apart(void)
{
	setup_two();
	cpus[1].owner = 2;
	atomic_set(&tasks[0].state, RUNNING);
	tells_first = true;
}

void loop_of_two(void)
{
	guest_begin(&cpus[1]);
	while (!is_over(&tasks[0])) {
		if (pick(&tasks[0])) {
			complete_all(&moved);
			guest_switch('A');
		} else {
			halt();
		}
	}
	guest_end(0);
}

static void tick_and_bring(void)
{
	tick();
	bring(PAGE_0);
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
SCENARIO("guest-alone", "a task waits, and there is no other",
	 setup_one, one_touched, keep_and_touch, bring_0);
SCENARIO("guest-nmi", "... and an NMI, which comes at any time, is no news",
	 setup_nmi, one_touched, keep_and_touch, bring_0, nmi);
SCENARIO("guest-early", "the news comes before the fault",
	 setup, one_touched, touch_promised, look, bring_0);
SCENARIO("guest-same", "two tasks wait with one token, which comes twice",
	 setup_same, two_touched, wait_once, wait_once, news_0, news_1);
SCENARIO("guest-two-cpus", "a reader halts where the tick has brought it",
	 setup_two, one_touched, read_absent, look, loop_of_two, tick_and_bring);
SCENARIO("guest-disagrees", "the guest wants to hear no more, while a task waits",
	 setup, one_touched, touch_and_leave, disagree, bring_0);
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
