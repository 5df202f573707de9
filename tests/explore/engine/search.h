/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the engine know of one another. */
#ifndef SEARCH_H
#define SEARCH_H

#include "engine/engine.h"

/* scheduler.c */
extern unsigned int check;	/* over what happened, while recording */
void prepare_tasks(void);
void execute(void);

/* search.c */
int choose(int n, const char *who, bool free);
bool by_chance(void);
void choices_reset(void);

/* chance.c */
void chance_reset(void);

/* events.c: what an execution was made of */
struct touch {
	uintptr_t at;
	int event;
	int before;		/* the touch of the same thing before it */
	int *last;		/* dpor.c: where the last one is noted */
	unsigned char mode;
};

struct event {
	unsigned long pc;
	int node;
	int first, n;		/* its touches */
	unsigned char task;
};

extern struct event events[];
extern struct touch touches[];
extern int nevents, ntouches;
extern bool shared_grown;
void events_reset(void);
void begin_event(unsigned long pc, int node);

static inline bool dependent(enum mode a, enum mode b)
{
	return a != T_READ || b != T_READ;
}

bool is_shared(int task, unsigned long pc);
void learn_shared(void);
void forget_shared(void);
void note_ready(unsigned int ready);

/* dpor.c */
int dpor_choose(int n, const char *who);
int dpor_again(void);
int dpor_fault(void);
bool dpor_next(void);
void dpor_start(void);
void dpor_begin(void);
int dpor_node(void);
int dpor_points(void);
int dpor_schedule(struct deviation *d, int max);

/* schedule.c: what is not done by default */
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

/* outcome.c */
void outcome_reset(void);
void note_outcome(void);

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
void step_by_step(void);	/* report/step.c */

#endif
