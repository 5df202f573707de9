// SPDX-License-Identifier: GPL-2.0-only
/* What the wait for an absent page has promised, tried. */
#include <guest/os.h>
#include "async_pf.h"
#include "told.h"

#define FOREVER 600000		/* ms, and more than the watchdog has */

static bool all_right = true;

extern const char halt_page[];

static void touch(volatile const void *at)
{
	(void)*(volatile const char *)at;
}

static void bring_program(void)
{
	uintptr_t at, stack = (uintptr_t)&at;

	for (at = 0x100000; at < (uintptr_t)_end; at += 4096) {
		if (at != (uintptr_t)halt_page)
			touch((void *)at);
	}
	for (at = stack; at > stack - 0x8000; at -= 4096)
		touch((void *)at);
}

static void *fresh(void)
{
	static uintptr_t next;

	next = next ? next + 4096 : ((uintptr_t)_end + 4095) & -4096UL;
	return (void *)next;
}

static void come(uint32_t ms)	/* what is owed now, the rest so late */
{
	outl(0xfa, ms);
}

static void clock(unsigned int ms)
{
	outl(0xf8, ms ? TICK | ms << 8 : 0);
}

static void dawdle(unsigned int n)
{
	while (n--)
		outb(0x80, 0);		/* where nobody is: an exit to the VMM */
}

static void trying(const char *what)
{
	print("%s: ", what);
}

static void say(bool right)
{
	print(right ? "right\n" : "wrong\n");
	all_right = all_right && right;
}

static volatile unsigned int half_done;	/* on which processor, plus 1 */
static volatile bool over;
static unsigned int saw;

static void keep_and_touch(void)
{
	unsigned int ticks;

	preempt_disable();
	half_done = 1 + this_cpu();
	ticks = this_task()->ticks;
	do
		touch(fresh());
	while (ticks == this_task()->ticks);
	half_done = 0;
	preempt_enable();
	over = true;
	end_task();
}

static void look(void)
{
	while (!over) {
		preempt_disable();
		saw += half_done == 1 + this_cpu();
		preempt_enable();
		schedule();
	}
	end_task();
}

static void try_to_keep(void)
{
	trying("no task of this processor sees what is half done");
	come(20);
	clock(2);
	make(keep_and_touch);
	make(look);
	run_tasks();
	clock(0);
	say(!saw);
}

static struct thing {
	volatile bool dead;
} things[2], *volatile thing = things;

static volatile bool reading, replaced, read_dead, read_over;

static void read_and_touch(void)
{
	struct thing *mine;

	rcu_read_lock();
	mine = thing;
	reading = true;
	touch(fresh());
	read_dead = mine->dead;
	rcu_read_unlock();
	read_over = true;
	end_task();
}

static void replace(void)
{
	while (!reading)
		schedule();
	thing = &things[1];
	replaced = true;
	synchronize_rcu();
	things[0].dead = true;
	end_task();
}

static void bring_after_a_while(void)
{
	unsigned int i;

	while (!replaced)
		schedule();
	for (i = 0; i < 3; i++)
		schedule();
	while (!read_over) {
		come(0);
		schedule();
	}
	end_task();
}

static void try_to_read(void)
{
	trying("a reader that waits reads nothing dead");
	come(FOREVER);
	clock(2);
	make(read_and_touch);
	make(replace);
	make(bring_after_a_while);
	run_tasks();
	clock(0);
	say(!read_dead);
}

static void try_early_news(void)
{
	trying("news before its wait is not lost");
	async_pf_task_wake(4711);
	async_pf_task_wait(4711);
	say(true);
}

static volatile unsigned int asleep, back, back_after_one;

static void wait_for_4712(void)
{
	interrupts_off();
	asleep++;
	async_pf_task_wait(4712);
	back++;
	end_task();
}

static void wake_4712_twice(void)
{
	interrupts_off();
	while (asleep < 2)
		schedule();
	async_pf_task_wake(4712);
	schedule();
	schedule();
	back_after_one = back;
	async_pf_task_wake(4712);
	end_task();
}

static void try_one_token(void)
{
	trying("of two that wait for one token, each news wakes one");
	clock(2);
	make(wait_for_4712);
	make(wait_for_4712);
	make(wake_4712_twice);
	run_tasks();
	clock(0);
	say(back_after_one == 1 && back == 2);
}

#define TRAP_FLAG 0x100

static volatile unsigned int step_at, steps;
static volatile bool begun, brought, last;

static void bring(void)		/* interrupts are off */
{
	unsigned int n;

	brought = true;
	for (n = 0; !news_waits(); n++) {
		if (n == 400) {
			print("step %u: no news, for 400 demands\n", steps);
			finish(1);
		}
		come(0);
	}
}

static void step(struct frame *frame)
{
	const uint8_t *next = (const uint8_t *)frame->rip;
	bool halts = next[0] == 0xfb && next[1] == 0xf4;	/* STI; HLT */

	if (!brought && (steps == step_at || halts)) {
		last = steps != step_at;
		bring();
	}
	steps++;
	if (halts)
		frame->rflags &= ~TRAP_FLAG;
}

