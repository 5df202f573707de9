// SPDX-License-Identifier: GPL-2.0-only
/* The beginnings of a kernel: exceptions, a page fault repaired, tasks. */
#include <stddef.h>
#include "guest.h"

struct frame {
	uint64_t scratch[9];
	uint64_t number, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t low, selector, type, middle;
	uint32_t high, zero;
};

static struct gate gates[32];
extern char stubs[];

static void load_table(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed))
		table = { sizeof(gates) - 1, (uintptr_t)gates };
	unsigned int i;

	for (i = 0; i < 32; i++) {
		uint64_t to = (uintptr_t)stubs + 16 * i;

		gates[i] = (struct gate){
			.low = to, .middle = to >> 16, .high = to >> 32,
			.selector = 8, .type = 0x8e00,
		};
	}
	asm volatile("lidt %0" : : "m" (table));
}

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
	print("exception %u, error 0x%x, at 0x%x, address 0x%x\n",
	      (unsigned int)frame->number, frame->error, frame->rip, address);
	finish(1);
}

#define TASKS 3
#define STACK 4096

static struct task {
	uint64_t rsp;
	int over;
	uint64_t stack[STACK / 8] __attribute__((aligned(16)));
} tasks[TASKS];

static struct task *current;
static uint64_t idle_rsp;

void change(uint64_t *from, uint64_t to);

static void make(struct task *task, void (*start)(void))
{
	uint64_t *sp = task->stack + STACK / 8 - 1;

	*--sp = (uintptr_t)start;
	task->rsp = (uintptr_t)(sp - 6);
}

static void yield(void)
{
	change(&current->rsp, idle_rsp);
}

/* Returns when all tasks are over. */
static void run_tasks(void)
{
	unsigned int i, left;

	do {
		for (i = left = 0; i < TASKS; i++) {
			current = &tasks[i];
			if (current->over)
				continue;
			left++;
			change(&idle_rsp, current->rsp);
		}
	} while (left);
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
	for (i = 0; i < TASKS; i++)
		make(&tasks[i], work);
	run_tasks();
	finish(0);
}
