// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks, and who runs when.
 *
 * A task is a coroutine. Before each visible operation it stands still in
 * visible(), and the scheduler picks who goes on. The default is the task
 * that is running already; if that one cannot go on, or has ended, it is the
 * first one that can. Any other pick is a deviation; if the running task
 * could have gone on, the deviation is a preemption and is paid for. Which
 * picks are made is search.c's business.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "engine/search.h"

#define STACK_SIZE	(64 * 1024)
#define STACKS_AT	((void *)0x200000000000)
#define MAX_OPERATIONS	20000
#define PATIENCE	3		/* rounds of a loop that gets nowhere */

struct task tasks[NR_TASKS];
struct stack held_stacks[NR_TASKS][MAX_HELD];
static unsigned long frames[NR_TASKS][MAX_FRAMES];
static struct held held[NR_TASKS][MAX_HELD];
static int taken_at[NR_TASKS][MAX_CLASSES];
struct task *cur;
bool recording, rehearsing;

static void *engine_sp;
static char *stacks;		/* two pieces a task, the lower one unmapped */
int operations;
static bool starting;		/* a task runs up to its first operation */
static unsigned int living;	/* tasks, a bit each */
#define SCENARIO_TASKS	(((1u << MAX_TASKS) - 1) << 1)
static bool exploring;		/* there are tasks, or there is work */
struct finding found;
struct link links[MAX_LINKS];	/* of a circle, when one is found */
int nlinks;
struct result *result;
unsigned int check;
bool keeps_late;
uintptr_t stacks_start, stacks_end;

void co_switch(void **from, void *to);
asm(".text\n.globl co_switch\n.type co_switch, @function\nco_switch:\n"
    "	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n"
    "	push %r14\n	push %r15\n"
    "	mov %rsp, (%rdi)\n	mov %rsi, %rsp\n"
    "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
    "	pop %rbx\n	pop %rbp\n	ret\n"
    ".size co_switch, . - co_switch\n");

_Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("explore: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(2);
}

void take_stack(struct stack *s, const struct task *t, unsigned long pc)
{
	int i;

	s->depth = 0;
	s->pc[s->depth++] = pc;
	for (i = t->depth; i-- > 0 && s->depth < MAX_FRAMES;)
		s->pc[s->depth++] = t->frames[i];
}

_Noreturn void leave_execution(void)
{
	void *sp;

	co_switch(&sp, engine_sp);
	abort();
}

static void record(const char *op, const char *name, unsigned long pc)
{
	struct row *r;
	const char *p;
	int len;

	if (cur->first_op) {	/* noted when the task was started */
		p = cur->first_op;
		cur->first_op = NULL;
		record(p, cur->first_name, cur->first_pc);
	}
	if (!op)
		return;
	for (p = op; *p; p++)
		check = (check ^ (unsigned char)*p) * 16777619;
	check = (check ^ (unsigned char)cur->letter) * 16777619;
	if (result->nrows == MAX_ROWS)
		return;
	r = &result->rows[result->nrows++];
	r->task = cur->letter;
	r->op = op;
	r->state[0] = 0;
	r->failing = false;
	if (!name)
		name = "";
	/* An array's element is the array's name: its index is no news. */
	len = strcspn(name, "[");
	snprintf(r->object, sizeof(r->object), "%.*s%s", len, name,
		 name[len] ? "[]" : "");
	take_stack(&r->stack, cur, pc);
}

void note(const char *op, const char *name, unsigned long pc)
{
	struct row *r = &result->rows[result->nrows - 1];

	if (!recording)
		return;
	if (starting && !cur->first_op) {
		cur->first_op = op;
		cur->first_name = name;
		cur->first_pc = pc;
		return;
	}
	/* What fails inside an operation is that operation's row. */
	if (result->nrows && r->task == cur->letter && r->stack.pc[0] == pc &&
	    strcmp(op, "free") && strcmp(op, "release")) {
		if (!strcmp(op, "fails"))
			watch_state("fails");
		return;
	}
	record(op, name, pc);
}

static unsigned long place_size, place_offset;

void at_place(size_t size, size_t offset)
{
	place_size = size;
	place_offset = offset;
}

