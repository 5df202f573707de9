// SPDX-License-Identifier: GPL-2.0-only
/* The beginnings of a kernel: exceptions, a page fault repaired, tasks. */
#include <stddef.h>
#include "tasks.h"

#define TICK 33

extern uint64_t directory[];

static int repair(uint64_t address)
{
	if (address >> 30 != 2)
		return 0;
	directory[2] = directory[0];
	print("page fault at 0x%x: repaired\n", address);
	return 1;
}

void trap(struct frame *frame)
{
	uint64_t address;

	asm volatile("mov %%cr2, %0" : "=r" (address));
	if (frame->number == 3) {
		print("breakpoint\n");
		return;
	}
	if (frame->number == 14 && repair(address))
		return;
	if (frame->number == TICK) {
		preempt();
		return;
	}
	give_up(frame);
}

static void work(void)
{
	unsigned int me = current - tasks, i;

	for (i = 1; i <= 3; i++) {
		print("task %u, turn %u\n", me, i);
		yield();
	}
	current->over = 1;
	yield();
}

static volatile unsigned int together;
static unsigned int counted;

static void count(void)
{
	unsigned int i, n, seen;

	for (n = 0; current->preempted < 3; n++) {
		preempt_disable();
		seen = together;
		for (i = 0; i < 100; i++)
			relax();
		together = seen + 1;
		preempt_enable();
	}
	preempt_disable();
	counted += n;
	preempt_enable();
	current->over = 1;
	yield();
}

struct pair {
	volatile unsigned int one, other;
};

static struct pair pairs[2], *volatile pair = pairs;
static volatile unsigned int torn, readers;

static void read_pairs(void)
{
	unsigned int i, one;
	struct pair *seen;

	while (current->preempted < 5) {
		rcu_read_lock();
		seen = pair;
		one = seen->one;
		for (i = 0; i < 100; i++)
			relax();
		if (one != seen->other)
			torn = 1;
		rcu_read_unlock();
	}
	readers--;
	current->over = 1;
	yield();
}

static void write_pairs(void)
{
	struct pair *old;
	unsigned int n, i;

	for (n = 1; readers; n++) {
		old = pair;
		pair = &pairs[old == pairs];
		synchronize_rcu();
		old->one = n;
		for (i = 0; i < 100; i++)
			relax();
		old->other = n;
		yield();
	}
	current->over = 1;
	yield();
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	volatile uint32_t *twice = (uint32_t *)0x80000000;
	volatile uint32_t *once = NULL;
	unsigned int i;

	(void)mib;
	(void)cpus;
	if (id)
		return 0;
	load_table();
	asm volatile("int3");
	asm volatile("" : "+r" (once));
	*once = 4711;
	print("the same memory twice: %u\n", *twice);
	for (i = 0; i < 3; i++)
		make(work);
	run_tasks();
	for (i = 0; i < 2; i++)
		make(count);
	outl(0xf8, TICK | 2 << 8);
	run_tasks();
	print("two tasks that never yield have counted together: %s\n",
	      together == counted ? "right" : "wrong");
	readers = 2;
	for (i = 0; i < 2; i++)
		make(read_pairs);
	make(write_pairs);
	run_tasks();
	print("two tasks have read what a third one changed: %s\n",
	      torn ? "wrong" : "right");
	outl(0xf8, 0);
	finish(together != counted || torn);
}
