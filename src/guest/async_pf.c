// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that wait for absent pages, and are woken. */
#include <guest/os.h>
#include "async_pf.h"

struct sleeper {
	struct sleeper *next;
	unsigned int token;
	struct task *task;	/* NULL: news that came before its task */
	bool halts;		/* and keeps its processor */
	unsigned int cpu;	/* which that is */
	bool woken;
};

static struct spinlock lock;
static struct sleeper *sleepers;

/* Returns: what leads to it, or to the NULL at the list's end. */
static struct sleeper **find(unsigned int token, bool mark)
{
	struct sleeper **at = &sleepers;

	while (*at && ((*at)->token != token || !(*at)->task != mark))
		at = &(*at)->next;
	return at;
}

static struct sleeper *take_off(struct sleeper **at)
{
	struct sleeper *s = *at;

	if (s)
		*at = s->next;
	return s;
}

static void put_on(struct sleeper *s)
{
	s->next = sleepers;
	sleepers = s;
}

const bool async_pf_always = true;

/* Returns: whether it did; if not, the news came first. */
static bool lie_down(struct sleeper *me)
{
	struct sleeper *mark;

	spin_lock(&lock);
	mark = take_off(find(me->token, true));
	if (!mark)
		put_on(me);
	spin_unlock(&lock);
	if (mark)
		give_memory(mark);
	return !mark;
}

/* Returns: whether not. It is blocked then, or known by its processor. */
static bool asleep(struct sleeper *me)
{
	bool asleep;

	spin_lock(&lock);
	asleep = !me->woken;
	if (asleep && me->halts) {
		me->cpu = this_cpu();
	} else if (asleep) {
		set_blocked();
	}
	spin_unlock(&lock);
	return asleep;
}

static void wait_schedule(struct sleeper *me)
{
	while (asleep(me))
		schedule();
}

static void wait_halt(struct sleeper *me)
{
	while (asleep(me))
		halt();
}

/**
 * async_pf_task_wait() - wait until an absent page has come
 * @token: by which the host will speak of it
 *
 * Context: a page fault's handler; interrupts are off.
 */
void async_pf_task_wait(unsigned int token)
{
	struct sleeper me = {
		.token = token,
		.task = this_task(),
		.cpu = this_cpu(),
		.halts = !may_block(),
	};

	if (!lie_down(&me))
		return;
	if (me.halts)
		wait_halt(&me);
	else
		wait_schedule(&me);
}

static void wake(struct sleeper *s)
{
	WRITE_ONCE(s->woken, true);
	if (s->halts)
		kick_cpu(s->cpu);
	else
		wake_task(s->task);
}

static void wake_all(void)
{
	struct sleeper **at = &sleepers;

	while (*at) {
		if ((*at)->task)
			wake(take_off(at));
		else
			at = &(*at)->next;
	}
}

static void leave_mark(unsigned int token)
{
	struct sleeper *mark = take_memory(sizeof(*mark));

	*mark = (struct sleeper){ .token = token };
	put_on(mark);
}

/**
 * async_pf_task_wake() - a page has come
 * @token: which; ALL_TOKENS, whichever
 *
 * Context: the interrupt's handler; interrupts are off.
 */
void async_pf_task_wake(unsigned int token)
{
	struct sleeper *s;

	spin_lock(&lock);
	if (token == ALL_TOKENS) {
		wake_all();
	} else {
		s = take_off(find(token, false));
		if (s)
			wake(s);
		else
			leave_mark(token);
	}
	spin_unlock(&lock);
}

/**
 * async_pf_waits() - who still waits for a page?
 * @n: the first who does is 0
 * @token: for which
 * @task: who
 *
 * Returns: false, so many do not wait.
 * Context: the end of everything: the list may be in the middle of a change.
 */
bool async_pf_waits(unsigned int n, unsigned int *token, struct task **task)
{
	struct sleeper *s;

	for (s = sleepers; s; s = s->next) {
		if (!s->task || n--)
			continue;
		*token = s->token;
		*task = s->task;
		return true;
	}
	return false;
}
