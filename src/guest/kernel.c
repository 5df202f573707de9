// SPDX-License-Identifier: GPL-2.0-only
/* The beginnings of a kernel: exceptions, a page fault repaired, tasks. */
#include <stdatomic.h>
#include <stddef.h>
#include "tasks.h"

extern uint64_t directory[];

static int repair(uint64_t address)
{
	if (address >> 30 != 2)
		return 0;
	directory[2] = directory[0];
	print("page fault at 0x%x: repaired\n", address);
	return 1;
}

bool answer(struct frame *frame)
{
	uint64_t address;

	asm volatile("mov %%cr2, %0" : "=r" (address));
	if (frame->number == 3) {
		print("breakpoint\n");
		return true;
	}
	return frame->number == PAGE_FAULT && repair(address);
}

static void work(void)
{
	unsigned int i;

	for (i = 1; i <= 3; i++) {
		print("task %u, turn %u\n", number(this_task()), i);
		schedule();
	}
	end_task();
}

static struct spinlock sum;
static volatile unsigned int together;
static unsigned int counted;

static void lock_sum(void)
{
	preempt_disable();
	spin_lock(&sum);
}

static void unlock_sum(void)
{
	spin_unlock(&sum);
	preempt_enable();
}

static void count(void)
{
	unsigned int i, n, seen;

	for (n = 0; this_task()->ticks < 3; n++) {
		lock_sum();
		seen = together;
		for (i = 0; i < 100; i++)
			relax();
		together = seen + 1;
		unlock_sum();
	}
	lock_sum();
	counted += n;
	unlock_sum();
	end_task();
}

struct pair {
	volatile unsigned int one, other;
};

static struct pair pairs[2], *volatile pair = pairs;
static volatile unsigned int torn;
static atomic_uint readers;

static void read_pairs(void)
{
	unsigned int i, one;
	struct pair *seen;

	while (this_task()->ticks < 5) {
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
	end_task();
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
		schedule();
	}
	end_task();
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	volatile uint32_t *twice = (uint32_t *)0x80000000;
	volatile uint32_t *once = NULL;
	unsigned int i;

	(void)mib;
	cpu_begin(id, cpus);
	if (id) {
		outl(0xf8, TICK | 2 << 8);
		serve();
	}
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
	finish(together != counted || torn);
}
