// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an execution was made of: visible operations, and what each of them
 * touched that others can touch.
 *
 * An operation that touches only what no other task ever touches commutes
 * with everything that others do. To stop a task right before it gains
 * nothing: the order in which it is stopped after it is equivalent and costs
 * no more. So the bounded search asks only where something shared is touched.
 * Which places those are is learnt: a place is shared once any execution has
 * shown it so, and a search in which the list grew is made again.
 */
#include <string.h>
#include "engine/search.h"

#define MAX_EVENTS	20100
#define MAX_TOUCHES	(1 << 17)
#define TABLE		(1 << 12)

struct event events[MAX_EVENTS];
struct touch touches[MAX_TOUCHES];
int nevents, ntouches;
bool shared_grown;

static struct { unsigned long key; } shared[TABLE];
static int nshared;

/* Memory that was freed although nothing orders that after its last use. */
static struct { uintptr_t start, end; } contested[8];
static int ncontested;

void contest(uintptr_t start, size_t size)
{
	touch((void *)start, T_WRITE);
	if (ncontested == 8)
		return;
	contested[ncontested].start = start;
	contested[ncontested++].end = start + size;
}

static bool is_contested(uintptr_t at)
{
	int i;

	for (i = 0; i < ncontested; i++)
		if (at >= contested[i].start && at < contested[i].end)
			return true;
	return false;
}

void events_reset(void)
{
	nevents = ntouches = ncontested = 0;
}

void begin_event(unsigned long pc, int node)
{
	struct event *e;

	if (nevents == MAX_EVENTS)
		die("too many events in one execution");
	e = &events[nevents++];
	e->pc = pc;
	e->node = node;
	e->task = cur->id;
	e->first = ntouches;
	e->n = 0;
}

/* The operation under way depends on AT, or changes it. */
void touch(const void *at, enum mode mode)
{
	struct event *e = &events[nevents - 1];
	struct touch *t;
	int i;

	if (!nevents || e->task != cur->id)
		return;
	for (i = e->first; i < ntouches; i++) {
		t = &touches[i];
		if (t->at != (uintptr_t)at)
			continue;
		if (t->mode == T_READ)
			t->mode = mode;
		else if (mode != T_READ && t->mode != mode)
			t->mode = T_WRITE;
		return;
	}
	if (ntouches == MAX_TOUCHES)
		die("too many touches in one execution");
	t = &touches[ntouches++];
	t->at = (uintptr_t)at;
	t->mode = mode;
	t->event = nevents - 1;
	e->n++;
}

static unsigned long key_of(int task, unsigned long pc)
{
	return 1UL << 63 | pc * 8 | task;
}

static unsigned int place(int task, unsigned long pc)
{
	unsigned long key = key_of(task, pc);
	unsigned int i = (key * 0x9e3779b97f4a7c15UL) >> 52;

	while (shared[i].key && shared[i].key != key)
		i = (i + 1) % TABLE;
	return i;
}

static void share(int task, unsigned long pc)
{
	unsigned int h = place(task, pc);

	if (shared[h].key)
		return;
	if (++nshared > TABLE / 2)
		die("too many places");
	shared[h].key = key_of(task, pc);
	shared_grown = true;
}

/*
 * Who could go on before the last operation, and cannot now, was stopped by it:
 * work that was cancelled. It will not come by to show that the two met.
 */
void note_ready(unsigned int ready)
{
	static unsigned int before;

	if (before & ~ready && nevents > 1 &&
	    before & ~ready & ~(1u << events[nevents - 1].task))
		share(events[nevents - 1].task, events[nevents - 1].pc);
	before = ready;
}

bool is_shared(int task, unsigned long pc)
{
	return shared[place(task, pc)].key;
}

void forget_shared(void)
{
	memset(shared, 0, sizeof(shared));
	nshared = 0;
}

/* When the tasks have ended main is alone, unless there is work to do. */
static int concurrent_touches(void)
{
	int i = nevents;

	while (i > 0 && events[i - 1].task == MAIN_TASK)
		i--;
	return i < nevents ? events[i].first : ntouches;
}

/* After an execution: which of its operations met on something? */
void learn_shared(void)
{
	static struct {
		uintptr_t at;
		unsigned int run;
		unsigned char readers, writers;
	} things[TABLE], *th;
	static unsigned short thing[MAX_TOUCHES];
	static unsigned int run;
	int i, end = concurrent_touches();

	run++;
	for (i = 0; i < end; i++) {
		struct touch *t = &touches[i];
		unsigned int h = t->at * 0x9e3779b97f4a7c15UL >> 52;

		while (things[h].run == run && things[h].at != t->at)
			h = (h + 1) % TABLE;
		th = &things[thing[i] = h];
		if (th->run != run) {
			th->run = run;
			th->at = t->at;
			th->readers = th->writers = 0;
		}
		th->readers |= 1 << events[t->event].task;
		if (t->mode != T_READ)
			th->writers |= 1 << events[t->event].task;
	}
	/* Somebody writes, and somebody else comes by. */
	for (i = 0; i < end; i++) {
		struct event *e = &events[touches[i].event];

		th = &things[thing[i]];
		if ((th->writers && th->readers & (th->readers - 1)) ||
		    is_contested(th->at))
			share(e->task, e->pc);
	}
}
