// SPDX-License-Identifier: GPL-2.0-only
/*
 * A schedule is the list of what was not done by default. It is written as a
 * string, read again, and made as small as it gets.
 */
#include <stdlib.h>
#include <string.h>
#include "engine/search.h"

struct deviation schedule[MAX_DEVIATIONS];
int nschedule;
bool met[MAX_DEVIATIONS];

/* Of one kind, of one thing, in one place: whatever led to it. */
bool same_finding(const struct finding *a, const struct finding *b)
{
	return !strcmp(a->class, b->class) && !strcmp(a->object, b->object) &&
	       a->stack.pc[0] == b->stack.pc[0];
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
	out[i] = 0;
	return i;
}

/* Two digits over what happened, then the deviations. */
void write_schedule(char *out, unsigned int sum)
{
	int i, len = sprintf(out, "v1.%02x", (sum ^ sum >> 16) & 0xff);
	char at[16];

	for (i = 0; i < nschedule; i++) {
		int n = base36(at, schedule[i].point);

		if (len + n + 3 > LONGEST) {
			strcpy(out, "too long");
			return;
		}
		len += sprintf(out + len, ".%s>%c", at, schedule[i].task);
	}
}

unsigned int read_schedule(const char *s)
{
	unsigned int sum;
	int used = 0;
	char *end;

	nschedule = 0;
	if (sscanf(s, "v1.%2x%n", &sum, &used) != 1 || used != 5)
		die("a replay string looks like v1.5f.3>B, not %s", s);
	for (s += used; *s == '.'; s = end + 2) {
		if (nschedule == LONGEST)
			die("too many deviations");
		schedule[nschedule].point = strtol(s + 1, &end, 36);
		if (end == s + 1 || end[0] != '>' || !end[1])
			die("a replay string looks like v1.5f.3>B");
		schedule[nschedule++].task = end[1];
	}
	if (*s)
		die("a replay string looks like v1.5f.3>B");
	return sum;
}

/* What is to be done at this point, if not the default? */
char schedule_at(int point)
{
	int i;

	for (i = 0; i < nschedule; i++)
		if (schedule[i].point == point) {
			met[i] = true;
			return schedule[i].task;
		}
	return 0;
}

bool schedule_met(void)
{
	int i;

	for (i = 0; i < nschedule; i++)
		if (!met[i])
			return false;
	return true;
}

/* Deviations that were not met, or met to no end, are no part of it. */
static void drop(int i)
{
	memmove(&schedule[i], &schedule[i + 1],
		(--nschedule - i) * sizeof(*schedule));
}

/*
 * Leave out one deviation after another, as long as the same is found and
 * nothing gets dearer: preemptions first, then operations.
 */
void minimize(const struct finding *want, bool soft)
{
	struct deviation best[MAX_DEVIATIONS];
	int n, i, cost, least;

	least = schedule_cost(want, soft);
	if (least < 0)
		return;
	for (i = nschedule; i-- > 0;) {
		n = nschedule;
		memcpy(best, schedule, n * sizeof(*best));
		drop(i);
		cost = schedule_cost(want, soft);
		if (cost >= 0 && cost <= least) {
			least = cost;
			continue;
		}
		memcpy(schedule, best, n * sizeof(*best));
		nschedule = n;
	}
	/* Perhaps a task could have been stopped later, or not at all. */
	for (i = 0; i < nschedule; i++) {
		struct deviation was = schedule[i];

		for (n = 0; n < 8; n++) {
			schedule[i].point++;
			if (i + 1 < nschedule &&
			    schedule[i].point >= schedule[i + 1].point)
				break;
			cost = schedule_cost(want, soft);
			if (cost >= 0 && cost < least) {
				least = cost;
				was = schedule[i];
			}
		}
		schedule[i] = was;
	}
}