_Noreturn void fail(const char *class, const char *object, unsigned long pc,
		    const struct stack *other, const char *title,
		    const char *fmt, ...)
{
	va_list ap;

	memset(&found, 0, sizeof(found));
	found.size = place_size;
	found.offset = place_offset;
	place_size = 0;
	snprintf(found.class, sizeof(found.class), "%s", class);
	snprintf(found.object, sizeof(found.object), "%s", object);
	va_start(ap, fmt);
	vsnprintf(found.text, sizeof(found.text), fmt, ap);
	va_end(ap);
	if (pc)
		take_stack(&found.stack, cur, pc);
	if (other && other->depth) {
		found.other = *other;
		snprintf(found.other_title, sizeof(found.other_title), "%s",
			 title);
	}
	if (recording && cur->first_op)
		record(NULL, NULL, 0);
	if (recording && result->nrows)
		result->rows[result->nrows - 1].failing = true;
	leave_execution();
}

/* The state that the operation under way has led to, for the table. */
void watch_state(const char *fmt, ...)
{
	struct row *r = &result->rows[result->nrows - 1];
	va_list ap;

	if (!result->nrows || r->task != cur->letter)
		return;
	va_start(ap, fmt);
	vsnprintf(r->state, sizeof(r->state), fmt, ap);
	va_end(ap);
}

/* The kernel would oops: a function pointer gone wild, for instance. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	unsigned long pc = uc->uc_mcontext.gregs[REG_RIP] + 1;

	if (!cur)
		die("signal %d outside an execution", sig);
	if (pc < 65536)		/* called: whence is on top of the stack */
		pc = *(unsigned long *)uc->uc_mcontext.gregs[REG_RSP];
	note("oops", NULL, pc);
	fail("oops", "?", pc, NULL, NULL, "signal %d at address %p", sig,
	     info->si_addr);
}

static bool is_idle(const struct task *t)
{
	return !t->alive || (t->op && !strcmp(t->op, "idle"));
}

/* What holds the lock that T waits for, if a task has it alone. */
static struct held *holder(const struct task *t, struct task **who)
{
	int i;

	for (*who = tasks; t->op_lock && *who < tasks + NR_TASKS; ++*who)
		for (i = 0; i < (*who)->nheld; i++)
			if ((*who)->held[i].lock == t->op_lock &&
			    !(*who)->held[i].shared)
				return &(*who)->held[i];
	return NULL;
}

/* Nobody can run. The task that came last closed the circle. */
static _Noreturn void deadlock(void)
{
	const struct stack *other = NULL;
	char text[256], title[96] = "";
	struct task *t, *owner, *last = cur;
	struct held *h;
	int i, len = 0;

	if (last->id == MAIN_TASK || is_idle(last) || !last->op)
		for (i = 1; i < NR_TASKS; i++)
			if (!is_idle(&tasks[i]))
				last = &tasks[i];
	/* A guest's task that waits in a handler has not come back from it. */
	for (i = 1; i < NR_TASKS && last->guest && !last->handlers; i++)
		if (tasks[i].handlers)
			last = &tasks[i];
	text[0] = 0;
	for (i = 0; i < NR_TASKS; i++) {
		t = &tasks[i];
		if (is_idle(t) || (i == MAIN_TASK && last != t))
			continue;
		len += snprintf(text + len, sizeof(text) - len,
				"%s%c waits in %s for %s", len ? "; " : "",
				t->letter, t->op, t->op_name);
		if (len < (int)sizeof(text) && holder(t, &owner))
			len += snprintf(text + len, sizeof(text) - len,
					", held by %c", owner->letter);
		if (len >= (int)sizeof(text))
			len = sizeof(text) - 1;
	}
	cur = last;
	h = holder(last, &owner);
	if (h) {
		other = &held_stacks[owner->id][h - owner->held];
		snprintf(title, sizeof(title), "%s taken by %c",
			 last->op_name, owner->letter);
	}
	if (!last->op)
		die("deadlock without an operation");
	note(last->op, last->op_name, last->arg_pc);
	fail("deadlock", last->op_name, last->arg_pc, other, title, "%s", text);
}

/* It has gone round a loop a few times, and nobody else has done a thing. */
static bool is_spinning(struct task *t)
{
	return t->rounds >= PATIENCE && !t->stubborn &&
		operations - t->operations == t->seen;
}

