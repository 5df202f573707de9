// SPDX-License-Identifier: GPL-2.0-only
/* The table of handlers, and tasks. */
#include "os.h"

struct gate {
	uint16_t low, selector, type, middle;
	uint32_t high, zero;
};

static struct gate gates[STUBS];
static unsigned int filled;
extern char stubs[];		/* in trap.S */

static void fill_table(void)
{
	unsigned int i;

	for (i = 0; i < STUBS; i++) {
		uint64_t to = (uintptr_t)stubs + 16 * i;

		gates[i] = (struct gate){
			.low = to, .middle = to >> 16, .high = to >> 32,
			.selector = 8, .type = 0x8e00,
		};
	}
	gates[SYSTEM].type = 0xee00;
	__atomic_store_n(&filled, 1, __ATOMIC_RELEASE);
}

static void load_table(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed))
		to = { sizeof(gates) - 1, (uintptr_t)gates };

	while (!__atomic_load_n(&filled, __ATOMIC_ACQUIRE))
		relax();
	asm volatile("lidt %0" : : "m" (to));
}

struct task tasks[MAX_TASKS];
static uint64_t stacks[MAX_TASKS][STACK / 8] __attribute__((aligned(16)));

static struct cpu all[MAX_CPUS];
static unsigned int n_cpus;

static struct spinlock queue;	/* guards what follows, and tasks[] */
static unsigned int left;	/* tasks that are not over */

void change(uint64_t *from, uint64_t to);

/* Interrupts are off. */
void kick_cpu(unsigned int id)
{
	if (id != this_cpu())
		outl(0xf9, CALL | id << 8);
}

/* Holds: queue. */
static void kick_idle(void)
{
	unsigned int i;

	if (this()->idle)
		return;
	for (i = 0; i < n_cpus && !all[i].idle; i++)
		;
	if (i == n_cpus)
		return;
	all[i].idle = false;
	kick_cpu(i);
}

/* Returns: a task that is not there yet, and the end of its stack. */
static struct task *new_task(uint64_t **sp)
{
	unsigned int i;

	for (i = 0; i < MAX_TASKS && tasks[i].used; i++)
		;
	if (i == MAX_TASKS) {
		print("too many tasks\n");
		finish(1);
	}
	*sp = stacks[i + 1] - 1;
	tasks[i] = (struct task){ };
	return &tasks[i];
}

static void add_task(struct task *task, uint64_t *sp)
{
	uint64_t flags = interrupts_off();

	task->rsp = (uintptr_t)(sp - 6);
	spin_lock(&queue);
	task->used = true;
	left++;
	kick_idle();
	spin_unlock(&queue);
	interrupts_as(flags);
}

/* By the first processor, or by one task. */
void make(void (*start)(void))
{
	uint64_t *sp;
	struct task *task = new_task(&sp);

	*--sp = (uintptr_t)start;
	*--sp = 0x202;
	add_task(task, sp);
}

static unsigned int last = MAX_TASKS - 1;	/* who had a turn */

/* Holds: queue. Returns: who is next, or MAX_TASKS. */
static unsigned int who_is_next(void)
{
	unsigned int i;

	for (i = 1; i <= MAX_TASKS; i++) {
		struct task *task = &tasks[(last + i) % MAX_TASKS];

		if (task->used && !task->running && !task->blocked)
			return (last + i) % MAX_TASKS;
	}
	return MAX_TASKS;
}

/* Holds: queue. Returns: a task, which is this processor's now; or NULL. */
static struct task *take_task(void)
{
	unsigned int next = who_is_next();

	this()->idle = next == MAX_TASKS;
	if (next == MAX_TASKS)
		return NULL;
	last = next;
	tasks[next].running = true;
	if (who_is_next() != MAX_TASKS)
		kick_idle();
	return &tasks[next];
}

/* Holds: queue. */
static void put_task_back(struct task *task)
{
	task->running = false;
	if (!task->over)
		return;
	task->used = false;
	if (!--left)
		kick_cpu(0);
}

static void take_turn(void)
{
	struct cpu *cpu = this();
	struct task *task;

	spin_lock(&queue);
	cpu->passes++;
	task = take_task();
	spin_unlock(&queue);
	if (!task) {
		halt();
		cpu->idle = false;
		return;
	}
	cpu->tss.rsp0 = (uintptr_t)stacks[task - tasks + 1];
	cpu->current = task;
	change(&cpu->loop.rsp, task->rsp);
	cpu->current = &cpu->loop;
	spin_lock(&queue);
	put_task_back(task);
	spin_unlock(&queue);
}

