/* SPDX-License-Identifier: GPL-2.0-only */
/* A schedule: what is not done by default. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "engine/runtime.h"

#define MAX_DEVIATIONS 4096

extern struct deviation schedule[MAX_DEVIATIONS];
extern int nschedule;
extern bool met[MAX_DEVIATIONS];

void write_schedule(char *out, unsigned int sum);
unsigned int read_schedule(const char *s);
char schedule_at(int point);
bool schedule_met(void);
void minimize(const struct finding *want, bool soft);

bool same_finding(const struct finding *a, const struct finding *b);

/* search.c: run it; what it costs if it finds the same, or -1. */
int schedule_cost(const struct finding *want, bool soft);

/* sampling.c */
#define SAMPLE_DEPTH	3	/* of the bugs that sampling is after */
void sample_begin(void);
void sample_shuffle(int events);
int sample(int n, const char *who, int point);
bool sample_fault(void);
double sample_chance(int events, long runs);

/* A choice that a person makes. */
struct step {
	int point, n;
	bool fault;
	char who[NR_TASKS];
};

bool step_run(struct step *at);
void step_take(int i);
bool step_back(void);
void step_string(char *out);
void step_by_step(void);	/* step.c */

#endif
