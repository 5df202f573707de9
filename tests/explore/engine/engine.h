/* SPDX-License-Identifier: GPL-2.0-only */
/* What the engine is to the detectors, the shim and the reports. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>
#include "explore.h"

/* main, A to D, two workers, interrupts: as many as a clock has hands */
#define NR_TASKS	8
#define MAIN_TASK	0
#define WORKER_TASK	(MAX_TASKS + 1)
#define NR_WORKERS	2
#define IRQ_TASK	(WORKER_TASK + NR_WORKERS)
#define TASK_LETTERS	"-ABCDwxi"
#define MAX_HELD	16
#define MAX_CLASSES	64	/* of locks, and of all else that is waited for */

typedef bool (*ready_fn)(void *arg);

/* Of each task how far somebody has heard. */
typedef uint16_t clocks_t __attribute__((vector_size(16)));

static inline clocks_t join_clocks(clocks_t a, clocks_t b)
{
	clocks_t m = (clocks_t)(a > b);

	return (a & m) | (b & ~m);
}

struct held {
	const void *lock;
	int class;
	bool spin, shared;
	bool pseudo;		/* no lock, but others wait for its end */
	bool loose;		/* ... which another task may bring about */
};

struct task {
	void *sp;			/* where the coroutine was left */
	char letter;
	int id;
	bool alive;
	void (*fn)(void);

	const char *op;			/* what it is about to do */
	const char *op_name;		/* ... to which object */
	const void *op_lock;		/* the lock it waits for */
	ready_fn ready;			/* may it go on? NULL: yes */
	void *arg;
	unsigned long arg_pc;		/* where it stands */

	const char *first_op, *first_name;	/* for the table */
	unsigned long first_pc;
	int operations;			/* so far */
	int rounds, seen;		/* of a loop; see go_round() */
	int last_round, round;		/* when it began; its operations */
	bool stubborn;			/* it goes round while others wait */
	bool defied;			/* ... has, in this execution */

	int atomic;			/* why it may not sleep */
	int irqs_off;
	bool in_halt;			/* with interrupts on: safe_halt() */
	bool interrupted;		/* one came since they were off */
	int nheld;
	void *works;			/* files to put on return to user */
	int cpu;
	int quiet;			/* in data_race() */
	uintptr_t marked_read, marked_write;	/* about to be made */
	struct guest_cpu *guest;	/* the virtual CPU that it is code of */
	bool halted;
	int handlers;			/* of that CPU's, that it is in */
	bool timed;			/* it may go on, and need not be first */
	bool kernel;			/* in a system call */
	uint64_t taken;			/* classes of locks, since it began */
	int *taken_at;			/* ... when last, of each */
	int taking;			/* the class that it is about to have */
	const void *waits_for;		/* a completion, or one that is called so */
	int waits_since;
	int depth;			/* the functions it is in */
	unsigned long *frames;
	struct held *held;
};

/* scheduler.c */
extern struct task tasks[NR_TASKS];
extern struct stack held_stacks[NR_TASKS][MAX_HELD];	/* while recording */
extern struct task *cur;
extern bool recording;
extern bool rehearsing;		/* modules come and go, and that is all */
extern int operations;		/* of this execution so far */
extern struct finding found;
extern struct link links[MAX_LINKS];
extern int nlinks;
extern struct result *result;
extern uintptr_t stacks_start, stacks_end;

/* Stand before a visible operation: the scheduler may run others first. */
void visible(const char *op, const char *name, unsigned long pc,
	     ready_fn ready, void *arg);
void wait_for(const char *op, const char *name, unsigned long pc,
	      ready_fn ready, void *arg);
/* Note an operation that the table shows; nobody else runs. */
void note(const char *op, const char *name, unsigned long pc);
#define watch(...)	(recording ? watch_state(__VA_ARGS__) : (void)0)
void watch_state(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void go_round(unsigned long pc);
void start_tasks(void);		/* those of the scenario */
bool tasks_done(void);
/* A worker, or interrupts: there is work. */
void need_task(int id, void (*fn)(void), ready_fn ready);
_Noreturn void leave_execution(void);

_Noreturn void fail(const char *class, const char *object, unsigned long pc,
		    const struct stack *other, const char *other_title,
		    const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Before fail(): in an allocation of that size, and where. */
void at_place(size_t size, size_t offset);
void take_stack(struct stack *s, const struct task *t,
		unsigned long pc);
_Noreturn void die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* search.c */
extern struct options opts;
extern const struct scenario *running;
extern bool soft_fatal;		/* what no order shows ends this execution */
bool is_unbound(void);
bool soft_finding(const char *class, unsigned long pc);
int schedule_so_far(struct deviation *d, int max);

/* events.c */
enum mode { T_READ, T_WRITE, T_ACQUIRE, T_RELEASE, T_WAIT };

void touch(const void *at, enum mode mode);
void contest(uintptr_t start, size_t size);

/* chance.c */
bool may_fail(const char *what, unsigned long pc);
bool is_late(void);

/* outcome.c */
void note_state(unsigned int hash);

/*
 * What the engine calls, and the files above it define.
 */

/* shim/execution.c: once, before each execution, and as its main task */
void execution_setup(void *spare);
void execution_reset(void);
void execution_run(void);
void check_user_return(unsigned long pc);	/* shim/sync.c */
bool guest_wakes(const struct task *t);		/* shim/guest_cpu.c */
bool guest_take(void);
extern int nlate;				/* shim/late.c */
extern bool keeps_late;		/* the operation to come leaves them late */
void late_flush(int task);
void race_spawn(int id);			/* detectors/race.c */
/* detectors/lock_order.c: what all executions have taught */
void order_reset(void);
void order_keep(void);
void order_restore(void);

#define HERE	((unsigned long)__builtin_return_address(0))

#endif
