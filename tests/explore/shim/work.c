// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work: two workers run it, each item in the order of queueing, and no item
 * twice at the same time. The second one begins only while the first is busy:
 * with one item of work there is nothing to choose.
 */
#include <linux/workqueue.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

static struct workqueue_struct bound = { .name = "system_wq" };
static struct workqueue_struct unbound = { .name = "system_unbound_wq" };
struct workqueue_struct *system_wq = &bound, *system_unbound_wq = &unbound;

static struct work_struct *first_work, **last_work;
static struct work_struct *runs[NR_WORKERS];
static struct workqueue_struct *runs_for[NR_WORKERS];

static bool have_work(void *worker);
static void run_worker(void);

/* What kernel tasks let go of is released by a work item of the kernel's. */
static void release_delayed(struct work_struct *w)
{
	(void)w;
	delayed_fput();
}

static struct work_struct delayed_work = {
	.func = release_delayed, .name = "delayed_fput",
};

/* The kernel's own item is no memory of a module's. */
static void use_work(struct work_struct *w, int how, unsigned long pc)
{
	if (w == &delayed_work)
		touch(w, how);
	else
		use(w, sizeof(*w), how, pc);
}

void work_reset(void)
{
	first_work = NULL;
	last_work = &first_work;
	delayed_work.pending = delayed_work.listed = false;
	memset(runs, 0, sizeof(runs));
	memset(runs_for, 0, sizeof(runs_for));
}

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

static int work_class(const struct work_struct *w)
{
	return pseudo_class(w->func, w->name ? w->name : "work");
}

/* What a worker is at, if this task is one; else NULL. */
const void *work_of(const struct task *t)
{
	int i = t->id - WORKER_TASK;

	return i >= 0 && i < NR_WORKERS ? runs[i] : NULL;
}

const void *queue_of(const struct task *t)
{
	int i = t->id - WORKER_TASK;

	return i >= 0 && i < NR_WORKERS ? runs_for[i] : NULL;
}

static bool is_running(const struct work_struct *w)
{
	int i;

	for (i = 0; i < NR_WORKERS && runs[i] != w; i++)
		;
	return i < NR_WORKERS;
}

/*
 * As in the kernel, two steps: who marks it puts it on the list, and others may
 * look at it meanwhile.
 */
bool shim_queue_work(struct workqueue_struct *q, struct work_struct *w,
		     const char *name)
{
	visible("queue_work", plain(name), HERE, NULL, NULL);
	use_work(w, T_WRITE, HERE);
	race_start();
	release(w);
	if (w->pending)
		return false;
	w->pending = true;
	visible("list work", plain(name), HERE, NULL, NULL);
	use_work(w, T_WRITE, HERE);
	touch(&first_work, T_WRITE);
	release(w);
	w->listed = true;
	w->queue = q;
	w->next = NULL;
	*last_work = w;
	last_work = &w->next;
	need_task(WORKER_TASK, run_worker, have_work);
	need_task(WORKER_TASK + 1, run_worker, have_work);
	return true;
}

void queue_delayed_fput(void)
{
	shim_queue_work(system_wq, &delayed_work, "delayed_fput");
}

static void dequeue(struct work_struct *w)
{
	struct work_struct **p = &first_work;

	touch(&first_work, T_WRITE);
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (!*p)
		last_work = p;
	w->pending = false;
	w->listed = false;
}

static bool work_done(void *arg)
{
	struct work_struct *w = arg;

	return !is_running(w) && (is_gone(w) || !w->listed);
}

/* What is marked and not yet listed cannot be taken off the list. */
static bool may_grab(void *arg)
{
	struct work_struct *w = arg;

	return is_gone(w) || w->pending == w->listed;
}

