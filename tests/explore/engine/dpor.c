// SPDX-License-Identifier: GPL-2.0-only
/*
 * All orders, without a bound, but of those that only swap independent
 * operations one.
 *
 * Source-DPOR with sleep sets (Abdulla, Aronsson, Jonsson, Sagonas: Optimal
 * dynamic partial order reduction, POPL 2014). After an execution each pair
 * of neighbouring dependent operations of two tasks is a race; where the later
 * one could have come first, some task that leads there is tried at the place
 * of the earlier one. A task that was tried at a place sleeps in what follows
 * until something is done on which its operation depends.
 */
#include <string.h>
#include "engine/search.h"

#define MAX_NODES	20100
#define FOOT		12		/* touches of a sleeping operation */

struct foot {
	unsigned char n;		/* 255: too many, depends on all */
	unsigned char mode[FOOT];
	uintptr_t at[FOOT];
};

struct node {
	int point;			/* among the choices that count */
	bool fault;			/* whether something fails, not who */
	unsigned char n, first, taken;	/* a task's id; of a fault 0 or 1 */
	unsigned char enabled, backtrack, done, sleep;
	short slept[NR_TASKS];		/* the node where its operation is */
	struct foot foot[NR_TASKS];	/* what each did here */
};

static struct node nodes[MAX_NODES];
static int nnodes, depth, points, fresh, parent;

/* What the tables below were last told, to be taken back. */
static struct { int *last, before; } chained[1 << 17];
static int nchained;

#define HASH	(1 << 12)
static struct { uintptr_t at; unsigned int run; int last; } things[HASH];
static unsigned int run;

void dpor_begin(void)
{
	nnodes = fresh = nchained = 0;
	run++;
}

void dpor_start(void)
{
	depth = points = 0;
	parent = -1;
}

int dpor_points(void)
{
	return points;
}

int dpor_node(void)
{
	return depth - 1;
}

static bool independent(const struct foot *f, const struct event *e)
{
	int i, j;

	if (f->n == 255)
		return false;
	for (i = 0; i < f->n; i++)
		for (j = 0; j < e->n; j++)
			if (f->at[i] == touches[e->first + j].at &&
			    dependent(f->mode[i], touches[e->first + j].mode))
				return false;
	return true;
}

/* Who sleeps here: who slept before, or was tried before, and still may. */
static void inherit(struct node *d)
{
	struct node *p;
	int q, left;

	d->sleep = 0;
	if (parent < 0)
		return;
	p = &nodes[parent];
	for (left = (p->sleep | p->done) & ~(1 << p->taken); left;
	     left &= left - 1) {
		int at;

		q = __builtin_ctz(left);
		at = p->sleep >> q & 1 ? p->slept[q] : parent;
		if (!independent(&nodes[at].foot[q], &events[nevents - 1]))
			continue;
		d->sleep |= 1 << q;
		d->slept[q] = at;
	}
}

/*
 * A worker could have begun, and now it cannot: its work was cancelled. No
 * operation of its own will be there to say so.
 */
static void find_lost(const struct node *d)
{
	struct node *p;

	if (parent < 0)
		return;
	p = &nodes[parent];
	p->backtrack |= p->enabled & ~d->enabled & ~(1 << p->taken) &
			-(1 << WORKER_TASK);
}

static struct node *next_node(bool *new)
{
	*new = depth == nnodes;
	if (*new && nnodes++ == MAX_NODES)
		die("too many choices in one execution");
	return &nodes[depth++];
}

/* Returns an index into WHO, or -1 when nothing new can come of it. */
int dpor_choose(int n, const char *who)
{
	bool new;
	struct node *d = next_node(&new);
	int i;

	if (new) {
		d->fault = false;
		d->point = points;
		d->n = n;
		d->first = who[0];
		d->enabled = d->done = 0;
		for (i = 0; i < n; i++)
			d->enabled |= 1 << who[i];
		for (i = 0; i < NR_TASKS; i++)
			d->foot[i].n = 0;
		find_lost(d);
		inherit(d);
		for (i = 0; i < n && d->sleep >> who[i] & 1; i++)
			;
		if (i == n) {
			nnodes--;
			return -1;
		}
		d->taken = who[i];
		d->backtrack = 1 << who[i];
	}
	points += n > 1;
	parent = depth - 1;
	for (i = 0; i < n; i++)
		if (who[i] == d->taken)
			return i;
	die("%s: the same choices led elsewhere", running->name);
}

/* As in the execution before: nobody need ask who else could go on. */
int dpor_again(void)
{
	struct node *d = &nodes[depth];

	if (depth >= nnodes - 1)
		return -1;
	points += d->n > 1;
	parent = depth++;
	return d->taken;
}

int dpor_fault(void)
{
	bool new;
	struct node *d = next_node(&new);

	if (new) {
		memset(d, 0, offsetof(struct node, slept));
		d->fault = true;
		d->point = points;
		d->backtrack = 3;
	}
	points++;
	return d->taken;
}

/* The clock of an event: how many of each task's events come before it. */
static clocks_t clock_[MAX_NODES];
static int index_[MAX_NODES];		/* among its task's own */

static int *last_touch(uintptr_t at)
{
	unsigned int h = at * 0x9e3779b97f4a7c15UL >> 52;

	while (things[h].run == run && things[h].at != at)
		h = (h + 1) % HASH;
	if (things[h].run != run) {
		things[h].run = run;
		things[h].at = at;
		things[h].last = -1;
	}
	return &things[h].last;
}

static inline bool before(int e, clocks_t clock)
{
	return clock[events[e].task] >= index_[e];
}

