/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the explorer's runtime know of one another. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stddef.h>
#include <stdint.h>
#include "explore.h"

#define NR_TASKS	(MAX_TASKS + 2)	/* main, A, B, C, the worker */
#define MAIN_TASK	0
#define WORKER_TASK	(MAX_TASKS + 1)
#define MAX_HELD	16

typedef bool (*ready_fn)(void *arg);

struct held {
	const void *lock;
	int class;
	bool spin, trylock;
	struct stack stack;		/* filled in while recording */
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

	int depth;			/* the functions it is in */
	unsigned long frames[MAX_FRAMES];

	int atomic;			/* why it may not sleep */
	int irqs_off;
	int rcu_index;
	int nheld;
	struct held held[MAX_HELD];
	void *works;			/* files to put on return to user */
	struct mm_struct *mm;
	int cpu;
};

/* engine.c */
extern struct task tasks[NR_TASKS];
extern struct task *cur;
extern bool recording;
extern int operations;		/* of this execution so far */
extern unsigned int check;	/* over what happened, while recording */
extern struct finding found;
extern struct result *result;
void prepare_tasks(void);
void execute(void);

/* Stand before a visible operation: the scheduler may run others first. */
void visible(const char *op, const char *name, unsigned long pc,
	     ready_fn ready, void *arg);
/* Note an operation that the table shows; nobody else runs. */
void note(const char *op, const char *name, unsigned long pc);
void go_round(unsigned long pc);
void spawn(int id, void (*fn)(void));
void wait_for(const char *op, const char *name, unsigned long pc,
	      ready_fn ready, void *arg);
_Noreturn void fail(const char *class, const char *object, unsigned long pc,
		    const struct stack *other, const char *other_title,
		    const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
void take_stack(struct stack *s, const struct task *t,
		unsigned long pc);
_Noreturn void die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* search.c */
extern struct options opts;
extern const struct scenario *running;
int choose(int n, const char *who, bool free);
void choices_reset(void);

/* memory.c */
struct object {
	uintptr_t start;
	size_t size;
	const char *name;
	bool live;
	bool init;			/* allocated by a module's init */
	unsigned long pc;
	struct stack born, freed;	/* while recording */
};

void memory_setup(void);
void memory_reset(void);
void *arena_alloc(size_t size, size_t align, const char *name,
		  unsigned long pc);
void arena_free(const void *p, unsigned long pc);
struct object *arena_object(uintptr_t addr);
void check_access(uintptr_t addr, size_t size, bool write, unsigned long pc);
void allow_memory(uintptr_t start, size_t size);
void arena_rewind(uintptr_t to);
void blame(unsigned long pc, const struct stack *s);
void check_leaks(bool with_init);
void mark_init_objects(void);
const char *plain_name(const char *expr);
extern uintptr_t stacks_start, stacks_end;
/* The grader's: may what lies there, on a stack, be written to? */
extern bool (*stack_guard)(uintptr_t addr, size_t size);

/* sync.c */
void may_sleep(const char *what, unsigned long pc);
bool is_gone(const void *p);
struct srcu_struct;
void order_reset(void);
void order_keep(void);
void order_restore(void);
void check_held(uintptr_t start, struct object *o, unsigned long pc);
const char *lock_name(const void *lock);
int lock_owner(const void *lock);
void check_user_return(unsigned long pc);

/* wait.c */
void wait_reset(void);
bool workers_idle(void *unused);
void run_worker(void);

/* kernel.c */
void kernel_reset(void);
void load_modules(void);
void unload_modules(void);
void check_files(void);
void check_modules(void);
void run_task_works(void);

/* mm.c */
void mm_reset(void);
void check_mm(void);
int unmap_memory(void *p, size_t size);

#define HERE	((unsigned long)__builtin_return_address(0))

#endif
