// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks, and who runs when.
 *
 * A task is a coroutine. Before each visible operation it stands still in
 * visible(), and the scheduler picks who goes on. The default is the task
 * that is running already; if that one cannot go on, or has ended, it is the
 * first one that can. Any other pick is a deviation; if the running task
 * could have gone on, the deviation is a preemption and is paid for.
 *
 * The search is depth first and keeps nothing but the choices of the current
 * execution: to go back it starts again, makes the same choices up to the last
 * one that has an alternative, and takes the alternative.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "runtime.h"

#define STACK_SIZE	(64 * 1024)
#define STACKS_AT	((void *)0x200000000000)
#define MAX_CHOICES	100000
#define MAX_OPERATIONS	20000
#define PATIENCE	3		/* rounds of a loop that gets nowhere */
#define BUDGET		2000000		/* executions */
#define POLISH		2000		/* more executions, for a shorter one */

struct task tasks[NR_TASKS];
struct task *cur;
bool recording;
struct options opts;
const struct scenario *running;

/* The choices of this execution; what is before .replayed is prescribed. */
struct choice {
	int point;
	int n, taken;
	bool free;		/* the running task could not have gone on */
	char who[NR_TASKS];	/* by order of preference */
};

static struct choice *choices;
static int nchoices, next_choice;
static int point, preemptions, bound, operations;
static bool pruned;
static bool starting;		/* a task runs up to its first operation */
static void *engine_sp;
static char *stacks;		/* two pieces a task, the lower one unmapped */
static struct finding found;
static struct result *result;
static unsigned int check;

/* A replay string, taken apart. */
static struct { int point; char task; } deviations[16];
static int ndeviations = -1;

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

static _Noreturn void leave_execution(void)
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
	for (p = op; *p; p++)
		check = (check ^ (unsigned char)*p) * 16777619;
	check = (check ^ (unsigned char)cur->letter) * 16777619;
	if (result->nrows == MAX_ROWS)
		return;
	r = &result->rows[result->nrows++];
	r->task = cur->letter;
	r->op = op;
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
	    strcmp(op, "free") && strcmp(op, "release"))
		return;
	record(op, name, pc);
}

