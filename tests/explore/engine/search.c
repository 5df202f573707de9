// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which orders are run.
 *
 * The search is depth first and keeps nothing but the choices of the current
 * execution: to go back it starts again, makes the same choices up to the last
 * one that has an alternative, and takes the alternative. It is run with at
 * most 0 preemptions, then 1, and so on (events.c says where it need not ask);
 * then without a bound, by dpor.c; and where that does not come to an end, at
 * random, with probabilities that are known.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "engine/search.h"

#define MAX_CHOICES	100000
#define BUDGET		2000000L	/* executions */
#define UNBOUNDED	100000L		/* ... of the search without a bound */
#define SAMPLES		20000L
#define POLISH		2000		/* more executions, for a shorter one */

enum how { BOUNDED, UNBOUND, SAMPLED, REPLAYED, STEPPED };

struct options opts;
const struct scenario *running;

struct choice {
	int point;
	int n, taken;
	bool fault;
	char who[NR_TASKS];	/* by order of preference */
};

static enum how how;
static struct choice choices[MAX_CHOICES];
static int nchoices, next_choice;
static int point, preemptions, bound;
static int most_events;
bool soft_fatal;
static bool pruned, redundant, gone_astray;
static struct step *asked;

/* What was found on the way, to be told if nothing worse comes. */
static struct {
	struct finding f;
	struct deviation schedule[MAX_DEVIATIONS];
	int n, bound;
} soft;

/* Then a free depends on what touches the object; see race_free(). */
bool is_unbound(void)
{
	return how == UNBOUND;
}

void choices_reset(void)
{
	next_choice = point = preemptions = 0;
	chance_reset();
	redundant = false;
	memset(met, 0, nschedule);
	dpor_start();
}

static int next_of(int at, int n, const char *who, bool fault)
{
	struct choice *c;

	if (next_choice == nchoices) {
		if (how == STEPPED) {
			asked->point = at;
			asked->n = n;
			asked->fault = fault;
			memcpy(asked->who, who, n);
			leave_execution();
		}
		if (nchoices == MAX_CHOICES)
			die("too many choices in one execution");
		c = &choices[nchoices++];
		c->point = at;
		c->n = n;
		c->taken = 0;
		c->fault = fault;
		memcpy(c->who, who, n);
	}
	c = &choices[next_choice++];
	if (c->point != at || c->n != n || memcmp(c->who, who, n))
		die("%s: the same choices led elsewhere (point %d)",
		    running->name, at);
	return c->taken;
}

/*
 * Who goes on? The first of WHO is the default; the others are deviations, and
 * preemptions unless the choice is free. Returns an index into WHO, or -1 to
 * end the execution here.
 */
int choose(int n, const char *who, bool free)
{
	int at = point, i;
	char task;

	if (how == UNBOUND) {
		i = dpor_choose(n, who);
		redundant = i < 0;
		return i;
	}
	if (how == SAMPLED) {
		i = sample(n, who, point);
		point += n > 1;
		return i;
	}
	if (n == 1)
		return 0;
	point++;
	if (how == REPLAYED) {
		task = schedule_at(at);
		for (i = 1; task && i < n; i++)
			if (tasks[(int)who[i]].letter == task) {
				preemptions += !free;
				return i;
			}
		if (task)
			gone_astray = true;
		return 0;
	}
	if (how == BOUNDED && !free) {
		if (!opts.unreduced && !is_shared(cur->id, cur->arg_pc))
			return 0;
		if (preemptions == bound) {
			pruned = true;
			return 0;
		}
	}
	i = next_of(at, n, who, false);
	preemptions += i > 0 && !free;
	return i;
}

/* What is nobody's choice, but chance: does it turn out so, this time? */
bool by_chance(void)
{
	static const char outcomes[] = { 0, 1 };
	int at = point;
	bool so;

	if (how == UNBOUND)
		return dpor_fault();
	point++;
	if (how == REPLAYED)
		return schedule_at(at) == '!';
	if (how != SAMPLED)
		return next_of(at, 2, outcomes, true) > 0;
	so = sample_fault();
	if (so) {
		schedule[nschedule].point = at;
		schedule[nschedule++].task = '!';
	}
	return so;
}

/* The choices of this execution so far, as a schedule. */
int schedule_so_far(struct deviation *to, int max)
{
	int i, n = 0;

	if (how == UNBOUND)
		return dpor_schedule(to, max);
	if (how != BOUNDED && how != STEPPED) {
		n = nschedule < max ? nschedule : max;
		memmove(to, schedule, n * sizeof(*to));
		return n;
	}
	for (i = 0; i < next_choice && n < max; i++) {
		struct choice *c = &choices[i];

		if (!c->taken)
			continue;
		to[n].point = c->point;
		to[n++].task = c->fault ? '!' :
			tasks[(int)c->who[c->taken]].letter;
	}
	return n;
}

static void take_schedule(void)
{
	nschedule = schedule_so_far(schedule, MAX_DEVIATIONS);
}