/* Of flush_work(): whether it had to wait. Of the others: was it pending? */
bool shim_flush_work(struct work_struct *w, const char *name, int how)
{
	const char *op = how == WORK_FLUSH ? "flush_work" :
		how == WORK_CANCEL ? "cancel_work" : "cancel_work_sync";
	unsigned long pc = HERE;
	bool was;

	name = plain(name);
	if (how != WORK_CANCEL) {
		module_waits(w);
		may_sleep(op, pc);
		wait_order(work_class(w), op, pc);
	}
	visible(op, name, pc, how == WORK_FLUSH ? NULL : may_grab, w);
	if (!w->func)
		fail("warning", name, pc, NULL, NULL,
		     "%s of an item that was never made", op);
	use_work(w, how == WORK_FLUSH ? T_READ : T_WRITE, pc);
	was = w->listed || (how == WORK_FLUSH && is_running(w));
	if (how != WORK_FLUSH && was)
		dequeue(w);
	if (how == WORK_CANCEL)
		return was;
	wait_for(op, name, pc, work_done, w);
	touch(w, T_WAIT);
	acquire(w);
	return was;
}

static bool queue_empty(void *arg)
{
	struct workqueue_struct *q = arg;
	struct work_struct *w;
	int i;

	for (w = first_work; w; w = w->next)
		if (w->queue == q)
			return false;
	for (i = 0; i < NR_WORKERS; i++)
		if (runs_for[i] == q)
			return false;
	return true;
}

void shim_flush_workqueue(struct workqueue_struct *q, const char *name)
{
	unsigned long pc = HERE;

	module_waits(q);
	may_sleep("flush_workqueue", pc);
	visible("flush_workqueue", plain(name), pc, NULL, NULL);
	wait_for("flush_workqueue", plain(name), pc, queue_empty, q);
	touch(&first_work, T_WRITE);
	acquire(q);
}

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
					 int most, ...)
{
	struct workqueue_struct *q;

	(void)flags;
	if (may_fail("workqueue", HERE))
		return NULL;
	q = arena_alloc(sizeof(*q), 16, "workqueue", HERE);
	q->name = name;
	q->ordered = most == 1;
	return q;
}

void destroy_workqueue(struct workqueue_struct *q)
{
	shim_flush_workqueue(q, "workqueue");
	arena_free(q, HERE);
}

/* The first item that may begin: not one that is running still. */
static struct work_struct *next_work(void)
{
	struct work_struct *w;
	int i;

	for (w = first_work; w; w = w->next) {
		for (i = 0; i < NR_WORKERS; i++)
			if (runs[i] == w || (runs[i] && w->queue->ordered &&
					     runs_for[i] == w->queue))
				break;
		if (i == NR_WORKERS)
			return w;
	}
	return NULL;
}

static bool have_work(void *worker)
{
	return first_work && (!worker || runs[0]) && next_work();
}

bool workers_idle(void)
{
	int i;

	for (i = 0; i < NR_WORKERS; i++)
		if (runs[i])
			return false;
	return !first_work;
}

static void run_worker(void)
{
	long me = cur->id - WORKER_TASK;
	struct work_struct *w;
	unsigned long at;
	work_func_t fn;

	for (;;) {
		cur->kernel = true;
		w = next_work();
		use_work(w, T_RELEASE, HERE);
		acquire(w);
		dequeue(w);
		runs[me] = w;
		runs_for[me] = w->queue;
		hold_pseudo(w, work_class(w), HERE);
		note("work", NULL, (unsigned long)w->func + 1);
		fn = w->func;
		check_work_text(fn, w, runs_for[me]);
		fn(w);
		drop_pseudo(w);
		/* To return is to be in the module once more. So is a step. */
		at = strcmp(cur->op, "step") ? (unsigned long)fn + 1 : 0;
		wait_for("work done", "work", at, NULL, NULL);
		is_in_text(at);
		check_user_return((unsigned long)fn + 1);
		touch(w, T_RELEASE);
		touch(&first_work, T_WRITE);
		release(w);
		release(runs_for[me]);
		runs[me] = NULL;
		runs_for[me] = NULL;
		wait_for("idle", "work", 0, have_work, (void *)me);
	}
}