/* What comes before LATER if EARLIER, and what follows from it, does not. */
static clocks_t clock_without(int earlier, int later)
{
	const struct event *v = &events[later];
	clocks_t clock = clock_[later];
	int i, j;

	for (i = v->first; i < v->first + v->n; i++)
		for (j = *touches[i].last; j >= 0; j = touches[j].before) {
			int x = touches[j].event;

			if (x <= earlier)
				break;
			if (x != later && dependent(touches[i].mode,
						    touches[j].mode) &&
			    !before(earlier, clock_[x]))
				clock = join_clocks(clock, clock_[x]);
		}
	return clock;
}

/*
 * LATER could come before EARLIER: then somebody must be tried there who can
 * lead to it. Returns false if nobody can, because LATER waits for EARLIER.
 */
static bool reverse(int earlier, int later)
{
	struct node *d = &nodes[events[earlier].node];
	int first[NR_TASKS], i, q, initials = 0, seen = 0;
	clocks_t clock = clock_without(earlier, later);
	int p = events[later].task;

	for (i = earlier + 1; i <= later; i++) {
		clocks_t c = i < later ? clock_[i] : clock;
		bool initial = true;
		int left, r;

		q = events[i].task;
		if (seen >> q & 1)
			continue;
		if (i < later && before(earlier, clock_[i]))
			continue;
		for (left = seen; left; left &= left - 1) {
			r = __builtin_ctz(left);
			if (c[r] >= index_[first[r]])
				initial = false;
		}
		seen |= 1 << q;
		first[q] = i;
		if (initial)
			initials |= 1 << q;
	}
	if (!(initials & d->enabled)) {
		if (initials == 1 << p)
			return false;
		d->backtrack |= d->enabled;
		return true;
	}
	initials &= d->enabled;
	if (initials & (d->backtrack | d->sleep))
		return true;
	d->backtrack |= initials >> p & 1 ? 1 << p : initials & -initials;
	return true;
}

/* All events that touched the same before, from the last one back. */
static void find_races(int e, struct touch *t, int last)
{
	clocks_t covered = clock_[e];
	int task = events[e].task;
	struct touch *o;
	int i;

	for (i = last; i >= 0; i = o->before) {
		o = &touches[i];
		if (events[o->event].task == task ||
		    before(o->event, covered)) {
			/* All that came before that is behind us as well. */
			if (o->mode != T_READ)
				break;
			continue;
		}
		if (!dependent(o->mode, t->mode))
			continue;
		/* Nobody waits for what has not been taken yet. */
		if (o->mode == T_RELEASE &&
		    (t->mode == T_ACQUIRE || t->mode == T_WAIT))
			continue;
		if (reverse(o->event, e))
			covered = join_clocks(covered, clock_[o->event]);
	}
}

static void keep_foot(const struct event *e)
{
	struct foot *f = &nodes[e->node].foot[e->task];
	int i;

	/* Once for each outcome of what may fail in it. */
	for (i = 0; i < e->n && f->n != 255; i++) {
		if (f->n == FOOT) {
			f->n = 255;
			break;
		}
		f->at[f->n] = touches[e->first + i].at;
		f->mode[f->n++] = touches[e->first + i].mode;
	}
}

/* What a touch of the same thing came before; and it is the last one now. */
static void chain(clocks_t *c, struct touch *t)
{
	int *last = t->last, j;

	for (j = *last; j >= 0; j = touches[j].before) {
		if (dependent(t->mode, touches[j].mode))
			*c = join_clocks(*c, clock_[touches[j].event]);
		if (touches[j].mode != T_READ)
			break;
	}
	t->before = *last;
	*last = t - touches;
}

/*
 * The execution before this one had the same events up to the one that was
 * chosen anew; only what comes from there on is looked at.
 */
static void analyse(void)
{
	int last_of[NR_TASKS], count[NR_TASKS] = {}, e, i;

	memset(last_of, -1, sizeof(last_of));
	for (e = 0; e + 1 < nevents && events[e + 1].node <= fresh; e++) {
		last_of[events[e].task] = e;
		count[events[e].task]++;
	}
	while (nchained > (e < nevents ? events[e].first : ntouches)) {
		nchained--;
		*chained[nchained].last = chained[nchained].before;
	}
	for (; e < nevents; e++) {
		struct event *v = &events[e];
		clocks_t *c = &clock_[e];

		*c = last_of[v->task] >= 0 ? clock_[last_of[v->task]] :
					     (clocks_t){};
		index_[e] = ++count[v->task];
		(*c)[v->task] = index_[e];
		last_of[v->task] = e;
		keep_foot(v);
		for (i = v->first; i < v->first + v->n; i++)
			touches[i].last = last_touch(touches[i].at);
		for (i = v->first; i < v->first + v->n; i++)
			find_races(e, &touches[i], *touches[i].last);
		for (i = v->first; i < v->first + v->n; i++) {
			chain(c, &touches[i]);
			chained[nchained].last = touches[i].last;
			chained[nchained++].before = touches[i].before;
		}
	}
}

/* Is there one more execution to be made? */
bool dpor_next(void)
{
	analyse();
	while (nnodes) {
		struct node *d = &nodes[nnodes - 1];
		int left;

		d->done |= 1 << d->taken;
		left = d->backtrack & ~d->done & ~d->sleep;
		if (left) {
			d->taken = __builtin_ctz(left);
			fresh = nnodes - 1;
			return true;
		}
		nnodes--;
	}
	return false;
}

/* The execution that was made last, as deviations from the default. */
int dpor_schedule(struct deviation *to, int max)
{
	int i, n = 0;

	for (i = 0; i < depth && n < max; i++) {
		struct node *d = &nodes[i];

		if (d->fault ? !d->taken : d->taken == d->first)
			continue;
		to[n].point = d->point;
		to[n++].task = d->fault ? '!' : tasks[d->taken].letter;
	}
	return n;
}
