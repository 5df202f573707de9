/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The explorer as a library: run a scenario under every interleaving
 * with at most so many preemptions, and say what was found.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stdio.h>

#define MAX_TASKS	4	/* a scenario has A, B, C; the grid one more */
#define MAX_ROWS	4096
#define MAX_FRAMES	48
#define MAX_OUTCOME	512
#define MAX_LINKS	6
#define LONGEST		40	/* a replay string */

/* The claim that all orders were run; of writes, all tasks see the same one. */
#define COMPLETE	"complete, sequentially consistent"
/* ... or not: so many accesses miss a write that is late. */
#define COMPLETE_LATE	"complete, writes late %d times"

/* A scenario: scenario.h has the macro that declares one. */
struct scenario {
	const char *name;
	const char *shows;		/* one line for --list */
	bool bare;			/* loads no module: a litmus, */
	bool guest;			/* or a guest's tasks */
	bool apart;			/* a task a process; the first has the machine */
	int faults;			/* so many allocations may fail */
	void (*setup)(void);
	void (*task[MAX_TASKS])(void);
	void (*end)(void);		/* closes what is open, asserts */
};

struct stack {
	int depth;
	unsigned long pc[MAX_FRAMES];	/* innermost first */
};

/* One visible operation of the failing execution. */
struct row {
	char task;
	const char *op;
	char object[40];
	char state[40];			/* of a count or lock, afterwards */
	struct stack stack;
	bool failing;
};

struct finding {
	char class[24];			/* "none" when nothing was found */
	char object[64];
	char function[64];		/* filled in by name_finding() */
	char member[64];		/* ... and this: what lies there */
	unsigned long size, offset;	/* of the object, and in it */
	char text[256];
	struct stack stack;		/* where it was noticed */
	char other_title[96];
	struct stack other;		/* freed here, held since here, ... */
};

struct deviation {
	int point;
	char task;		/* its letter; '!': this one fails */
};

/* One step of a circle of locks: where it was seen, and how to see it again. */
struct link {
	char title[128];
	struct stack stack;
	bool elsewhere;			/* in another execution than the last */
	int n;
	struct deviation schedule[LONGEST];
	char replay[LONGEST + 1];
};

struct options {
	int bound;			/* search bounds first..bound */
	int first;
	long budget;			/* executions; 0: the default */
	int faults;			/* more than the scenario's own */
	int late;			/* so many reads may miss a write */
	int retries;			/* rounds of a loop that may give up */
	bool complete;			/* then without a bound, then sampled */
	bool unreduced;			/* every order, equivalent or not */
	bool states;			/* collect final states; go on */
	bool outcomes;			/* ... and what the tasks saw */
	bool step;			/* a person chooses */
	bool no_order;			/* leave the lock-order detector out */
	const char *replay;		/* run this one schedule */
};

struct result {
	struct finding found;
	const char *claim;		/* COMPLETE, "bound 2 exhausted" */
	char claim_text[96];
	int bound;			/* of the finding, or the last tried */
	long searches;			/* that these figures are the sum of */
	long executions;
	long most_points;		/* most choices met in one execution */
	long redundant;			/* begun, and seen to bring nothing new */
	long failures;			/* with states: that ended in a finding */
	int nstates;
	unsigned int *state;		/* final states, sorted */
	int noutcomes;
	char (*outcome)[MAX_OUTCOME];	/* what was seen, sorted */
	double seconds;
	char replay[LONGEST + 1];
	bool diverged;			/* the replay string does not fit */
	bool elsewhere;			/* needs what other runs have taught */
	int nlinks;
	struct link links[MAX_LINKS];
	int nrows;
	struct row *rows;
};

extern const struct scenario *const __start_twill_scenarios[];
extern const struct scenario *const __stop_twill_scenarios[];

const struct scenario *find_scenario(const char *name);
struct result *explore(const struct scenario *s, const struct options *o);
void free_result(struct result *r);

void print_table(FILE *f, const struct scenario *s, struct result *r);
void print_json(FILE *f, const struct scenario *s, struct result *r);
void print_outcomes(FILE *f, const struct result *r);
void name_finding(struct result *r);

#endif
