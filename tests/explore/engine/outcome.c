// SPDX-License-Identifier: GPL-2.0-only
/*
 * How executions end: in which state, and what the tasks saw and said by
 * u_saw(): one line for an execution, as a kernel's runner writes it
 * (booted/runner.c).
 */
#include <stdlib.h>
#include <string.h>
#include "engine/search.h"
#include "scenario.h"

#define MOST_SEEN	48

/* By task; whatever is not one of the scenario's comes last. */
static struct {
	int n;
	long value[MOST_SEEN];
} seen[MAX_TASKS + 1];
static bool any_seen;

void outcome_reset(void)
{
	if (any_seen)
		memset(seen, 0, sizeof(seen));
	any_seen = false;
}

void u_saw(long value)
{
	int i = cur->id > MAIN_TASK && cur->id <= MAX_TASKS ? cur->id - 1 :
		MAX_TASKS;

	if (seen[i].n == MOST_SEEN)
		die("a task has seen too much");
	any_seen = true;
	seen[i].value[seen[i].n++] = value;
	if (recording)
		note("saw", NULL, HERE);
	watch("%ld", value);
}

static unsigned int outcome_hash(void)
{
	unsigned int h = 0;
	int i, j;

	for (i = 0; i <= MAX_TASKS && any_seen; i++)
		for (j = 0; j < seen[i].n; j++)
			h = (h ^ seen[i].value[j] ^ i << 24) * 16777619 + 1;
	return h;
}

/* HASH is that of memory. */
void note_state(unsigned int hash)
{
	int low = 0, high = result->nstates, i;

	hash ^= outcome_hash();
	while (low < high) {
		i = (low + high) / 2;
		if (result->state[i] == hash)
			return;
		if (result->state[i] < hash)
			low = i + 1;
		else
			high = i;
	}
	result->state = realloc(result->state, (result->nstates + 1) *
				sizeof(*result->state));
	memmove(&result->state[low + 1], &result->state[low],
		(result->nstates++ - low) * sizeof(*result->state));
	result->state[low] = hash;
}

static void add_outcome(const char *text)
{
	int low = 0, high = result->noutcomes;

	while (low < high) {
		int i = (low + high) / 2, d = strcmp(result->outcome[i], text);

		if (!d)
			return;
		if (d < 0)
			low = i + 1;
		else
			high = i;
	}
	result->outcome = realloc(result->outcome, (result->noutcomes + 1) *
				  sizeof(*result->outcome));
	memmove(result->outcome[low + 1], result->outcome[low],
		(result->noutcomes++ - low) * sizeof(*result->outcome));
	strcpy(result->outcome[low], text);
}

/* Of the execution that has just ended. */
void note_outcome(void)
{
	char text[MAX_OUTCOME];
	int i, j, n = 0;

	text[0] = 0;
	if (found.class[0]) {
		snprintf(text, sizeof(text), "! %s", !strcmp(found.class,
			 "assertion") ? found.object : found.class);
		add_outcome(text);
		return;
	}
	for (i = 0; i <= MAX_TASKS; i++) {
		if (seen[i].n)
			n += snprintf(text + n, sizeof(text) - n, "%s%c",
				      n ? " " : "", "ABCD-"[i]);
		for (j = 0; j < seen[i].n && n < (int)sizeof(text); j++)
			n += snprintf(text + n, sizeof(text) - n, "%c%ld",
				      j ? ',' : ':', seen[i].value[j]);
	}
	add_outcome(text);
}

void print_outcomes(FILE *f, const struct result *r)
{
	int i;

	for (i = 0; i < r->noutcomes; i++)
		fprintf(f, "outcome: %s\n", r->outcome[i]);
}

void free_result(struct result *r)
{
	free(r->rows);
	free(r->state);
	free(r->outcome);
	free(r);
}
