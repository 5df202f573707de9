// SPDX-License-Identifier: GPL-2.0-only
/* A person drives: sees who stands where, says who goes on, goes back. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "detectors/detectors.h"
#include "engine/search.h"
#include "report/report.h"

static const char help[] =
	"  A, B, C     that task goes on      ok, fail  the allocation's outcome\n"
	"  w, x, i     ... the worker, a second one, interrupts\n"
	"  Enter       the default            t  the table so far\n"
	"  b           go back one choice     q  end\n";

static void show(const struct step *at)
{
	int i;

	print_progress(stdout, result, 6);
	if (at->fault) {
		printf("  %c allocates%s: ok or fail?\n", cur ? cur->letter :
		       '?', opts.late ? ", or looks for a late write" : "");
		return;
	}
	for (i = 0; i < at->n; i++) {
		const struct task *t = &tasks[(int)at->who[i]];

		printf("  %c%s %s %s, in %s\n", t->letter, i ? ":" : "*",
		       t->op, t->op_name ? t->op_name : "",
		       place_name(t->arg_pc));
	}
	for (i = 1; i < NR_TASKS; i++) {
		const struct task *t = &tasks[i];

		if (t->alive && !memchr(at->who, i, at->n) &&
		    strcmp(t->op, "idle"))
			printf("  %c waits in %s for %s\n", t->letter, t->op,
			       t->op_name ? t->op_name : "something");
		if (t->alive && t->nheld)
			printf("  %c holds %s\n", t->letter,
			       class_name(t->held[t->nheld - 1].class));
	}
}

/* Which choice a line of input means; -1: none. */
static int meant(const char *line, const struct step *at)
{
	int i;

	if (!*line)
		return 0;
	for (i = 0; i < at->n; i++)
		if (at->fault ? !strcmp(line, i ? "fail" : "ok") :
		    line[0] == tasks[(int)at->who[i]].letter && !line[1])
			return i;
	return -1;
}

void step_by_step(void)
{
	char line[80], string[48];
	struct step at;
	int i;

	printf("%s: %s\n%s", running->name, running->shows, help);
	while (step_run(&at)) {
		show(&at);
ask:
		printf("> ");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			strcpy(line, "q");
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "q"))
			break;
		if (!strcmp(line, "t")) {
			print_progress(stdout, result, MAX_ROWS);
			goto ask;
		}
		if (!strcmp(line, "b")) {
			step_back();
			continue;
		}
		i = meant(line, &at);
		if (i < 0) {
			printf("%s", help);
			goto ask;
		}
		step_take(i);
	}
	step_string(string);
	snprintf(result->replay, sizeof(result->replay), "%.40s", string);
	strcpy(result->claim_text, "one schedule, by hand");
}