/*
 * A loop may try a few times and give up. Whoever it waits for may have been
 * stopped for all that time, at no more cost than that of being stopped. So
 * when a loop is seen to get nowhere, that is a choice, if --retries asks for
 * it: others go on, or, once in an execution, it goes round so often, unless it
 * ends by itself.
 */
static bool may_defy(struct task *t)
{
	return opts.retries && !t->defied && t->rounds == PATIENCE &&
		is_spinning(t) && !is_unbound();
}

/* It does nothing but go round, and nobody comes between. */
static bool defies(struct task *t)
{
	return t->stubborn && t->operations - t->last_round <= 2 * t->round;
}

/* A loop that waits for others says so, by cond_resched() or cpu_relax(). */
void go_round(unsigned long pc)
{
	int others = operations - cur->operations;

	if (others != cur->seen) {
		cur->rounds = 0;
		cur->stubborn = false;
	}
	cur->seen = others;
	cur->round = cur->operations - cur->last_round;
	cur->last_round = cur->operations;
	if (++cur->rounds >= PATIENCE + opts.retries)
		cur->stubborn = false;
	if (cur->rounds >= PATIENCE)
		visible("yield", NULL, pc, NULL, NULL);
}

static bool is_ready(struct task *t)
{
	return t->alive && (!t->ready || t->ready(t->arg) ||
			    (t->guest && guest_wakes(t)));
}

static void pick_next(void)
{
	struct task *from = cur, *to;
	char who[NR_TASKS];
	unsigned int left, ready = 0;
	bool free = true, able;
	int i, n = 0;

	if (starting) {
		starting = false;
		cur = &tasks[MAIN_TASK];
		co_switch(&from->sp, cur->sp);
		return;
	}
	i = is_unbound() && exploring ? dpor_again() : -1;
	if (i >= 0) {
		to = &tasks[i];
		goto go;
	}
	able = is_ready(from);
	if (able && (defies(from) || (!exploring && living == 1u << MAIN_TASK)))
		return;
	if (able && !is_spinning(from)) {
		who[n++] = from->id;
		free = from->timed;
	}
	/* The main task waits for all others: it comes last. */
	for (left = living & ~(1u << from->id | 1u); left; left &= left - 1) {
		struct task *t = &tasks[__builtin_ctz(left)];

		if (is_ready(t) && !is_spinning(t))
			who[n++] = t->id;
	}
	if (tasks_done() && from->id != MAIN_TASK &&
	    is_ready(&tasks[MAIN_TASK]))
		who[n++] = MAIN_TASK;
	for (i = 0; i < n; i++)
		ready |= 1u << who[i];
	note_ready(ready & -(1u << WORKER_TASK));
	if (n && able && may_defy(from))
		who[n++] = from->id;
	/* Nobody but those who spin: let them. */
	for (i = 0; !n && i < NR_TASKS; i++)
		if (is_ready(&tasks[i]))
			who[n++] = i;
	if (!n)
		deadlock();
	exploring |= n > 1;
	i = exploring ? choose(n, who, free) : 0;
	if (i < 0)
		leave_execution();
	to = &tasks[(int)who[i]];
	if (to == from && may_defy(to))
		to->stubborn = to->defied = true;
go:
	if (to != from) {
		cur = to;
		co_switch(&from->sp, to->sp);
	}
}

void wait_for(const char *op, const char *name, unsigned long pc,
	      ready_fn ready, void *arg)
{
	struct task *t = cur;
	const void *lock = t->op_lock;
	bool keeps = keeps_late;

	keeps_late = false;
again:
	t->op_lock = lock;
	t->op = op;
	t->op_name = name;
	t->arg_pc = pc;
	t->ready = ready;
	t->arg = arg;
	t->operations++;
	if (++operations > MAX_OPERATIONS &&
	    (name || operations > MAX_OPERATIONS + PATIENCE))
		fail("livelock", name ? name : op, pc, NULL, NULL,
		     "more than %d operations", MAX_OPERATIONS);
	pick_next();
	if (exploring)
		begin_event(pc, dpor_node());
	if (nlate && !keeps)
		late_flush(t->id);
	if (t->guest && !t->halted && guest_take())
		goto again;
	if (t->taking) {
		t->taken_at[t->taking] = operations;
		t->taking = 0;
	}
	t->ready = NULL;
	t->op_lock = NULL;
	t->marked_read = t->marked_write = 0;
}