bool soft_finding(const char *class, unsigned long pc)
{
	if (how == REPLAYED || how == STEPPED || soft.f.class[0])
		return false;
	take_schedule();
	snprintf(soft.f.class, sizeof(soft.f.class), "%s", class);
	soft.f.stack.pc[0] = pc;
	soft.bound = preemptions;
	soft.n = nschedule;
	memcpy(soft.schedule, schedule, nschedule * sizeof(*schedule));
	return true;
}

static void run_once(void)
{
	execute();
	if (how == UNBOUND)
		point = dpor_points();
	if (point > result->most_points)
		result->most_points = point;
	if (nevents > most_events)
		most_events = nevents;
	result->executions += !redundant;
	result->redundant += redundant;
	if (opts.outcomes && !redundant)
		note_outcome();
	if (opts.states && found.class[0]) {
		result->failures++;
		found.class[0] = 0;
	}
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

/* Run the schedule; what it costs, if it finds what is wanted. */
int schedule_cost(const struct finding *want, bool is_soft)
{
	enum how was = how;
	long executions = result->executions;
	bool ok;

	how = REPLAYED;
	soft_fatal = recording = is_soft;
	result->nrows = 0;
	order_reset();
	run_once();
	soft_fatal = recording = false;
	how = was;
	result->executions = executions;
	ok = found.class[0] && (is_soft ? !strcmp(found.class, want->class) :
				same_finding(&found, want));
	return ok ? preemptions * 100000 + operations : -1;
}

static void record_schedule(bool is_soft)
{
	how = REPLAYED;
	recording = true;
	soft_fatal = is_soft;
	result->nrows = 0;
	run_once();
	recording = soft_fatal = false;
	result->executions--;
}

/*
 * A circle whose parts were seen in several executions has no schedule of its
 * own. Each part has: what was chosen until it was seen.
 */
static void name_part(const struct deviation *d, int n, char *replay)
{
	nschedule = n;
	memmove(schedule, d, n * sizeof(*d));
	order_reset();
	record_schedule(false);
	write_schedule(replay, check);
}

static void name_links(void)
{
	struct deviation last[LONGEST];
	struct finding keep = found;
	struct row *rows = result->rows;
	int i, nrows = result->nrows, cost = preemptions;
	int n = nschedule < LONGEST ? nschedule : LONGEST;

	result->nlinks = nlinks;
	memcpy(result->links, links, nlinks * sizeof(*links));
	memcpy(last, schedule, n * sizeof(*last));
	result->rows = malloc(MAX_ROWS * sizeof(*rows));
	for (i = 0; i < result->nlinks; i++) {
		struct link *l = &result->links[i];

		if (!l->elsewhere)
			continue;
		name_part(l->schedule, l->n, l->replay);
		result->elsewhere = true;
	}
	if (result->elsewhere)		/* alone it does not fail */
		name_part(last, n, result->replay);
	free(result->rows);
	result->rows = rows;
	result->nrows = nrows;
	preemptions = cost;
	found = keep;
}

/*
 * A failing execution was found at this bound. Look a little further for one
 * with the same finding and fewer deviations, or fewer operations; learning
 * lock order anew in each, so that the schedule shows both halves of a circle.
 */
static void polish(void)
{
	long executions = result->executions, left = POLISH;
	struct finding want = found;
	int best_ops = operations, best_dev;
	bool alone;

	take_schedule();
	best_dev = nschedule;
	order_keep();
	order_reset();
	run_once();
	alone = found.class[0] && same_finding(&found, &want);
	if (alone)
		best_ops = operations;
	while (how == BOUNDED && left-- && next_execution()) {
		struct deviation *old = malloc(sizeof(schedule));
		int n = nschedule;

		memcpy(old, schedule, n * sizeof(*old));
		order_reset();
		run_once();
		take_schedule();
		if (found.class[0] && same_finding(&found, &want) &&
		    (!alone || nschedule < best_dev ||
		     (nschedule == best_dev && operations < best_ops))) {
			alone = true;
			best_dev = nschedule;
			best_ops = operations;
		} else {
			memcpy(schedule, old, n * sizeof(*old));
			nschedule = n;
		}
		free(old);
	}
	if (alone) {
		minimize(&want, false);
		order_reset();
	} else {
		order_restore();
	}
	record_schedule(false);
	if (!found.class[0])
		die("%s: a failure that does not repeat", running->name);
	result->bound = preemptions;
	write_schedule(result->replay, check);
	name_links();
	result->executions = executions;
}

/* Nothing failed; but some order was seen that nothing enforces. */
static bool tell_soft(void)
{
	if (!soft.f.class[0])
		return false;
	nschedule = soft.n;
	memcpy(schedule, soft.schedule, nschedule * sizeof(*schedule));
	minimize(&soft.f, true);
	order_reset();
	record_schedule(true);
	if (!found.class[0])
		die("%s: a %s that does not repeat", running->name,
		    soft.f.class);
	result->bound = preemptions;
	write_schedule(result->replay, check);
	return true;
}

static long budget(long otherwise)
{
	return opts.budget ? opts.budget : otherwise;
}

static bool out_of_budget(long otherwise)
{
	if (result->executions < budget(otherwise))
		return false;
	snprintf(result->claim_text, sizeof(result->claim_text),
		 "stopped after %ld executions", result->executions);
	return true;
}

static void say_complete(void)
{
	if (opts.late)
		snprintf(result->claim_text, sizeof(result->claim_text),
			 COMPLETE_LATE, opts.late);
	else
		strcpy(result->claim_text, COMPLETE);
}

/* All orders with at most so many preemptions. False: that is the end. */
static bool search_bound(void)
{
	long executions;

	result->bound = bound;
again:
	executions = result->executions;
	nchoices = 0;
	pruned = shared_grown = false;
	do {
		run_once();
		if (found.class[0]) {
			polish();
			return false;
		}
		if (!opts.unreduced)
			learn_shared();
		if (shared_grown) {
			result->executions = executions;
			goto again;
		}
		if (out_of_budget(BUDGET))
			return false;
	} while (next_execution());
	if (!pruned)
		say_complete();
	else
		snprintf(result->claim_text, sizeof(result->claim_text),
			 "bound %d exhausted", bound);
	return pruned;
}

static bool search_unbound(void)
{
	long before = result->executions;

	how = UNBOUND;
	dpor_begin();
	do {
		run_once();
		if (found.class[0]) {
			polish();
			return false;
		}
		if (result->executions - before >= budget(UNBOUNDED))
			return true;
	} while (dpor_next());
	say_complete();
	return false;
}

/* A bug that DEPTH ordered events make is found with probability P. */
static void search_sampled(void)
{
	int i, len;

	how = SAMPLED;
	sample_begin();
	for (i = 0; i < SAMPLES; i++) {
		nschedule = 0;
		sample_shuffle(most_events);
		run_once();
		if (found.class[0]) {
			polish();
			return;
		}
	}
	len = strlen(result->claim_text);
	snprintf(result->claim_text + len, sizeof(result->claim_text) - len,
		 "%ssampled, P >= %.2g for depth %d", len ? "; " : "",
		 sample_chance(most_events, SAMPLES), SAMPLE_DEPTH);
}

static void search(void)
{
	bool more = true;

	how = BOUNDED;
	if (opts.first <= opts.bound)
		forget_shared();
	for (bound = opts.first; more && bound <= opts.bound; bound++)
		more = search_bound();
	if (opts.complete && more && search_unbound())
		search_sampled();
	if (opts.states)
		result->failures += soft.f.class[0] != 0;
	else if (!found.class[0])
		tell_soft();
}

static void replay(void)
{
	unsigned int sum = read_schedule(opts.replay);

	gone_astray = false;
	record_schedule(false);
	if (!found.class[0])
		record_schedule(true);
	result->nlinks = nlinks;
	memcpy(result->links, links, nlinks * sizeof(*links));
	result->executions = 1;
	result->diverged = gone_astray || !schedule_met() ||
		((check ^ check >> 16) & 0xff) != sum;
	result->bound = preemptions;
	snprintf(result->replay, sizeof(result->replay), "%s", opts.replay);
	strcpy(result->claim_text, "one schedule replayed");
}

/*
 * By hand: run what was chosen so far, up to the next choice. Returns false if
 * there is none any more.
 */
bool step_run(struct step *at)
{
	how = STEPPED;
	asked = at;
	at->n = 0;
	recording = true;
	result->nrows = 0;
	order_reset();
	run_once();
	if (!at->n && !found.class[0]) {
		/* It has ended well, but for what nothing enforces. */
		soft_fatal = true;
		result->nrows = 0;
		run_once();
	}
	recording = soft_fatal = false;
	return at->n;
}

void step_take(int i)
{
	struct choice *c = &choices[nchoices++];

	c->point = asked->point;
	c->n = asked->n;
	c->fault = asked->fault;
	c->taken = i;
	memcpy(c->who, asked->who, asked->n);
}

bool step_back(void)
{
	if (nchoices)
		nchoices--;
	return nchoices;
}

void step_string(char *out)
{
	take_schedule();
	write_schedule(out, check);
}

struct result *explore(const struct scenario *s, const struct options *o)
{
	struct timespec a, b;

	prepare_tasks();
	result = calloc(1, sizeof(*result));
	result->searches = 1;
	running = s;
	opts = *o;
	result->rows = malloc(MAX_ROWS * sizeof(struct row));
	if (!opts.faults)
		opts.faults = s->faults;
	soft.f.class[0] = 0;
	most_events = nchoices = 0;
	order_reset();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	if (!s->bare) {
		rehearsing = true;
		execute();
		rehearsing = false;
	}
	if (opts.replay)
		replay();
	else if (opts.step)
		step_by_step();
	else
		search();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	result->seconds = b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
	result->found = found;
	if (!found.class[0])
		strcpy(result->found.class, "none");
	else if (!opts.replay && !opts.step)
		snprintf(result->claim_text, sizeof(result->claim_text),
			 "found at bound %d", result->bound);
	result->claim = result->claim_text;
	return result;
}
