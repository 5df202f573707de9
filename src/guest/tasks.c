// SPDX-License-Identifier: GPL-2.0-only
/* The table of handlers, and tasks. */
#include "os.h"

struct gate {
	uint16_t low, selector, type, middle;
	uint32_t high, zero;
};

#define STUBS 34		/* in trap.S */

static struct gate gates[STUBS];
extern char stubs[];

void load_table(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed))
		table = { sizeof(gates) - 1, (uintptr_t)gates };
	unsigned int i;

	for (i = 0; i < STUBS; i++) {
		uint64_t to = (uintptr_t)stubs + 16 * i;

		gates[i] = (struct gate){
			.low = to, .middle = to >> 16, .high = to >> 32,
			.selector = 8, .type = 0x8e00,
		};
	}
	asm volatile("lidt %0" : : "m" (table));
}

_Noreturn void give_up(const struct frame *frame)
{
	uint64_t address;

	asm volatile("mov %%cr2, %0" : "=r" (address));
	print("exception %u, error 0x%x, at 0x%x, address 0x%x\n",
	      (unsigned int)frame->number, frame->error, frame->rip, address);
	finish(1);
}

struct task tasks[MAX_TASKS], *current = tasks;
unsigned int n_tasks = 1;

void change(uint64_t *from, uint64_t to);

void make(void (*start)(void))
{
	struct task *task = &tasks[n_tasks++];
	uint64_t *sp = task->stack + STACK / 8 - 1;

	*--sp = (uintptr_t)start;
	*--sp = 0x202;
	task->rsp = (uintptr_t)(sp - 6);
}

void yield(void)
{
	uint64_t flags = interrupts_off();

	current->need_resched = 0;
	change(&current->rsp, tasks[0].rsp);
	interrupts_as(flags);
}

/* Returns when all tasks are over. */
void run_tasks(void)
{
	unsigned int left, ran;

	do {
		left = ran = 0;
		for (current = tasks + 1; current < tasks + n_tasks; current++) {
			left += !current->over;
			if (current->over || current->blocked)
				continue;
			ran++;
			change(&tasks[0].rsp, current->rsp);
		}
		current = tasks;
		if (left && !ran)
			halt();
	} while (left);
}

static void make_way(void)
{
	rcu_preempt();
	yield();
}

/* Interrupts are off. */
void preempt(void)
{
	if (current == tasks)
		return;
	current->preempted++;
	current->need_resched = 1;
	if (!current->preempt_count)
		make_way();
}

void preempt_enable(void)
{
	uint64_t flags;

	asm volatile("" : : : "memory");
	if (--current->preempt_count || !current->need_resched)
		return;
	flags = interrupts_off();
	make_way();
	interrupts_as(flags);
}

#define PIECES 16

static struct piece {
	uint64_t content[8];
	int taken;
} pieces[PIECES];

void *take_memory(size_t size)
{
	unsigned int i;

	for (i = 0; i < PIECES; i++) {
		if (pieces[i].taken || size > sizeof(pieces[i].content))
			continue;
		pieces[i].taken = 1;
		return pieces[i].content;
	}
	print("no memory is left\n");
	finish(1);
}

void give_memory(void *memory)
{
	((struct piece *)memory)->taken = 0;
}
