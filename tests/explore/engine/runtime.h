/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the explorer's runtime know of one another. */
#ifndef RUNTIME_H
#define RUNTIME_H

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
extern unsigned int check;	/* over what happened, while recording */
extern struct finding found;
extern struct link links[MAX_LINKS];
extern int nlinks;
extern struct result *result;
void prepare_tasks(void);
void execute(void);

/* Stand before a visible operation: the scheduler may run others first. */
void visible(const char *op, const char *name, unsigned long pc,
	     ready_fn ready, void *arg);
/* Note an operation that the table shows; nobody else runs. */
void note(const char *op, const char *name, unsigned long pc);
#define watch(...)	(recording ? watch_state(__VA_ARGS__) : (void)0)
void watch_state(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void go_round(unsigned long pc);
void spawn(int id, void (*fn)(void));
void need_task(int id);		/* a worker, or interrupts: there is work */
void wait_for(const char *op, const char *name, unsigned long pc,
	      ready_fn ready, void *arg);
_Noreturn void fail(const char *class, const char *object, unsigned long pc,
		    const struct stack *other, const char *other_title,
		    const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Before fail(): in which allocation, and where. */
struct object;
void at_place(const struct object *o, uintptr_t addr);
void take_stack(struct stack *s, const struct task *t,
		unsigned long pc);
_Noreturn void die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

_Noreturn void leave_execution(void);

/* search.c */

extern struct options opts;
extern const struct scenario *running;
int choose(int n, const char *who, bool free);
bool by_chance(void);
void choices_reset(void);
bool is_unbound(void);
bool soft_finding(const char *class, unsigned long pc);
void note_state(unsigned int hash);
int schedule_so_far(struct deviation *d, int max);

/* chance.c */
void chance_reset(void);
bool may_fail(const char *what, unsigned long pc);
bool is_late(void);

/* events.c: what an execution was made of */
enum mode { T_READ, T_WRITE, T_ACQUIRE, T_RELEASE, T_WAIT };

struct touch {
	uintptr_t at;
	int event;
	int before;		/* the touch of the same thing before it */
	int *last;		/* dpor.c: where the last one is noted */
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

static inline bool dependent(enum mode a, enum mode b)
{
	return a != T_READ || b != T_READ;
}

bool is_shared(int task, unsigned long pc);
void contest(uintptr_t start, size_t size);
void learn_shared(void);
void forget_shared(void);
void note_ready(unsigned int ready);

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
	unsigned int tag;
	unsigned long pc;
};

struct lifetime {			/* while recording */
	struct stack born, freed;
};

#define ARENA_AT	0x100000000000UL
#define ARENA_SIZE	(32UL << 20)
#define MAX_OBJECTS	4096
extern uint32_t *shadow, generation;
extern struct object objects[];
extern struct lifetime lifetimes[];

static inline struct stack *born(const struct object *o)
{
	return &lifetimes[o - objects].born;
}

static inline struct stack *freed(const struct object *o)
{
	return &lifetimes[o - objects].freed;
}

/* What was last allocated there, in this execution. */
static inline struct object *arena_object(uintptr_t addr)
{
	uint32_t tag;

	if (addr - ARENA_AT >= ARENA_SIZE)
		return NULL;
	tag = shadow[(addr - ARENA_AT) / 8];
	return tag >> 12 == generation ? &objects[tag & 0xfff] : NULL;
}

void memory_setup(void);
void memory_reset(void);
void *arena_alloc(size_t size, size_t align, const char *name,
		  unsigned long pc);
void arena_free(const void *p, unsigned long pc);
struct object *check_place(uintptr_t addr, size_t size, bool write,
			   unsigned long pc);
extern uintptr_t data_start, data_size;

static inline bool in_data(uintptr_t addr, size_t size)
{
	return addr - data_start < data_size &&
	       size <= data_size - (addr - data_start);
}

/* What lies there, if it is an allocation; an access outside of all fails. */
static inline struct object *check_access(uintptr_t addr, size_t size,
					  bool write, unsigned long pc)
{
	struct object *o = arena_object(addr);

	if (o && o->live && addr + size <= o->start + o->size)
		return o;
	if (in_data(addr, size))
		return NULL;
	return check_place(addr, size, write, pc);
}
/* ... of the shim's, as part of the visible operation; it does not race. */
void use(const void *p, size_t size, enum mode mode, unsigned long pc);
void marked_access(const void *p, size_t size, bool write, unsigned long pc);
void race_access(struct object *o, uintptr_t addr, size_t size, bool write,
		 bool marked, unsigned long pc);
void race_free(struct object *o, unsigned long pc);
void race_birth(struct object *o);
unsigned int state_hash(void);
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
void check_held(uintptr_t start, struct object *o, unsigned long pc);
const char *lock_name(const void *lock);
int lock_owner(const void *lock);
void check_user_return(unsigned long pc);

/* lock_order.c */
/* For whoever unites what several searches of one program have learnt. */
struct lock_edge {
	const void *from, *to;		/* by which the classes are known */
	const char *from_name, *to_name;
	char task;
	char text[128];
	const struct stack *stack;
};

bool nth_edge(int n, struct lock_edge *to);
void order_reset(void);
void order_keep(void);
void order_restore(void);
void order_begin(void);
int class_of(const void *key, int sub, const char *name);
int class_of_sub(int class, int sub);
int pseudo_class(const void *key, const char *name);
const char *class_name(int class);
void learn_order(int class, const char *op, unsigned long pc);
void wait_order(int class, const char *op, unsigned long pc);
void begin_anew(const void *what);
void completes(const void *what, int class, unsigned long pc);
struct held *new_held(const void *lock, int class, unsigned long pc);
int held_at(const void *lock);
void drop_held(int i);
struct held *hold_pseudo(const void *what, int class, unsigned long pc);
void drop_pseudo(const void *what);
void hand_back(const void *what, int class);
void drop_loose(void);

/* sleep.c */
void sleep_reset(void);

/* rcu.c */
void wait_reset(void);
bool have_callback(void);
bool no_callbacks(void);
void run_callback(void);

/* work.c */
const void *work_of(const struct task *t);
const void *queue_of(const struct task *t);
void work_reset(void);
bool have_work(void *worker);
bool workers_idle(void);
void run_worker(void);

/* guest_cpu.c */
void cpu_reset(void);
bool guest_wakes(const struct task *t);
bool guest_take(void);
void guest_boundary(unsigned long pc);
bool have_irq(void *unused);
bool irq_idle(void);
void run_irqs(void);

/* modules.c */
struct module;
void modules_reset(void);
void load_modules(void);
void unload_modules(void);
void check_modules(void);
void check_text(void *fn);
void check_work_text(void *fn, const void *work, const void *queue);
void module_waits(const void *what);
void rehearse_exits(void);
bool get_module(struct module *m, unsigned long pc);
void put_module(struct module *m, unsigned long pc);

/* files.c */
void kernel_reset(void);
void check_files(void);
void run_task_works(void);

/* late.c: writes that others do not see yet */
extern int nlate;
extern bool keeps_late;		/* the operation to come leaves them late */
void late_setup(void *at);
void late_flush(int task);
void late_flush_all(void);
void late_settle(uintptr_t at, size_t size);
void *late_access(void *p, size_t size, bool write, bool once);

/* slab.c */
void *allocate(size_t size, size_t align, unsigned int flags, const char *name,
	       unsigned long pc);

/* process.c */
void check_mm(void);
void enter_process(void);
void leave_process(unsigned long pc);
void live_elsewhere(int id);

/* mm.c */
void mm_reset(void);
int unmap_memory(void *p, size_t size);
int mmap_class(void);

/* outcome.c */
void outcome_reset(void);
unsigned int outcome_hash(void);
void note_outcome(void);

#define HERE	((unsigned long)__builtin_return_address(0))

#endif