static void halt_now(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

void (*halt)(void) = halt_now;

/* Returns when all tasks are over. Only on the first processor. */
void run_tasks(void)
{
	while (__atomic_load_n(&left, __ATOMIC_ACQUIRE))
		take_turn();
}

_Noreturn void serve(void)
{
	for (;;)
		take_turn();
}

void schedule(void)
{
	uint64_t flags = interrupts_off();
	struct task *me = this_task();

	me->need_resched = false;
	change(&me->rsp, this()->loop.rsp);
	interrupts_as(flags);
}

_Noreturn void end_task(void)
{
	interrupts_off();
	this_task()->over = true;
	schedule();
	for (;;)
		;
}

static void make_way(void)
{
	rcu_preempt();
	schedule();
}

/* Interrupts are off. */
static void preempt(void)
{
	struct task *me = this_task();

	if (me == &this()->loop)
		return;
	me->need_resched = true;
	if (!me->preempt_count)
		make_way();
}

void preempt_enable(void)
{
	struct task *me = this_task();
	uint64_t flags;

	asm volatile("" : : : "memory");
	if (--me->preempt_count || !me->need_resched)
		return;
	flags = interrupts_off();
	make_way();
	interrupts_as(flags);
}

/* Interrupts are off. */
void wake_task(struct task *task)
{
	spin_lock(&queue);
	task->blocked = false;
	kick_idle();
	spin_unlock(&queue);
}

void everyone_passes(void)
{
	unsigned int i, seen;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (i = 0; i < n_cpus; i++) {
		uint64_t flags = interrupts_off();

		seen = READ_ONCE(all[i].passes);
		kick_cpu(i);
		while (this_cpu() != i && READ_ONCE(all[i].passes) == seen)
			schedule();
		interrupts_as(flags);
	}
}

static uint64_t program_stacks[MAX_TASKS][STACK / 8]
	__attribute__((aligned(16)));

extern char to_program[];	/* in trap.S */

void make_program(void (*start)(void))
{
	uint64_t *sp;
	struct task *task = new_task(&sp);

	*--sp = 24 | 3;				/* SS */
	*--sp = (uintptr_t)(program_stacks[task - tasks + 1] - 1);
	*--sp = 0x202;				/* RFLAGS */
	*--sp = 32 | 3;				/* CS */
	*--sp = (uintptr_t)start;
	*--sp = (uintptr_t)to_program;
	*--sp = 2;
	add_task(task, sp);
}

extern uint64_t table[];	/* in boot.S */

static void enter_segments(struct cpu *cpu)
{
	uint64_t *entry = &table[5 + 2 * cpu->id];
	uint64_t at = (uintptr_t)&cpu->tss;

	cpu->tss.ports = sizeof(cpu->tss);
	entry[0] = (sizeof(cpu->tss) - 1) | (at & 0xffffff) << 16 |
		   0x89ULL << 40 | (at & 0xff000000) << 32;
	entry[1] = at >> 32;
	asm volatile("ltr %w0" : : "r" (40 + 16 * cpu->id));
}

void cpu_begin(unsigned int id, unsigned int cpus)
{
	struct cpu *cpu = &all[id];

	cpu->self = cpu;
	cpu->id = id;
	cpu->current = &cpu->loop;
	asm volatile("mov %w0, %%gs" : : "r" (0));
	wrmsr(0xc0000101, (uintptr_t)cpu);	/* GS.base */
	if (!id) {
		n_cpus = cpus;
		fill_table();
	}
	load_table();
	enter_segments(cpu);
}

_Noreturn void give_up(const struct frame *frame)
{
	uint64_t address;

	asm volatile("mov %%cr2, %0" : "=r" (address));
	print("exception %u, error 0x%x, at 0x%x, address 0x%x\n",
	      (unsigned int)frame->number, frame->error, frame->rip, address);
	finish(1);
}

void trap(struct frame *frame)
{
	if (frame->number == TICK)
		this_task()->ticks++;
	if (frame->number == TICK || frame->number == CALL) {
		preempt();
		return;
	}
	if (frame->number == SYSTEM) {
		if (frame->scratch[8] == END)
			end_task();
		schedule();
		return;
	}
	if (!answer(frame))
		give_up(frame);
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
	unsigned int i;

	for (i = 0; i < PIECES; i++) {
		if (memory == pieces[i].content && pieces[i].taken) {
			pieces[i].taken = 0;
			return;
		}
	}
	print("memory was given back that nobody has taken: 0x%x\n",
	      (uint64_t)memory);
	finish(1);
}
