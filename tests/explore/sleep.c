// SPDX-License-Identifier: GPL-2.0-only
/* Completions, wait queues, and what is called after a grace period. */
#include <linux/completion.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>
#undef min
#undef max
#include <string.h>
#include "runtime.h"

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

/* Completions. */

void shim_complete(struct completion *c, bool all, const char *name)
{
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

void shim_wait_for_completion(struct completion *c, const char *name)
{
	unsigned long pc = HERE;

	may_sleep("wait_for_completion", pc);
	check_access((uintptr_t)c, sizeof(*c), true, pc);
	visible("wait_for_completion", plain(name), pc, is_complete, c);
	use(c, sizeof(*c), T_WRITE, pc);
	acquire(c);
	if (c->done != -1u / 2)
		c->done--;
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

void shim_wake_up(struct wait_queue_head *q, const char *name)
{
	visible("wake_up", plain(name), HERE, NULL, NULL);
	use(q, sizeof(*q), T_WRITE, HERE);
	fence(true, true);
	release(q);
	q->woken++;
}
