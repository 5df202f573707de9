// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest code on a virtual CPU: what may come between two instructions. A and B
 * are the guest's tasks; the host, in the last column, sends interrupts.
 */
#include <guest/cpu.h>
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/spinlock.h>
#include "scenario.h"

static struct guest_cpu cpu, other_cpu;
static DEFINE_SPINLOCK(lock);
static int done, counted, taken, token;

static void set_done(int vector)
{
	done = 1;
}

static void setup(void)
{
	guest_init(&cpu, set_done, NULL);
}

static void host(void)
{
	guest_interrupt(&cpu, 3);
}

/* Sleep until it is done. */
static void look_then_halt(void)
{
	guest_begin(&cpu);
	sti();
	while (!done)
		hlt();
}

static void look_under_cli(void)
{
	guest_begin(&cpu);
	cli();
	while (!done) {
		sti_hlt();
		cli();
	}
	sti();
}

static void sti_then_hlt(void)
{
	guest_begin(&cpu);
	while (!done) {
		sti();
		hlt();		/* in the shadow of the STI */
		cli();
	}
}

static void sti_something_hlt(void)
{
	guest_begin(&cpu);
	while (!done) {
		sti();
		counted++;	/* the shadow ends here */
		hlt();
		cli();
	}
}

static void halt_deaf(void)
{
	guest_begin(&cpu);
	while (!done)
		hlt();
}

SCENARIO("halt-race", "looks, then halts: the wake-up comes between: deadlock",
	 setup, NULL, look_then_halt, host);
SCENARIO("halt-sound", "looks with IF clear, sti;hlt: silent",
	 setup, NULL, look_under_cli, host);
SCENARIO("halt-shadow", "sti, then hlt in its shadow: silent",
	 setup, NULL, sti_then_hlt, host);
SCENARIO("halt-window", "sti, one instruction, hlt: deadlock",
	 setup, NULL, sti_something_hlt, host);
SCENARIO("halt-deaf", "halts with IF clear: deadlock",
	 setup, NULL, halt_deaf, host);

/* The shadow holds back interrupts. An exception is none. */
static bool always(bool enabled, bool shadow)
{
	return true;
}

static void setup_events(void)
{
	guest_init(&cpu, set_done, always);
}

static void host_event(void)
{
	guest_event(&cpu, 14);
}

SCENARIO("halt-exception", "the wake-up is an exception, in the shadow: deadlock",
	 setup_events, NULL, sti_then_hlt, host_event);

/* A lock that the handler takes. */
static void take_lock(int vector)
{
	spin_lock(&lock);
	taken++;
	spin_unlock(&lock);
}

static void setup_lock(void)
{
	guest_init(&cpu, take_lock, NULL);
}

static void lock_with_interrupts(void)
{
	guest_begin(&cpu);
	sti();
	spin_lock(&lock);
	taken++;
	spin_unlock(&lock);
	cli();
}

static void lock_without_interrupts(void)
{
	guest_begin(&cpu);
	sti();
	cli();
	spin_lock(&lock);
	taken++;
	spin_unlock(&lock);
	sti();
	cli();
}

SCENARIO("irq-lock", "a handler takes what the interrupted code holds: deadlock",
	 setup_lock, NULL, lock_with_interrupts, host);
SCENARIO("irq-lock-sound", "... held with IF clear: silent",
	 setup_lock, NULL, lock_without_interrupts, host);

/* Between a load and a store. */
static void count_one(int vector)
{
	counted++;
}

static void setup_count(void)
{
	guest_init(&cpu, count_one, NULL);
}


static void count_without_interrupts(void)
{
	guest_begin(&cpu);
	cli();
	counted++;
	sti_hlt();
}

static void both_counted(void)
{
	u_assert(counted == 2);
}

static void count_and_go_on(void)
{
	guest_begin(&cpu);
	sti();
	counted++;
	cli();
	while (counted < 2) {
		sti_hlt();
		cli();
	}
}

SCENARIO("irq-count", "counted here and in a handler: one is lost: deadlock",
	 setup_count, both_counted, count_and_go_on, host);
SCENARIO("irq-count-sound", "... with IF clear: silent",
	 setup_count, both_counted, count_without_interrupts, host);

/* An atomic operation is one instruction: nothing comes into it. */
static atomic_t sum;

static void add_one(int vector)
{
	atomic_inc(&sum);
}

static void setup_sum(void)
{
	guest_init(&cpu, add_one, NULL);
}

static void add_and_go_on(void)
{
	guest_begin(&cpu);
	sti();
	atomic_inc(&sum);
	cli();
}

static void host_adds(void)
{
	guest_interrupt(&cpu, 3);
	atomic_inc(&sum);
}

static void all_added(void)
{
	u_assert(atomic_read(&sum) >= 2);
}

SCENARIO("irq-atomic", "counted in one step: silent",
	 setup_sum, all_added, add_and_go_on, host_adds);

/* A handler may not sleep: it has nobody to come back to. */
static void leave_again(int vector)
{
	might_sleep();
}

static void setup_sleep(void)
{
	guest_init(&cpu, leave_again, NULL);
}

static void wait_once(void)
{
	guest_begin(&cpu);
	sti_hlt();
}

SCENARIO("irq-sleep", "a handler sleeps: sleep in atomic",
	 setup_sleep, NULL, wait_once, host);

/*
 * Two tasks on one CPU. A finds that what it needs is not there, an exception
 * that may switch to B; when it has come, an interrupt says so.
 */
static void absent(int vector)
{
	if (vector == 3) {
		done = 1;
		return;
	}
	token = 1;
	while (!done)
		guest_switch('B');
}

static void setup_tasks(void)
{
	guest_init(&cpu, absent, NULL);
}

static void touch_absent(void)
{
	guest_begin(&cpu);
	guest_trap(14);
	u_assert(done && token);
	guest_end('B');
}

static void idle(void)
{
	guest_begin(&cpu);
	while (!done) {
		sti_hlt();
		cli();
	}
	guest_switch('A');
	guest_end(0);
}

static void idle_carelessly(void)
{
	guest_begin(&cpu);
	sti();
	while (!done)
		hlt();
	cli();
	guest_switch('A');
	guest_end(0);
}

SCENARIO("absent", "a task waits for a page, another one idles: silent",
	 setup_tasks, NULL, touch_absent, idle, host);
SCENARIO("absent-careless", "... and halts as the page comes: deadlock",
	 setup_tasks, NULL, touch_absent, idle_carelessly, host);

/* Two CPUs, one lock, one variable. */
static void setup_two(void)
{
	guest_init(&cpu, count_one, NULL);
	guest_init(&other_cpu, count_one, NULL);
}

static void count_under_lock(struct guest_cpu *c)
{
	guest_begin(c);
	spin_lock(&lock);
	counted++;
	spin_unlock(&lock);
}

static void here(void)
{
	count_under_lock(&cpu);
}

static void there(void)
{
	count_under_lock(&other_cpu);
}

static void there_bare(void)
{
	guest_begin(&other_cpu);
	counted++;
}

SCENARIO("two-cpus", "two CPUs count under one lock: silent",
	 setup_two, both_counted, here, there);
SCENARIO("two-cpus-bare", "... one of them without: data race",
	 setup_two, NULL, here, there_bare);
