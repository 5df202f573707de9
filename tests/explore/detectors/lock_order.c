// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of locks, and of all else that is waited for.
 *
 * An edge from class a to class b: some task waited for b while it held a. A
 * circle of edges is a deadlock of some order, if not of this one. Edges are
 * kept over all executions of a search, each with the schedule that showed it.
 *
 * Not only locks: a task that runs a work item, or reads under SRCU, or is in a
 * notifier's callback, holds what flush_work(), synchronize_srcu() and
 * mmu_notifier_unregister() wait for. Whoever completes a completion that a task
 * is waiting for has held it, as it were, since the waiting began; what it has
 * taken since then the other one has waited for, too.
 */
#include <stdint.h>
#include <string.h>
#include "detectors/detectors.h"

struct edge {
	const char *op;
	char task;
	int execution;
	struct stack stack;
	int n;
	struct deviation schedule[LONGEST];
};

static struct {
	const void *key;
	int sub;
	bool pseudo;
	char name[40];
} classes[MAX_CLASSES];
static int nclasses = 1;	/* 0: not known yet */

static uint64_t after[MAX_CLASSES], kept[MAX_CLASSES];
/* Semaphores that another task than took them gave back: no locks, then. */
static uint64_t handed, handed_kept;
static struct edge edges[MAX_CLASSES][MAX_CLASSES];
/*
 * What is completed was last begun anew then; in this execution, or never. Who
 * came before that to wait would not have had to.
 */
#define MAX_BEGUN	16
static struct { const void *what; int when; } begun[MAX_BEGUN];
static int nbegun;
static int execution;

void order_reset(void)
{
	memset(after, 0, sizeof(after));
	handed = 0;
}

void order_keep(void)
{
	memcpy(kept, after, sizeof(after));
	handed_kept = handed;
}

void order_restore(void)
{
	memcpy(after, kept, sizeof(after));
	handed = handed_kept;
}

void order_begin(void)
{
	nbegun = 0;
	execution++;
}

int class_of(const void *key, int sub, const char *name)
{
	int i;

	for (i = 1; i < nclasses; i++)
		if (classes[i].key == key && classes[i].sub == sub)
			return i;
	if (nclasses == MAX_CLASSES)
		die("too many lock classes");
	if (*name == '&')
		name++;
	classes[nclasses].key = key;
	classes[nclasses].sub = sub;
	snprintf(classes[nclasses].name, sizeof(classes[0].name),
		 sub ? "%s/%d" : "%s", name, sub);
	return nclasses++;
}

int pseudo_class(const void *key, const char *name)
{
	int class = class_of(key, 0, name);

	classes[class].pseudo = true;
	return class;
}

const char *class_name(int class)
{
	return classes[class].name;
}

int class_of_sub(int class, int sub)
{
	return class_of(classes[class].key, sub, classes[class].name);
}

/* The way from a to b: how many edges, and by which classes; 0: none. */
static int way(int a, int b, int *via)
{
	int from[MAX_CLASSES] = {}, queue[MAX_CLASSES], first = 0, last = 0;
	int i, n;

	queue[last++] = a;
	from[a] = -1;
	while (first < last && !from[b]) {
		int at = queue[first++];

		for (i = 1; i < nclasses; i++)
			if ((after[at] >> i & 1) && !from[i]) {
				from[i] = at;
				queue[last++] = i;
			}
	}
	if (!from[b])
		return 0;
	for (n = 0, i = b; i != a; i = from[i])
		n++;
	for (i = b, first = n; first >= 0; i = from[i])
		via[first--] = i;
	return n;
}

static void describe(char *to, size_t size, const char *op, int from, int class)
{
	snprintf(to, size, "%s %s %s %s", op, classes[class].name,
		 classes[from].pseudo ? "inside" : "while it holds",
		 classes[from].name);
}

static void keep_edge(int from, int class, const char *op, unsigned long pc)
{
	struct edge *e = &edges[from][class];

	after[from] |= 1ULL << class;
	e->op = op;
	e->task = cur->letter;
	e->execution = execution;
	take_stack(&e->stack, cur, pc);
	e->n = schedule_so_far(e->schedule, LONGEST);
}

/* CLASS is waited for by somebody who holds FROM. Does it close a circle? */
static void learn(int from, int class, const char *op, unsigned long pc)
{
	int via[MAX_CLASSES], n, i, len;
	char text[sizeof(found.text)];

	if ((handed >> from | handed >> class) & 1)
		return;
	if (after[from] >> class & 1) {
		if (recording)		/* it can be seen here as well */
			keep_edge(from, class, op, pc);
		return;
	}
	n = from == class ? 0 : way(class, from, via);
	if (from != class && !n) {
		keep_edge(from, class, op, pc);
		return;
	}
	note(op, classes[class].name, pc);
	if (from == class)
		fail("lock-inversion", classes[class].name, pc, NULL, NULL,
		     "takes a lock of class %s while it holds another",
		     classes[class].name);
	describe(text, sizeof(text), op, from, class);
	nlinks = 0;
	for (i = 0; i < n && nlinks < MAX_LINKS; i++) {
		const struct edge *e = &edges[via[i]][via[i + 1]];
		struct link *l = &links[nlinks++];

		len = snprintf(l->title, sizeof(l->title), "%c: ", e->task);
		describe(l->title + len, sizeof(l->title) - len, e->op, via[i],
			 via[i + 1]);
		l->stack = e->stack;
		l->elsewhere = e->execution != execution;
		l->n = e->n;
		memcpy(l->schedule, e->schedule, sizeof(l->schedule));
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "; elsewhere %s %s",
			 classes[via[i + 1]].name, classes[via[i]].pseudo ?
			 "is waited for in " : "is taken under ");
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s",
			 classes[via[i]].name);
	}
	fail("lock-inversion", classes[class].name, pc,
	     &links[nlinks - 1].stack, "the other order", "%s", text);
}