void visible(const char *op, const char *name, unsigned long pc,
	     ready_fn ready, void *arg)
{
	wait_for(op, name, pc, ready, arg);
	if (recording)
		record(op, name, pc);
}

static void task_start(void)
{
	if (cur->id > MAX_TASKS) {
		if (exploring)
			begin_event(0, dpor_node());
		cur->ready = NULL;
	}
	cur->fn();
	check_user_return((unsigned long)cur->fn + 1);
	touch(&cur->irqs_off, T_RELEASE);
	cur->alive = false;
	living &= ~(1u << cur->id);
	if (cur->id == MAIN_TASK)
		leave_execution();
	pick_next();
	abort();
}

/*
 * What a task does before its first operation concerns nobody: it is done at
 * once, so that starting is not one more operation to be put in every order.
 */
static void start(int id)
{
	starting = true;
	cur = &tasks[id];
	co_switch(&tasks[MAIN_TASK].sp, cur->sp);
}

static void spawn(int id, void (*fn)(void))
{
	struct task *t = &tasks[id];
	void **sp = (void **)(stacks + (id + 1) * 2 * STACK_SIZE);

	t->fn = fn;
	t->alive = true;
	living |= 1u << id;
	if (id > MAIN_TASK && id <= MAX_TASKS)
		race_spawn(id);
	*--sp = NULL;		/* so that the stack is aligned as after a call */
	*--sp = (void *)task_start;
	t->sp = sp - 6;
}

/* Not started: it stands where it waits for the first thing to do. */
void need_task(int id, void (*fn)(void), ready_fn ready)
{
	struct task *t = &tasks[id];

	if (t->alive)
		return;
	spawn(id, fn);
	t->op = "idle";
	t->op_name = "";
	t->ready = ready;
	t->arg = (void *)(long)(id - WORKER_TASK);
}

bool tasks_done(void)
{
	return !(living & SCENARIO_TASKS);
}

void start_tasks(void)
{
	int i;

	for (i = 0; i < MAX_TASKS; i++)
		if (running->task[i]) {
			spawn(i + 1, running->task[i]);
			start(i + 1);
		}
	exploring = true;
}

/* One execution. */
void execute(void)
{
	int i;

	events_reset();
	for (i = 0; i < NR_TASKS; i++) {
		if (tasks[i].frames && !tasks[i].fn)
			continue;	/* as it was made: it has not run */
		memset(&tasks[i], 0, sizeof(tasks[i]));
		tasks[i].frames = frames[i];
		tasks[i].held = held[i];
		tasks[i].taken_at = taken_at[i];
		tasks[i].id = tasks[i].cpu = i;
		tasks[i].letter = TASK_LETTERS[i];
	}
	found.class[0] = 0;
	nlinks = 0;
	starting = exploring = false;
	living = 0;
	keeps_late = false;
	operations = 0;
	choices_reset();
	check = 2166136261u;
	outcome_reset();
	execution_reset();
	spawn(MAIN_TASK, execution_run);
	cur = &tasks[MAIN_TASK];
	co_switch(&engine_sp, cur->sp);
	cur = NULL;
}

void prepare_tasks(void)
{
	static char altstack[65536];
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction sa = { .sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	int i;

	if (stacks)
		return;
	stacks = mmap(STACKS_AT, (NR_TASKS + 1) * 2 * STACK_SIZE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (stacks != STACKS_AT)
		die("no room for the tasks' stacks");
	for (i = 0; i < NR_TASKS; i++)
		mprotect(stacks + (i * 2 + 1) * STACK_SIZE, STACK_SIZE,
			 PROT_READ | PROT_WRITE);
	/* Where a stack more would be: the code under test may write there. */
	mprotect(stacks + (NR_TASKS * 2 + 1) * STACK_SIZE, STACK_SIZE,
		 PROT_READ | PROT_WRITE);
	stacks_start = (uintptr_t)stacks;
	stacks_end = stacks_start + (NR_TASKS + 1) * 2 * STACK_SIZE;
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	execution_setup(stacks + (NR_TASKS * 2 + 1) * STACK_SIZE);
}

const struct scenario *find_scenario(const char *name)
{
	const struct scenario *const *s;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}
