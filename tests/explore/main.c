// SPDX-License-Identifier: GPL-2.0-only
/* The command: build/explore. What it understands stands in one table. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "explore.h"

const struct scenario *grid_scenario(int tasks, int sections);

static struct {
	const char *scenario, *variant;
	struct options o;
	bool bounded;			/* by --bound, not by default */
	int tasks, sections;		/* of the grid */
	double seconds;			/* to search for, again and again */
	bool json;
} asked = { .o.bound = 2 };

static bool is_litmus(const struct scenario *s)
{
	return s->bare && !s->guest;
}

static int by_name(const void *a, const void *b)
{
	const struct scenario *x = *(struct scenario **)a;
	const struct scenario *y = *(struct scenario **)b;

	return is_litmus(x) != is_litmus(y) ? is_litmus(x) - is_litmus(y) :
					      strcmp(x->name, y->name);
}

static void list(const char *unused)
{
	size_t i, n = __stop_twill_scenarios - __start_twill_scenarios;
	const struct scenario **s = malloc(n * sizeof(*s) + 1);

	memcpy(s, __start_twill_scenarios, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_name);
	for (i = 0; i < n; i++) {
		if (i && is_litmus(s[i]) != is_litmus(s[i - 1]))
			printf("\n");
		printf("%-24s %s\n", s[i]->name, s[i]->shows);
	}
	exit(0);
}

static _Noreturn void refuse(const char *what, const char *which)
{
	fprintf(stderr, "explore: %s: %s\nexplore --help says what there is\n",
		what, which);
	exit(2);
}

static long number(const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (end == arg || *end || n < 0 || n > INT_MAX)
		refuse("not a number from 0 on", arg);
	return n;
}

static void set_variant(const char *arg)
{
	asked.variant = arg;
}

static void set_bound(const char *arg)
{
	asked.o.bound = number(arg);
	asked.bounded = true;
}

static void set_complete(const char *unused)
{
	asked.o.complete = true;
}

static void set_faults(const char *arg)
{
	asked.o.faults = number(arg);
}

static void set_late(const char *arg)
{
	asked.o.late = number(arg);
}

static void set_retries(const char *arg)
{
	asked.o.retries = number(arg);
}

static void set_budget(const char *arg)
{
	asked.o.budget = number(arg);
}

static void set_no_order(const char *unused)
{
	asked.o.no_order = true;
}

static void set_unreduced(const char *unused)
{
	asked.o.unreduced = true;
}

static void set_outcomes(const char *unused)
{
	asked.o.outcomes = asked.o.states = true;
	asked.o.complete = asked.o.no_order = true;
}

static void set_replay(const char *arg)
{
	asked.o.replay = arg;
}

static void set_step(const char *unused)
{
	asked.o.step = true;
}

static void set_json(const char *unused)
{
	asked.json = true;
}

static void set_tasks(const char *arg)
{
	asked.tasks = number(arg);
}

static void set_sections(const char *arg)
{
	asked.sections = number(arg);
}

static void set_seconds(const char *arg)
{
	char *end;

	asked.seconds = strtod(arg, &end);
	if (end == arg || *end || !(asked.seconds >= 0))
		refuse("not a time", arg);
}

static void help(const char *unused);

static const struct word {
	const char *name, *arg, *help;
	void (*take)(const char *arg);
} words[] = {
	{ "--list", NULL, "which scenarios there are", list },
	{ "--help", NULL, "this", help },
	{ "--variant", "V", "look at this variant, not at the tree", set_variant },
	{ "--bound", "N", "so many preemptions at most (2)", set_bound },
	{ "--complete", NULL, "then go on without a bound", set_complete },
	{ "--faults", "N", "so many allocations may fail", set_faults },
	{ "--late-writes", "N", "so many accesses may miss a marked write",
	  set_late },
	{ "--retries", "N", "let a loop that may give up try so often",
	  set_retries },
	{ "--budget", "N", "stop after so many executions", set_budget },
	{ "--no-lock-order", NULL, "the accident, not the circle of locks",
	  set_no_order },
	{ "--unreduced", NULL, "orders that differ in nothing, too",
	  set_unreduced },
	{ "--outcomes", NULL, "all that the tasks can see", set_outcomes },
	{ "--replay", "S", "this one order", set_replay },
	{ "--step", NULL, "ask who goes on", set_step },
	{ "--json", NULL, "for a program to read", set_json },
	{ "--tasks", "N", "of the grid: 1 to 4", set_tasks },
	{ "--sections", "N", "of each of them", set_sections },
	{ "--seconds", "S", "search again until they have passed",
	  set_seconds },
};

