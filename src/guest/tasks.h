/* SPDX-License-Identifier: GPL-2.0-only */
/* What our kernels have: exceptions that arrive, tasks that take turns. */
#ifndef TWILL_TASKS_H
#define TWILL_TASKS_H

#include <stdbool.h>
#include "guest.h"
#include "rcu.h"

struct frame {
	uint64_t scratch[9];
	uint64_t number, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

enum { NMI = 2, PAGE_FAULT = 14, TICK = 33, CALL, SYSTEM, STUBS };

#define MAX_TASKS 20
#define STACK 4096

struct task {
	uint64_t rsp;
	bool used;		/* there is such a task */
	bool running;		/* a processor has it, or has its stack yet */
	bool blocked;		/* it waits, and wants no turn */
	bool over;
	unsigned int preempt_count;	/* 0: the processor may be taken away */
	bool need_resched;		/* and that was wanted meanwhile */
	volatile unsigned int ticks;	/* how often the clock wanted it */
	struct rcu_reader reader;
};

extern struct task tasks[MAX_TASKS];

#define MAX_CPUS 16

struct cpu {
	struct cpu *self;
	struct task *current;	/* who runs here */
	unsigned int id;
	unsigned int passes;	/* how often the loop has come by */
	bool idle;		/* it has found nothing to do */
	struct task loop;
	struct __attribute__((packed)) {
		uint32_t reserved;
		uint64_t rsp0;		/* the stack that an exception finds */
		uint8_t others[90];
		uint16_t ports;		/* where its table of ports would begin */
	} tss;
};

static inline struct cpu *this(void)		/* interrupts are off */
{
	struct cpu *cpu;

	asm volatile("mov %%gs:0, %0" : "=r" (cpu));
	return cpu;
}

static inline struct task *this_task(void)
{
	struct task *task;

	asm volatile("mov %%gs:8, %0" : "=r" (task));
	return task;
}

static inline unsigned int this_cpu(void)	/* interrupts are off */
{
	return this()->id;
}

/* Returns: from 1; 0, it is a loop. */
static inline unsigned int number(const struct task *task)
{
	return task >= tasks && task < tasks + MAX_TASKS ? task - tasks + 1 : 0;
}

/* tasks.c */
void cpu_begin(unsigned int id, unsigned int cpus);
_Noreturn void give_up(const struct frame *frame);
void make(void (*start)(void));
void make_program(void (*start)(void));
void schedule(void);
_Noreturn void end_task(void);
void run_tasks(void);
_Noreturn void serve(void);
void wake_task(struct task *task);
void kick_cpu(unsigned int id);
void everyone_passes(void);
void preempt_enable(void);

/* Each kernel's own. Returns: whether it has an answer to the exception. */
bool answer(struct frame *frame);

/* With interrupts off, before and after. */
extern void (*halt)(void);

static inline void preempt_disable(void)
{
	this_task()->preempt_count++;
	asm volatile("" : : : "memory");
}

enum { GIVE_WAY, END };

static inline void call_kernel(uint64_t wish)
{
	asm volatile("int %0" : : "i" (SYSTEM), "a" (wish) : "memory");
}

static inline void wrmsr(uint32_t index, uint64_t value)
{
	asm volatile("wrmsr" : : "c" (index), "a" ((uint32_t)value),
		     "d" ((uint32_t)(value >> 32)) : "memory");
}

#endif
