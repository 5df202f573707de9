// SPDX-License-Identifier: GPL-2.0-only
/* The beginnings of a kernel: exceptions, a page fault repaired, tasks. */
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
	finish(0);
}
