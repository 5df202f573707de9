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
	bool spin, shared;
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

	int atomic;			/* why it may not sleep */
	int irqs_off;
	int nheld;
	void *works;			/* files to put on return to user */
	int cpu;
	int quiet;			/* in data_race() */
	uintptr_t marked_read, marked_write;	/* about to be made */
	bool kernel;			/* in a system call */
	int depth;			/* the functions it is in */
	unsigned long *frames;
	struct held *held;
};

/* engine.c */
extern struct task tasks[NR_TASKS];
extern struct stack held_stacks[NR_TASKS][MAX_HELD];	/* while recording */
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
void watch(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
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

_Noreturn void leave_execution(void);

/* search.c */
struct deviation {
	int point;
	char task;		/* its letter; '!': this one fails */
};

extern struct options opts;
extern const struct scenario *running;
int choose(int n, const char *who, bool free);
bool may_fail(const char *what, unsigned long pc);
void choices_reset(void);
bool is_unbound(void);
bool soft_finding(const char *class, unsigned long pc);
void note_state(unsigned int hash);

/* events.c: what an execution was made of */
enum mode { T_READ, T_WRITE, T_ACQUIRE, T_RELEASE, T_WAIT };

struct touch {
	uintptr_t at;
	int event;
	int before;		/* the touch of the same thing before it */
	unsigned char mode;
};

struct event {
	unsigned long pc;
	int node;
	int first, n;		/* its touches */
	unsigned char task;
};

extern struct event events[];
extern struct touch touches[];
extern int nevents, ntouches;
extern bool shared_grown;
void events_reset(void);
void begin_event(unsigned long pc, int node);
void touch(const void *at, enum mode mode);
bool dependent(enum mode a, enum mode b);
bool is_shared(int task, unsigned long pc);
void contest(uintptr_t start, size_t size);
void learn_shared(void);
void forget_shared(void);

/* dpor.c */
int dpor_choose(int n, const char *who);
int dpor_again(void);
int dpor_fault(void);
bool dpor_next(void);
void dpor_start(void);
void dpor_begin(void);
int dpor_node(void);
int dpor_points(void);
int dpor_schedule(struct deviation *d, int max);

/* race.c */
typedef uint16_t clocks_t __attribute__((vector_size(16)));

extern bool racing;
extern bool soft_fatal;
void race_setup(void);
void race_reset(void);
void race_start(void);
void race_spawn(int id);
void race_join(void);
void acquire(const void *at);
void release(const void *at);
void relaxed(const void *at, bool write);
void fence(bool before, bool after);

/* memory.c */
struct object {
	uintptr_t start;
	size_t size;
	const char *name;
	bool live;
	bool init;			/* allocated by a module's init */
	unsigned char born_by;
	uint16_t born_at;
	unsigned int tag;
	clocks_t last;			/* when each task last touched it */
	unsigned long pc;
	struct stack born, freed;	/* while recording */
};

void memory_setup(void);
void memory_reset(void);
void *arena_alloc(size_t size, size_t align, const char *name,
		  unsigned long pc);
void arena_free(const void *p, unsigned long pc);
struct object *arena_object(uintptr_t addr);
struct object *check_access(uintptr_t addr, size_t size, bool write,
			    unsigned long pc);
/* ... of the shim's, as part of the visible operation; it does not race. */
void use(const void *p, size_t size, enum mode mode, unsigned long pc);
void marked_access(const void *p, size_t size, bool write, unsigned long pc);
void race_access(struct object *o, uintptr_t addr, size_t size, bool write,
		 bool marked, unsigned long pc);
void race_free(struct object *o, unsigned long pc);
void race_birth(struct object *o);
unsigned int state_hash(void);
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

/* sleep.c */
void sleep_reset(void);

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

/* report.c */
void print_progress(FILE *f, struct result *r, int rows);
const char *place_name(unsigned long pc);

#define HERE	((unsigned long)__builtin_return_address(0))

#endif
