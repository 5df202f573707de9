// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that wait for absent pages, and are woken. */
#include <guest/os.h>
#include "async_pf.h"

struct sleeper {
	struct sleeper *next;
	unsigned int token;
	struct task *task;	/* NULL: news that came before its task */
	bool woken;
};

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

void async_pf_task_wait(unsigned int token)
{
	struct sleeper me = { .token = token, .task = this_task() };
	struct sleeper *mark = take_off(find(token, true));

	if (mark) {
		give_memory(mark);
		return;
	}
	put_on(&me);
	while (!READ_ONCE(me.woken)) {
		if (may_block())
			block();
		else
			halt();
	}
}

static void wake(struct sleeper *s)
{
	struct task *task = s->task;

	WRITE_ONCE(s->woken, true);
	wake_task(task);
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

void async_pf_task_wake(unsigned int token)
{
	struct sleeper *s;

	if (token == ALL_TOKENS) {
		wake_all();
		return;
	}
	s = take_off(find(token, false));
	if (s)
		wake(s);
	else
		leave_mark(token);
}
