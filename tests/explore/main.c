// SPDX-License-Identifier: GPL-2.0-only
/* The command: build/explore. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "explore.h"

const struct scenario *grid_scenario(int tasks, int sections);

static const char usage[] =
	"usage: explore --list\n"
	"       explore SCENARIO [--variant V] [--bound N] [--complete]\n"
	"               [--faults N] [--no-lock-order] [--replay S] [--step] [--json]\n"
	"       explore SCENARIO --outcomes\n"
	"       explore grid --tasks T --sections S [--bound N]\n"
	"each with [--unreduced] [--budget EXECUTIONS] [--repeat TIMES]\n";

static int by_name(const void *a, const void *b)
{
	const struct scenario *x = *(struct scenario **)a;
	const struct scenario *y = *(struct scenario **)b;

	return x->bare != y->bare ? x->bare - y->bare :
				    strcmp(x->name, y->name);
}

static void list(void)
{
	size_t i, n = __stop_twill_scenarios - __start_twill_scenarios;
	const struct scenario **s = malloc(n * sizeof(*s) + 1);

	memcpy(s, __start_twill_scenarios, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_name);
	for (i = 0; i < n; i++) {
		if (i && s[i]->bare != s[i - 1]->bare)
			printf("\n");
		printf("%-24s %s\n", s[i]->name, s[i]->shows);
	}
	free(s);
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

int main(int argc, char **argv)
{
	const char *name = NULL, *variant = NULL;
	struct options o = { .bound = -1 };
	int i, tasks = 0, sections = 0, repeat = 0;
	const struct scenario *s;
	bool json = false;
	struct result *r;

	for (i = 1; i < argc; i++) {
		char *arg = argv[i];
		bool more = i + 1 < argc;

		if (!strcmp(arg, "--list")) {
			list();
			return 0;
		} else if (!strcmp(arg, "--json"))
			json = true;
		else if (!strcmp(arg, "--variant") && more) {
			variant = argv[i + 1];
			memmove(&argv[i], &argv[i + 2],
				(argc - i - 1) * sizeof(*argv));
			argc -= 2;
			i--;
		} else if (!strcmp(arg, "--bound") && more)
			o.bound = atoi(argv[++i]);
		else if (!strcmp(arg, "--complete"))
			o.complete = true;
		else if (!strcmp(arg, "--unreduced"))
			o.unreduced = true;
		else if (!strcmp(arg, "--outcomes"))
			o.outcomes = o.states = o.complete = o.no_order = true;
		else if (!strcmp(arg, "--repeat") && more)
			repeat = atoi(argv[++i]);
		else if (!strcmp(arg, "--step"))
			o.step = true;
		else if (!strcmp(arg, "--faults") && more)
			o.faults = atoi(argv[++i]);
		else if (!strcmp(arg, "--budget") && more)
			o.budget = atol(argv[++i]);
		else if (!strcmp(arg, "--replay") && more)
			o.replay = argv[++i];
		else if (!strcmp(arg, "--no-lock-order"))
			o.no_order = true;
		else if (!strcmp(arg, "--tasks") && more)
			tasks = atoi(argv[++i]);
		else if (!strcmp(arg, "--sections") && more)
			sections = atoi(argv[++i]);
		else if (*arg != '-' && !name)
			name = arg;
		else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (name && o.bound < 0) {
		/* The yardstick is all orders, and nothing before them. */
		o.bound = strcmp(name, "grid") ? 2 : -1;
		o.complete |= o.bound < 0;
		if (o.bound < 0 && !o.budget)
			o.budget = 100000000;
	}
	if (!name) {
		fputs(usage, stderr);
		return 2;
	}
	if (variant)
		return run_variant(variant, argv);
	s = strcmp(name, "grid") ? find_scenario(name) :
				   grid_scenario(tasks, sections);
	if (!s) {
		fprintf(stderr, "explore: no such scenario: %s\n", name);
		return 2;
	}
	r = explore(s, &o);
	while (--repeat > 0) {		/* for the bench */
		struct result *again = explore(s, &o);

		r->executions += again->executions;
		r->seconds += again->seconds;
		free(again->rows);
		free(again);
	}
	name_finding(r);
	if (o.outcomes)
		print_outcomes(stdout, r);
	if (json)
		print_json(stdout, s, r);
	else
		print_table(stdout, s, r);
	return strcmp(r->found.class, "none") != 0;
}
