// SPDX-License-Identifier: GPL-2.0-only
/*
 * Orders at random: PCT (Burckhardt et al., ASPLOS 2010). Its seed is fixed,
 * so that a search finds tomorrow what it finds today.
 */
#include "engine/search.h"

static uint64_t dice;
static int priority[NR_TASKS], change[SAMPLE_DEPTH - 1];

static unsigned int roll(unsigned int n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 20) % n;
}

void sample_begin(void)
{
	dice = 88172645463325252ULL;
}

void sample_shuffle(int events)
{
	int i, j, t;

	for (i = 0; i < NR_TASKS; i++)
		priority[i] = i + SAMPLE_DEPTH;
	for (i = NR_TASKS; i-- > 1;) {
		j = roll(i + 1);
		t = priority[i];
		priority[i] = priority[j];
		priority[j] = t;
	}
	for (i = 0; i < SAMPLE_DEPTH - 1; i++)
		change[i] = roll(events + 1);
}

int sample(int n, const char *who, int point)
{
	int i, best = 0;

	for (i = 0; i < SAMPLE_DEPTH - 1; i++)
		if (nevents == change[i] && cur->alive)
			priority[cur->id] = i;
	for (i = 1; i < n; i++)
		if (priority[(int)who[i]] > priority[(int)who[best]])
			best = i;
	if (best && n > 1) {
		schedule[nschedule].point = point;
		schedule[nschedule++].task = tasks[(int)who[best]].letter;
	}
	return best;
}

bool sample_fault(void)
{
	return !roll(8);
}

/* That a bug which SAMPLE_DEPTH ordered events make has been met. */
double sample_chance(int events, long runs)
{
	double p = 1, miss = 1;
	int i;

	for (i = 0; i < MAX_TASKS; i++)
		p += !!running->task[i];
	p -= 1;
	for (i = 1; i < SAMPLE_DEPTH; i++)
		p *= events;
	while (runs--)
		miss *= 1 - 1 / p;
	return 1 - miss;
}