#define NWORDS (sizeof(words) / sizeof(words[0]))

static void help(const char *unused)
{
	size_t i;

	printf("usage: explore SCENARIO [OPTION]...\n"
	       "       explore grid --tasks N --sections N [OPTION]...\n\n");
	for (i = 0; i < NWORDS; i++)
		printf("  %-15s %-2s  %s\n", words[i].name,
		       words[i].arg ? words[i].arg : "", words[i].help);
	printf("\nAll tasks see all writes in one order (sequential consistency);"
	       "\na processor may do more with accesses that are only marked."
	       "\nThe exit status is 0 when nothing was found, 1 when "
	       "something was.\n");
	exit(0);
}

static const struct word *word(const char *name)
{
	size_t i;

	for (i = 0; i < NWORDS; i++)
		if (!strcmp(words[i].name, name))
			return &words[i];
	return NULL;
}

/* What is left in ARGV is what a variant's own explorer is to be asked. */
static void read_words(char **argv)
{
	char **at = argv + 1, **left = argv + 1;

	while (*at) {
		const struct word *w = word(*at);
		int n = w && w->arg ? 2 : 1;

		if (n == 2 && !at[1])
			refuse("an argument is missing", *at);
		if (w)
			w->take(at[1]);
		else if (**at == '-' || asked.scenario)
			refuse("no such option", *at);
		else
			asked.scenario = *at;
		if (!w || w->take != set_variant) {
			memmove(left, at, n * sizeof(*at));
			left += n;
		}
		at += n;
	}
	*left = NULL;
}

/* A variant has an explorer of its own, which make knows how to build. */
static int run_variant(const char *name, char **argv)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 300], command[2 * PATH_MAX];
	char *root;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-/") !=
	    strlen(name) || readlink("/proc/self/exe", self, PATH_MAX - 1) < 0)
		return 2;
	root = dirname(dirname(self));
	snprintf(path, sizeof(path), "%s/build/variants/%s/explore", root, name);
	snprintf(command, sizeof(command),
		 "make -s -C '%.*s' 'build/variants/%s/explore' >&2",
		 1000, root, name);
	if (system(command))
		return 2;
	execv(path, argv);
	perror(path);
	return 2;
}

static const struct scenario *find(const char *name)
{
	const struct scenario *s;

	if (strcmp(name, "grid")) {
		s = find_scenario(name);
		if (!s)
			refuse("no such scenario", name);
		return s;
	}
	/* The yardstick is all orders, and nothing before them. */
	if (!asked.bounded) {
		asked.o.bound = -1;
		asked.o.complete = true;
		if (!asked.o.budget)
			asked.o.budget = 100000000;
	}
	s = grid_scenario(asked.tasks, asked.sections);
	if (!s)
		refuse("the grid needs 1 to 4 tasks, and sections", name);
	return s;
}

/* As often as it takes to fill the time asked for; the clock has a tick. */
static struct result *search(const struct scenario *s)
{
	struct result *r = explore(s, &asked.o);

	while (r->seconds < asked.seconds) {
		struct result *again = explore(s, &asked.o);

		r->searches++;
		r->executions += again->executions;
		r->seconds += again->seconds;
		free_result(again);
	}
	return r;
}

int main(int argc, char **argv)
{
	const struct scenario *s;
	struct result *r;

	read_words(argv);
	if (!asked.scenario)
		refuse("a scenario is missing", "explore SCENARIO");
	if (asked.variant)
		return run_variant(asked.variant, argv);
	s = find(asked.scenario);
	r = search(s);
	name_finding(r);
	if (asked.o.outcomes)
		print_outcomes(stdout, r);
	if (asked.json)
		print_json(stdout, s, r);
	else
		print_table(stdout, s, r);
	return strcmp(r->found.class, "none") != 0;
}
