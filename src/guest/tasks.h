/* SPDX-License-Identifier: GPL-2.0-only */
/* What both kernels have: exceptions that arrive, tasks that take turns. */
#ifndef TWILL_TASKS_H
#define TWILL_TASKS_H

#include "guest.h"
#include "rcu.h"

struct frame {
	uint64_t scratch[9];
	uint64_t number, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

#define MAX_TASKS 20
#define STACK 4096

struct task {
	uint64_t rsp;
	int over;
	int blocked;		/* it waits, and wants no turn */
	unsigned int preempt_count;	/* 0: the processor may be taken away */
	unsigned int need_resched;	/* and that was wanted meanwhile */
	volatile unsigned int preempted;	/* how often it was wanted */
	struct rcu_reader reader;
	uint64_t stack[STACK / 8] __attribute__((aligned(16)));
};

/* The first is the loop that gives the others their turns. */
extern struct task tasks[MAX_TASKS], *current;
extern unsigned int n_tasks;

/* tasks.c */
void load_table(void);
_Noreturn void give_up(const struct frame *frame);
void make(void (*start)(void));
void yield(void);
void run_tasks(void);
void preempt(void);
void preempt_enable(void);

static inline void halt(void)	/* with interrupts off, before and after */
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

static inline uint64_t interrupts_off(void)
{
	uint64_t flags;

	asm volatile("pushf; pop %0; cli" : "=r" (flags) : : "memory");
	return flags;
}

static inline void interrupts_as(uint64_t flags)
{
	asm volatile("push %0; popf" : : "r" (flags) : "memory", "cc");
}

static inline void preempt_disable(void)
{
	current->preempt_count++;
	asm volatile("" : : : "memory");
}

#endif
