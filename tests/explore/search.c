// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which orders are run.
 *
 * The search is depth first and keeps nothing but the choices of the current
 * execution: to go back it starts again, makes the same choices up to the last
 * one that has an alternative, and takes the alternative. It is run with at
 * most 0 preemptions, then 1, and so on.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "runtime.h"

#define MAX_CHOICES	100000
#define BUDGET		2000000		/* executions */
#define POLISH		2000		/* more executions, for a shorter one */

struct options opts;
const struct scenario *running;

struct choice {
	int point;
	int n, taken;
	char who[NR_TASKS];	/* by order of preference */
};

static struct choice choices[MAX_CHOICES];
static int nchoices, next_choice;
static int point, preemptions, bound;
static bool pruned;

/* A replay string, taken apart. */
static struct { int point; char task; } deviations[16];
static int ndeviations = -1;

void choices_reset(void)
{
	next_choice = point = preemptions = 0;
}

/*
 * Who goes on? The first of WHO is the default; the others are deviations, and
 * preemptions unless the choice is free. Returns an index into WHO.
 */
int choose(int n, const char *who, bool free)
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
				preemptions += !free;
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
		memcpy(c->who, who, n);
	}
	c = &choices[next_choice++];
	if (c->point != at || c->n != n || memcmp(c->who, who, n))
		die("%s: the same choices led elsewhere (point %d)",
		    running->name, at);
	preemptions += c->taken && !free;
	return c->taken;
}

static void run_once(void)
{
	execute();
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
	run_once();
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
	run_once();
	alone = found.class[0] && same(&found, &want);
	if (alone)
		best_ops = operations;
	while (left-- && next_execution()) {
		int dev;

		order_reset();
		run_once();
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
			run_once();
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

	prepare_tasks();
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
