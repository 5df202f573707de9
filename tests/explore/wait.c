// SPDX-License-Identifier: GPL-2.0-only
/* Grace periods, work, other CPUs: waiting for what others do. */
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>
#undef min
#undef max
#include <string.h>
#include "runtime.h"

static struct srcu_struct rcu;
static struct work_struct *first_work, **last_work;
static struct work_struct *running_work;

void wait_reset(void)
{
	memset(&rcu, 0, sizeof(rcu));
	first_work = running_work = NULL;
	last_work = &first_work;
}

static void at(const void *p, size_t size, const char *op, const char *name,
	       unsigned long pc)
{
	visible(op, *name == '&' ? name + 1 : name, pc, NULL, NULL);
	check_access((uintptr_t)p, size, true, pc);
}

/* SRCU: readers count themselves under one of two indices. */

int init_srcu_struct(struct srcu_struct *s)
{
	check_access((uintptr_t)s, sizeof(*s), true, HERE);
	memset(s, 0, sizeof(*s));
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
	check_access((uintptr_t)s, sizeof(*s), true, HERE);
	if (s->readers[0] || s->readers[1])
		fail("warning", "srcu", HERE, NULL, NULL,
		     "cleanup_srcu_struct with readers");
}

int shim_srcu_read_lock(struct srcu_struct *s, const char *name)
{
	at(s, sizeof(*s), "srcu_read_lock", name, HERE);
	s->readers[s->index]++;
	return s->index;
}

void shim_srcu_read_unlock(struct srcu_struct *s, int i, const char *name)
{
	at(s, sizeof(*s), "srcu_read_unlock", name, HERE);
	if (--s->readers[i & 1] < 0)
		fail("warning", name, HERE, NULL, NULL,
		     "srcu_read_unlock without a lock");
}

struct grace {
	struct srcu_struct *s;
	int index;
};

static bool no_readers(void *arg)
{
	struct grace *g = arg;

	return is_gone(g->s) || !g->s->readers[g->index];
}

void shim_synchronize_srcu(struct srcu_struct *s, const char *name)
{
	struct grace g = { .s = s };
	unsigned long pc = HERE;

	if (*name == '&')
		name++;
	may_sleep("synchronize_srcu", pc);
	check_access((uintptr_t)s, sizeof(*s), true, pc);
	/* Those of another grace period that is under way, then our own. */
	g.index = !s->index;
	visible("synchronize_srcu", name, pc, no_readers, &g);
	check_access((uintptr_t)s, sizeof(*s), true, pc);
	g.index = s->index;
	s->index = !s->index;
	wait_for("synchronize_srcu", name, pc, no_readers, &g);
	check_access((uintptr_t)s, sizeof(*s), true, pc);
}

void rcu_read_lock(void)
{
	visible("rcu_read_lock", NULL, HERE, NULL, NULL);
	rcu.readers[rcu.index]++;
	cur->atomic++;
	cur->rcu_index = rcu.index;
}

void rcu_read_unlock(void)
{
	visible("rcu_read_unlock", NULL, HERE, NULL, NULL);
	rcu.readers[cur->rcu_index]--;
	cur->atomic--;
}

void synchronize_rcu(void)
{
	struct grace g = { .s = &rcu };

	may_sleep("synchronize_rcu", HERE);
	g.index = !rcu.index;
	visible("synchronize_rcu", "rcu", HERE, no_readers, &g);
	g.index = rcu.index;
	rcu.index = !rcu.index;
	wait_for("synchronize_rcu", "rcu", HERE, no_readers, &g);
}

/* Work: one worker runs it all. */

struct workqueue_struct *system_wq, *system_unbound_wq;

bool shim_queue_work(struct work_struct *w, const char *name)
{
	at(w, sizeof(*w), "queue_work", name, HERE);
	if (w->pending)
		return false;
	w->pending = true;
	w->next = NULL;
	*last_work = w;
	last_work = &w->next;
	return true;
}

static bool work_done(void *arg)
{
	struct work_struct *w = arg;

	return running_work != w && (is_gone(w) || !w->pending);
}

bool shim_flush_work(struct work_struct *w, const char *name, bool cancel)
{
	const char *op = cancel ? "cancel_work_sync" : "flush_work";
	unsigned long pc = HERE;
	bool was;

	if (*name == '&')
		name++;
	may_sleep(op, pc);
	visible(op, name, pc, NULL, NULL);
	check_access((uintptr_t)w, sizeof(*w), true, pc);
	was = w->pending;
	if (cancel && was) {
		struct work_struct **p = &first_work;

		while (*p != w)
			p = &(*p)->next;
		*p = w->next;
		if (!*p)
			last_work = p;
		w->pending = false;
	}
	wait_for(op, name, pc, work_done, w);
	return was;
}

static bool have_work(void *unused)
{
	(void)unused;
	return first_work;
}

bool workers_idle(void *unused)
{
	(void)unused;
	return !first_work && !running_work;
}

void run_worker(void)
{
	struct work_struct *w;

	for (;;) {
		wait_for("idle", "work", 0, have_work, NULL);
		w = first_work;
		check_access((uintptr_t)w, sizeof(*w), true, HERE);
		first_work = w->next;
		if (!first_work)
			last_work = &first_work;
		w->pending = false;
		running_work = w;
		note("work", NULL, (unsigned long)w->func + 1);
		w->func(w);
		wait_for("work done", "work", 0, NULL, NULL);
		run_task_works();
		check_user_return((unsigned long)w->func + 1);
		running_work = NULL;
	}
}

/* Other CPUs. Each task has one; an interrupt waits until it is let in. */

int shim_cpu(void)
{
	return cur->cpu;
}

static bool irqs_on(void *arg)
{
	struct task *t = arg;

	return !t->alive || !t->irqs_off;
}

int smp_call_function_single(int cpu, smp_call_func_t fn, void *info, int wait)
{
	if (cpu < 0 || cpu >= NR_TASKS)
		fail("warning", "cpu", HERE, NULL, NULL, "no CPU %d", cpu);
	if (wait && cpu != cur->cpu)
		visible("ipi", NULL, HERE, irqs_on, &tasks[cpu]);
	fn(info);
	return 0;
}