static void wait_in_steps(unsigned int token)
{
	begun = true;
	asm volatile("pushf; orl %0, (%%rsp); popf" : : "i" (TRAP_FLAG)
		     : "memory", "cc");
	async_pf_task_wait(token);
	asm volatile("pushf; andl %0, (%%rsp); popf" : : "i" (~TRAP_FLAG)
		     : "memory", "cc");
}

static void touch_and_block(void)
{
	touch(fresh());
	end_task();
}

static void help(void)
{
	interrupts_off();
	while (!begun)
		schedule();
	if (!brought) {
		last = true;
		bring();
	}
	end_task();
}

static void touch_and_keep(void)
{
	preempt_disable();
	touch(fresh());
	preempt_enable();
	end_task();
}

static void touch_and_read(void)
{
	rcu_read_lock();
	touch(fresh());
	rcu_read_unlock();
	end_task();
}

static void touch_in_loop(void)
{
	asm volatile("sti; nop");
	touch(fresh());
	asm volatile("cli");
}

static void try_each_step(const char *what, void (*way)(void))
{
	trying(what);
	come(FOREVER);
	wait_for_page = wait_in_steps;
	for (step_at = 0, last = false; !last; step_at++) {
		begun = brought = false;
		steps = 0;
		if (way)
			make(way);
		else
			touch_in_loop();
		if (way == touch_and_block)
			make(help);
		run_tasks();
	}
	wait_for_page = async_pf_task_wait;
	print("news after each of %u instructions\n", step_at - 1);
	all_right = all_right && step_at > 10;
}

asm(".balign 4096\n"
    "	.fill 4095, 1, 0x90\n"
    "halt_apart:	sti\n"
    "halt_page:	hlt\n"
    "	cli\n"
    "	ret\n"
    "	.balign 4096\n");

void halt_apart(void);

static void halt_late(void)
{
	dawdle(100);
	halt_apart();
}

static void try_halt_apart(void)
{
	void (*halt_before)(void) = halt;
	unsigned int before = told.absent;

	trying("nothing comes between STI and HLT");
	come(20);
	halt = halt_late;
	touch_in_loop();
	halt = halt_before;
	say(told.absent - before == 1);
}

static volatile bool held, let_go;

static void hold(void)
{
	preempt_disable();
	held = true;
	while (!let_go)
		relax();
	preempt_enable();
	end_task();
}

static void read_absent(void)
{
	rcu_read_lock();
	touch(fresh());
	rcu_read_unlock();
	end_task();
}

static volatile bool moved;

static void send_away(void)
{
	struct task *reader;
	unsigned int token;

	while (!async_pf_waits(0, &token, &reader))
		schedule();
	preempt_disable();
	let_go = true;
	while (!*(volatile bool *)&reader->running)
		relax();
	dawdle(100);
	moved = !this_cpu();
	clock(0);
	do
		come(0);
	while (async_pf_waits(0, &token, &reader));
	preempt_enable();
	end_task();
}

static void try_to_move(void)
{
	trying("news finds a reader on another processor");
	come(FOREVER);
	make(hold);
	while (!held)
		relax();
	clock(2);
	make(read_absent);
	make(send_away);
	run_tasks();
	say(moved);
}

static volatile bool ran;

static void wait_for_4713(void)
{
	interrupts_off();
	async_pf_task_wait(4713);
	ran = true;
	end_task();
}

static void wake_and_keep(void)
{
	struct task *sleeper;
	unsigned int token;

	while (!async_pf_waits(0, &token, &sleeper))
		schedule();
	preempt_disable();
	dawdle(100);			/* the other processor halts */
	interrupts_off();
	async_pf_task_wake(4713);
	interrupts_as(0x202);
	while (!ran)
		relax();
	preempt_enable();
	end_task();
}

static void try_to_wake(void)
{
	trying("a task that is woken runs on a processor that is free");
	make(wait_for_4713);
	make(wake_and_keep);
	run_tasks();
	say(ran);
}

bool answer(struct frame *frame)
{
	if (frame->number == 1) {
		step(frame);
		return true;
	}
	return take_news(frame);
}

static void try_one_processor(void)
{
	try_to_keep();
	try_to_read();
	try_early_news();
	try_one_token();
	if (!async_pf_always)
		return;
	try_each_step("a task that gives its processor away", touch_and_block);
	try_each_step("a task that keeps its processor", touch_and_keep);
	try_each_step("a reader", touch_and_read);
	try_each_step("the loop", NULL);
	try_halt_apart();
}

static void try_two_processors(void)
{
	if (async_pf_always)
		try_to_move();
	try_to_wake();
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	(void)mib;
	cpu_begin(id, cpus);
	bring_program();
	agree(async_pf_always);
	if (id)
		serve();
	asm volatile("sti; nop; cli");
	while (told.all != cpus)
		relax();
	if (cpus == 1)
		try_one_processor();
	else
		try_two_processors();
	print(all_right ? "that is as it should be\n" : "that is not right\n");
	finish(!all_right);
}