void learn_order(int class, const char *op, unsigned long pc)
{
	int i;

	if (opts.no_order)
		return;
	for (i = 0; i < cur->nheld; i++)
		learn(cur->held[i].class, class, op, pc);
	cur->taken |= 1ULL << class;
	cur->taking = class;
}

/* ... of what is no lock. Who is in it and waits for it will say so itself. */
void wait_order(int class, const char *op, unsigned long pc)
{
	int i;

	for (i = 0; i < cur->nheld; i++)
		if (cur->held[i].class == class)
			return;
	learn_order(class, op, pc);
}

void begin_anew(const void *what)
{
	int i = 0;

	while (i < nbegun && begun[i].what != what)
		i++;
	if (i == MAX_BEGUN)
		return;		/* then it is taken for an older one */
	begun[i].what = what;
	begun[i].when = operations;
	nbegun += i == nbegun;
}

/* Since when a task has had to wait for it: the first of them. -1: none has. */
static int waited_since(const void *what)
{
	int i, since = -1;

	for (i = 0; i < NR_TASKS; i++)
		if (tasks[i].alive && tasks[i].waits_for == what &&
		    (since < 0 || tasks[i].waits_since < since))
			since = tasks[i].waits_since;
	for (i = 0; since >= 0 && i < nbegun; i++)
		if (begun[i].what == what && begun[i].when > since)
			since = begun[i].when;
	return since;
}

/* What has the completing task taken, while others waited for it? */
void completes(const void *what, int class, unsigned long pc)
{
	int i, since = opts.no_order ? -1 : waited_since(what);

	for (i = 1; i < nclasses && since >= 0; i++)
		if (cur->taken >> i & 1 && i != class &&
		    cur->taken_at[i] > since)
			learn(class, i, "takes", pc);
}

struct held *new_held(const void *lock, int class, unsigned long pc)
{
	struct held *h = &cur->held[cur->nheld];

	if (cur->nheld == MAX_HELD)
		die("too many locks held");
	h->lock = lock;
	h->class = class;
	h->spin = h->shared = h->pseudo = h->loose = false;
	if (recording)
		take_stack(&held_stacks[cur->id][cur->nheld], cur, pc);
	cur->nheld++;
	return h;
}

static int held_by(const struct task *t, const void *lock)
{
	int i = t->nheld;

	while (i-- > 0 && t->held[i].lock != lock)
		;
	return i;
}

int held_at(const void *lock)
{
	return held_by(cur, lock);
}

static void drop(struct task *t, int i)
{
	t->nheld--;
	memmove(&t->held[i], &t->held[i + 1],
		(t->nheld - i) * sizeof(t->held[0]));
	if (recording)
		memmove(&held_stacks[t->id][i], &held_stacks[t->id][i + 1],
			(t->nheld - i) * sizeof(held_stacks[0][0]));
}

void drop_held(int i)
{
	drop(cur, i);
}

/* Memory is about to be freed: no lock in it may be held. */
void check_held(uintptr_t start, struct object *o, unsigned long pc)
{
	int i, j;

	for (i = 0; i < NR_TASKS; i++)
		for (j = 0; j < tasks[i].nheld; j++) {
			const struct held *h = &tasks[i].held[j];

			if (h->pseudo ||
			    (uintptr_t)h->lock - start >= o->size)
				continue;
			fail("held-lock-freed", class_name(h->class), pc,
			     &held_stacks[i][j], "taken",
			     "%s is freed while %c holds %s", o->name,
			     tasks[i].letter, class_name(h->class));
		}
}

struct held *hold_pseudo(const void *what, int class, unsigned long pc)
{
	struct held *h = new_held(what, class, pc);

	h->pseudo = true;
	return h;
}

void drop_pseudo(const void *what)
{
	int i = held_at(what);

	if (i >= 0)
		drop_held(i);
}

/* Given back, by the task that has it or by another. */
void hand_back(const void *what, int class)
{
	int i, n;

	if (held_at(what) >= 0) {
		drop_pseudo(what);
		return;
	}
	handed |= 1ULL << class;
	after[class] = 0;
	for (i = 1; i < nclasses; i++)
		after[i] &= ~(1ULL << class);
	for (n = 0; n < NR_TASKS; n++) {
		i = held_by(&tasks[n], what);
		if (i >= 0)
			drop(&tasks[n], i);
	}
}

/* Back in user space: what may be given back by another task is no fault. */
void drop_loose(void)
{
	int i = cur->nheld;

	while (i-- > 0)
		if (cur->held[i].loose)
			drop_held(i);
}

/* What was learnt, one edge after the other; N counts all that there may be. */
bool nth_edge(int n, struct lock_edge *to)
{
	int from = n / MAX_CLASSES, class = n % MAX_CLASSES;
	const struct edge *e = &edges[from][class];

	if (!(after[from] >> class & 1))
		return false;
	to->from = classes[from].key;
	to->to = classes[class].key;
	to->from_name = classes[from].name;
	to->to_name = classes[class].name;
	to->task = e->task;
	describe(to->text, sizeof(to->text), e->op, from, class);
	to->stack = &e->stack;
	return true;
}