_Noreturn void fail(const char *class, const char *object, unsigned long pc,
		    const struct stack *other, const char *title,
		    const char *fmt, ...)
{
	va_list ap;

	memset(&found, 0, sizeof(found));
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
	if (recording && result->nrows)
		result->rows[result->nrows - 1].failing = true;
	leave_execution();
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

/* Nobody can run. The task that came last closed the circle. */
static _Noreturn void deadlock(void)
{
	const struct stack *other = NULL;
	char text[256], title[96] = "";
	struct task *t, *last = cur;
	int i, len = 0;

	if (last->id == MAIN_TASK || !last->alive || !last->op)
		for (i = 1; i < NR_TASKS; i++)
			if (tasks[i].alive && (i != WORKER_TASK ||
					       strcmp(tasks[i].op, "idle")))
				last = &tasks[i];
	text[0] = 0;
	for (i = 0; i < NR_TASKS; i++) {
		int owner;

		t = &tasks[i];
		if (!t->alive || (i == MAIN_TASK && last != t) ||
		    (i == WORKER_TASK && !strcmp(t->op, "idle")))
			continue;
		owner = t->op_lock ? lock_owner(t->op_lock) : -1;
		len += snprintf(text + len, sizeof(text) - len,
				"%s%c waits in %s for %s", len ? "; " : "",
				t->letter, t->op, t->op_name);
		if (len < (int)sizeof(text) && owner >= 0)
			len += snprintf(text + len, sizeof(text) - len,
					", held by %c", tasks[owner].letter);
		if (len >= (int)sizeof(text))
			len = sizeof(text) - 1;
	}
	cur = last;
	if (last->op_lock && lock_owner(last->op_lock) >= 0) {
		t = &tasks[lock_owner(last->op_lock)];
		for (i = 0; i < t->nheld; i++)
			if (t->held[i].lock == last->op_lock)
				other = &t->held[i].stack;
		snprintf(title, sizeof(title), "%s taken by %c",
			 last->op_name, t->letter);
	}
	if (!last->op)
		die("deadlock without an operation");
	note(last->op, last->op_name, last->arg_pc);
	fail("deadlock", last->op_name, last->arg_pc, other, title, "%s", text);
}

static int choose(int n, const char *who, bool free)
{
	int at = point++, i;
	struct choice *c;

	if (ndeviations >= 0) {		/* a replay */
		for (i = 0; i < ndeviations; i++)
			if (deviations[i].point == at)
				break;
		if (i == ndeviations)
			return 0;
		for (int j = 1; j < n; j++)
			if (tasks[(int)who[j]].letter == deviations[i].task) {
				deviations[i].point = -1;
				return j;
			}
		return 0;		/* still >= 0: seen as divergence */
	}
	if (!free && preemptions == bound) {
		pruned = true;
		return 0;
	}
	if (next_choice == nchoices) {
		if (nchoices == MAX_CHOICES)
			die("too many choices in one execution");
		c = &choices[nchoices++];
		c->point = at;
		c->n = n;
		c->taken = 0;
		c->free = free;
		memcpy(c->who, who, n);
	}
	c = &choices[next_choice++];
	if (c->point != at || c->n != n || memcmp(c->who, who, n))
		die("%s: the same choices led elsewhere (point %d)",
		    running->name, at);
	return c->taken;
}

/* It has gone round a loop a few times, and nobody else has done a thing. */
static bool is_spinning(struct task *t)
{
	return t->rounds >= PATIENCE && operations - t->operations == t->seen;
}

/* A loop that waits for others says so, by cond_resched() or cpu_relax(). */
void go_round(unsigned long pc)
{
	int others = operations - cur->operations;

	if (others != cur->seen)
		cur->rounds = 0;
	cur->seen = others;
	if (++cur->rounds >= PATIENCE)
		visible("yield", NULL, pc, NULL, NULL);
}

static bool is_ready(struct task *t)
{
	return t->alive && (!t->ready || t->ready(t->arg));
}

static void pick_next(void)
{
	struct task *from = cur, *to;
	char who[NR_TASKS];
	bool free = true;
	int i, n = 0;

	if (starting) {
		starting = false;
		cur = &tasks[MAIN_TASK];
		co_switch(&from->sp, cur->sp);
		return;
	}
	if (is_ready(cur) && !is_spinning(cur)) {
		who[n++] = cur->id;
		free = false;
	}
	/* The main task waits for all others: it comes last. */
	for (i = 1; i <= NR_TASKS; i++) {
		struct task *t = &tasks[i % NR_TASKS];

		if (t != cur && is_ready(t) && !is_spinning(t))
			who[n++] = t->id;
	}
	/* Nobody but those who spin: let them. */
	for (i = 0; !n && i < NR_TASKS; i++)
		if (is_ready(&tasks[i]))
			who[n++] = i;
	if (!n)
		deadlock();
	i = n > 1 ? choose(n, who, free) : 0;
	if (i && !free)
		preemptions++;
	to = &tasks[(int)who[i]];
	if (to != from) {
		cur = to;
		co_switch(&from->sp, to->sp);
	}
}

void wait_for(const char *op, const char *name, unsigned long pc,
	      ready_fn ready, void *arg)
{
	cur->op = op;
	cur->op_name = name;
	cur->arg_pc = pc;
	cur->ready = ready;
	cur->arg = arg;
	cur->operations++;
	if (++operations > MAX_OPERATIONS)
		fail("livelock", name ? name : op, pc, NULL, NULL,
		     "more than %d operations", MAX_OPERATIONS);
	pick_next();
	cur->ready = NULL;
	cur->op_lock = NULL;
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
	cur->fn();
	check_user_return((unsigned long)cur->fn + 1);
	cur->alive = false;
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

void spawn(int id, void (*fn)(void))
{
	struct task *t = &tasks[id];
	void **sp = (void **)(stacks + (id + 1) * 2 * STACK_SIZE);

	t->fn = fn;
	t->alive = true;
	*--sp = NULL;		/* so that the stack is aligned as after a call */
	*--sp = (void *)task_start;
	t->sp = sp - 6;
}

static bool all_done(void *unused)
{
	int i;

	for (i = 1; i <= MAX_TASKS; i++)
		if (tasks[i].alive)
			return false;
	return workers_idle(unused);
}

/* One execution, from loading the modules to unloading them. */
static void main_task(void)
{
	const struct scenario *s = running;
	int i;

	spawn(WORKER_TASK, run_worker);
	start(WORKER_TASK);
	if (!s->bare)
		load_modules();
	mark_init_objects();
	if (s->setup)
		s->setup();
	for (i = 0; i < MAX_TASKS; i++)
		if (s->task[i]) {
			spawn(i + 1, s->task[i]);
			start(i + 1);
		}
	wait_for("join", "tasks", 0, all_done, NULL);
	if (s->end)
		s->end();
	wait_for("join", "work", 0, all_done, NULL);
	check_files();
	check_leaks(false);
	check_modules();
	check_mm();
	if (!s->bare)
		unload_modules();
	check_leaks(true);
}

static void execute(void)
{
	int i;

	memory_reset();
	memset(tasks, 0, sizeof(tasks));
	for (i = 0; i < NR_TASKS; i++) {
		tasks[i].id = tasks[i].cpu = i;
		tasks[i].letter = "-ABCDw"[i];
	}
	found.class[0] = 0;
	starting = false;
	next_choice = point = preemptions = operations = 0;
	check = 2166136261u;
	sync_reset();
	kernel_reset();
	spawn(MAIN_TASK, main_task);
	cur = &tasks[MAIN_TASK];
	co_switch(&engine_sp, cur->sp);
	cur = NULL;
	result->executions++;
	if (point > result->most_points)
		result->most_points = point;
}

/* Go back to the last choice with an alternative. */
static bool next_execution(void)
{
	while (nchoices) {
		struct choice *c = &choices[nchoices - 1];

		if (++c->taken < c->n)
			return true;
		nchoices--;
	}
	return false;
}

static int base36(char *out, int n)
{
	char digits[8];
	int len = 0, i = 0;

	do {
		digits[len++] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
	} while (n /= 36);
	while (len)
		out[i++] = digits[--len];
	return i;
}

static int count_deviations(void)
{
	int i, n = 0;

	for (i = 0; i < nchoices; i++)
		n += choices[i].taken != 0;
	return n;
}

static void write_replay(char *out)
{
	int i, len = sprintf(out, "v1.%02x", (check ^ check >> 16) & 0xff);

	for (i = 0; i < nchoices; i++) {
		struct choice *c = &choices[i];

		if (!c->taken)
			continue;
		if (len > 33)
			die("%s: the schedule does not fit 40 characters",
			    running->name);
		out[len++] = '.';
		len += base36(out + len, c->point);
		out[len++] = '>';
		out[len++] = tasks[(int)c->who[c->taken]].letter;
		out[len] = 0;
	}
}

static unsigned int read_replay(const char *s)
{
	unsigned int sum;
	int used = 0;
	char *end;

	ndeviations = 0;
	if (sscanf(s, "v1.%2x%n", &sum, &used) != 1 || used != 5)
		die("a replay string looks like v1.5f.3>B, not %s", s);
	for (s += used; *s == '.'; s = end + 2) {
		if (ndeviations == 16)
			die("too many deviations");
		deviations[ndeviations].point = strtol(s + 1, &end, 36);
		if (end == s + 1 || end[0] != '>' || !end[1])
			die("a replay string looks like v1.5f.3>B");
		deviations[ndeviations++].task = end[1];
	}
	if (*s)
		die("a replay string looks like v1.5f.3>B");
	return sum;
}

static void record_execution(void)
{
	recording = true;
	result->nrows = 0;
	execute();
	recording = false;
}

static bool same(const struct finding *a, const struct finding *b)
{
	return !strcmp(a->class, b->class) && !strcmp(a->object, b->object) &&
	       a->stack.pc[0] == b->stack.pc[0];
}

/*
 * A failing execution was found at this bound. Look a little further for one
 * with the same finding and fewer deviations, or fewer operations; learning
 * lock order anew in each, so that the schedule shows both halves of a circle.
 */
static void polish(void)
{
	long executions = result->executions;
	struct finding want = found;
	struct choice *best = malloc(nchoices * sizeof(*best) + 1);
	int n = nchoices, best_ops = operations, best_dev = count_deviations();
	bool alone;
	long left = POLISH;

	memcpy(best, choices, n * sizeof(*best));
	order_keep();
	order_reset();
	execute();
	alone = found.class[0] && same(&found, &want);
	if (alone)
		best_ops = operations;
	while (left-- && next_execution()) {
		int dev;

		order_reset();
		execute();
		dev = count_deviations();
		if (!found.class[0] || !same(&found, &want))
			continue;
		if (!alone || dev < best_dev ||
		    (dev == best_dev && operations < best_ops)) {
			alone = true;
			best_dev = dev;
			best_ops = operations;
			free(best);
			n = nchoices;
			best = malloc(n * sizeof(*best) + 1);
			memcpy(best, choices, n * sizeof(*best));
		}
	}
	memcpy(choices, best, n * sizeof(*best));
	nchoices = n;
	free(best);
	if (alone) {
		order_reset();
		record_execution();
		if (!found.class[0])
			die("%s: a failure that does not repeat", running->name);
	} else {
		result->elsewhere = true;
		order_restore();
		record_execution();
	}
	write_replay(result->replay);
	result->executions = executions;
}

static void search(void)
{
	long budget = opts.budget ? opts.budget : BUDGET;

	ndeviations = -1;
	for (bound = opts.first; bound <= opts.bound; bound++) {
		nchoices = 0;
		pruned = false;
		result->bound = bound;
		do {
			execute();
			if (found.class[0]) {
				polish();
				return;
			}
			if (result->executions >= budget) {
				snprintf(result->claim_text,
					 sizeof(result->claim_text),
					 "stopped after %ld executions",
					 result->executions);
				return;
			}
		} while (next_execution());
		if (!pruned) {
			strcpy(result->claim_text, "complete");
			return;
		}
	}
	snprintf(result->claim_text, sizeof(result->claim_text),
		 "bound %d exhausted", opts.bound);
	result->bound = opts.bound;
}

static void replay(void)
{
	unsigned int sum = read_replay(opts.replay);
	int i;

	bound = 1000;
	record_execution();
	result->executions = 1;
	for (i = 0; i < ndeviations; i++)
		if (deviations[i].point >= 0)
			result->diverged = true;
	if (((check ^ check >> 16) & 0xff) != sum)
		result->diverged = true;
	result->bound = preemptions;
	snprintf(result->replay, sizeof(result->replay), "%s", opts.replay);
	strcpy(result->claim_text, "one schedule replayed");
	ndeviations = -1;
}

static void prepare(void)
{
	static char altstack[65536];
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction sa = { .sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	int i;

	if (choices)
		return;
	choices = malloc(MAX_CHOICES * sizeof(*choices));
	stacks = mmap(STACKS_AT, (NR_TASKS + 1) * 2 * STACK_SIZE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (stacks != STACKS_AT)
		die("no room for the tasks' stacks");
	for (i = 0; i < NR_TASKS; i++)
		mprotect(stacks + (i * 2 + 1) * STACK_SIZE, STACK_SIZE,
			 PROT_READ | PROT_WRITE);
	stacks_start = (uintptr_t)stacks;
	stacks_end = stacks_start + (NR_TASKS + 1) * 2 * STACK_SIZE;
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	memory_setup();
}

const struct scenario *find_scenario(const char *name)
{
	const struct scenario *const *s;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}

struct result *explore(const struct scenario *s, const struct options *o)
{
	struct timespec a, b;

	prepare();
	result = calloc(1, sizeof(*result));
	running = s;
	opts = *o;
	order_reset();
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (opts.replay)
		replay();
	else
		search();
	clock_gettime(CLOCK_MONOTONIC, &b);
	result->seconds = b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
	result->found = found;
	if (!found.class[0])
		strcpy(result->found.class, "none");
	else if (!opts.replay)
		snprintf(result->claim_text, sizeof(result->claim_text),
			 "found at bound %d", result->bound);
	result->claim = result->claim_text;
	return result;
}
