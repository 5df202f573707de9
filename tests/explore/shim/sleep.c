// SPDX-License-Identifier: GPL-2.0-only
/* Completions, wait queues, and what is called after a grace period. */
#include <linux/completion.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

/* Completions. */

static int completion_class(const struct completion *c, const char *name)
{
	return pseudo_class(c->key ? c->key : c, name);
}

void shim_complete(struct completion *c, bool all, const char *name)
{
	check_access((uintptr_t)c, sizeof(*c), true, HERE);
	completes(c, completion_class(c, name), HERE);
	visible(all ? "complete_all" : "complete", plain(name), HERE, NULL,
		NULL);
	use(c, sizeof(*c), T_WRITE, HERE);
	release(c);
	if (all)
		c->done = -1u / 2;
	else
		c->done++;
}

static bool is_complete(void *arg)
{
	return is_gone(arg) || ((struct completion *)arg)->done;
}

static void take_one(struct completion *c, unsigned long pc)
{
	use(c, sizeof(*c), T_WRITE, pc);
	acquire(c);
	if (c->done != -1u / 2 && !--c->done)
		begin_anew(c);
}

void shim_begin_anew(const struct completion *c)
{
	begin_anew(c);
}

void shim_wait_for_completion(struct completion *c, const char *name)
{
	unsigned long pc = HERE;

	may_sleep("wait_for_completion", pc);
	check_access((uintptr_t)c, sizeof(*c), true, pc);
	wait_order(completion_class(c, name), "wait_for_completion", pc);
	cur->waits_for = c;
	cur->waits_since = operations;
	visible("wait_for_completion", plain(name), pc, is_complete, c);
	cur->waits_for = NULL;
	take_one(c, pc);
}

/* Its time is over whenever the scheduler says so. */
unsigned long shim_wait_timeout(struct completion *c, unsigned long timeout,
				const char *name)
{
	unsigned long pc = HERE;

	may_sleep("wait_for_completion_timeout", pc);
	cur->timed = true;
	visible("wait_for_completion_timeout", plain(name), pc, NULL, NULL);
	cur->timed = false;
	if (!c->done) {
		use(c, sizeof(*c), T_READ, pc);
		watch("time is over");
		return 0;
	}
	take_one(c, pc);
	return timeout ? timeout : 1;
}

bool shim_try_wait(struct completion *c, const char *name)
{
	visible("try_wait_for_completion", plain(name), HERE, NULL, NULL);
	if (!c->done) {
		use(c, sizeof(*c), T_READ, HERE);
		return false;
	}
	take_one(c, HERE);
	return true;
}

/* Wait queues: a task is on one from prepare_to_wait() to finish_wait(). */

static struct {
	struct wait_queue_head *queue;
	unsigned int then;
} waiting[NR_TASKS];

void sleep_reset(void)
{
	memset(waiting, 0, sizeof(waiting));
}

void shim_prepare_to_wait(struct wait_queue_head *q, const char *name)
{
	visible("prepare_to_wait", plain(name), HERE, NULL, NULL);
	use(q, sizeof(*q), T_READ, HERE);
	fence(true, true);
	waiting[cur->id].queue = q;
	waiting[cur->id].then = q->woken;
}

void finish_wait_(void)
{
	waiting[cur->id].queue = NULL;
}

static bool is_woken(void *arg)
{
	struct task *t = arg;
	struct wait_queue_head *q = waiting[t->id].queue;

	return is_gone(q) || q->woken != waiting[t->id].then;
}

void shim_schedule(void)
{
	struct wait_queue_head *q = waiting[cur->id].queue;
	unsigned long pc = HERE;

	may_sleep("schedule", pc);
	if (!q) {
		go_round(pc);
		return;
	}
	visible("schedule", "wait queue", pc, is_woken, cur);
	use(q, sizeof(*q), T_READ, pc);
	acquire(q);
}

/* ... or for a time, which is over when the scheduler says so. */
bool shim_schedule_timeout(void)
{
	struct wait_queue_head *q = waiting[cur->id].queue;
	unsigned long pc = HERE;

	may_sleep("schedule_timeout", pc);
	cur->timed = true;
	visible("schedule_timeout", "wait queue", pc, NULL, NULL);
	cur->timed = false;
	if (!q)
		return false;
	use(q, sizeof(*q), T_READ, pc);
	if (!is_woken(cur))
		return false;
	acquire(q);
	return true;
}

void shim_wake_up(struct wait_queue_head *q, const char *name)
{
	visible("wake_up", plain(name), HERE, NULL, NULL);
	use(q, sizeof(*q), T_WRITE, HERE);
	fence(true, true);
	release(q);
	q->woken++;
}
