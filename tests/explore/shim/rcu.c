// SPDX-License-Identifier: GPL-2.0-only
/* Grace periods, other CPUs: waiting for what others do. */
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

static struct srcu_struct rcu;

static struct rcu_head *callbacks;	/* oldest first */
static struct srcu_struct *called;	/* whose callback runs */

void wait_reset(void)
{
	memset(&rcu, 0, sizeof(rcu));
	sleep_reset();
	callbacks = NULL;
	called = NULL;
}

/*
 * A grace period waits for those who are reading when it begins, until each
 * has left the section that it was in. RCU is an SRCU that may not sleep.
 */

int shim_init_srcu(struct srcu_struct *s, const char *name, const void *key)
{
	use(s, sizeof(*s), T_WRITE, HERE);
	if (may_fail("init_srcu_struct", HERE))
		return -ENOMEM;
	memset(s, 0, sizeof(*s));
	s->memory = arena_alloc(8, 8, "srcu_struct", HERE);
	s->name = name;
	s->key = key;
	return 0;
}

static bool all_called(void *of);

void cleanup_srcu_struct(struct srcu_struct *s)
{
	int i;

	use(s, sizeof(*s), T_WRITE, HERE);
	touch(&callbacks, T_READ);
	if (!all_called(s))
		fail("warning", "srcu", HERE, NULL, NULL,
		     "cleanup_srcu_struct with callbacks to come");
	for (i = 0; i < NR_TASKS; i++) {
		touch(&s->inside[i], T_READ);
		if (s->inside[i])
			fail("warning", "srcu", HERE, NULL, NULL,
			     "cleanup_srcu_struct with readers");
	}
	arena_free(s->memory, HERE);
}

static int srcu_class(const struct srcu_struct *s)
{
	return pseudo_class(s->key ? s->key : s, s->name ? s->name : "srcu");
}

static void inside(struct srcu_struct *s, enum mode mode, unsigned long pc)
{
	if (s == &rcu)
		touch(&s->inside[cur->id], mode);
	else
		use(&s->inside[cur->id], 1, mode, pc);
}

static void enter(struct srcu_struct *s, const char *op, const char *name,
		  unsigned long pc)
{
	visible(op, name, pc, NULL, NULL);
	inside(s, T_WRITE, pc);
	acquire(s);
	s->inside[cur->id]++;
	if (s != &rcu)
		hold_pseudo(&s->inside[cur->id], srcu_class(s), pc);
}

static void leave(struct srcu_struct *s, const char *op, const char *name,
		  unsigned long pc)
{
	visible(op, name, pc, NULL, NULL);
	inside(s, T_RELEASE, pc);
	release(&s->inside[cur->id]);
	if (!s->inside[cur->id])
		fail("warning", name, pc, NULL, NULL, "%s without a lock", op);
	if (!--s->inside[cur->id])
		s->left[cur->id]++;
	drop_pseudo(&s->inside[cur->id]);
}

struct grace {
	struct srcu_struct *s;
	struct srcu_struct then;
};

static bool have_left(void *arg)
{
	struct grace *g = arg;
	int i;

	if (is_gone(g->s))
		return true;
	for (i = 0; i < NR_TASKS; i++)
		if (g->then.inside[i] && g->s->inside[i] &&
		    g->then.left[i] == g->s->left[i])
			return false;
	return true;
}

static void synchronize(struct srcu_struct *s, const char *op,
			const char *name, unsigned long pc)
{
	struct grace g = { .s = s };
	int i;

	may_sleep(op, pc);
	wait_order(srcu_class(s), op, pc);
	visible(op, name, pc, NULL, NULL);
	use(s, sizeof(*s), T_READ, pc);
	release(s);
	for (i = 0; i < NR_TASKS; i++)
		touch(&s->inside[i], T_READ);
	g.then = *s;
	wait_for(op, name, pc, have_left, &g);
	use(s, sizeof(*s), T_READ, pc);
	for (i = 0; i < NR_TASKS; i++) {
		touch(&s->inside[i], T_WAIT);
		acquire(&s->inside[i]);
	}
	release(s);
}

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

int shim_srcu_read_lock(struct srcu_struct *s, const char *name)
{
	enter(s, "srcu_read_lock", plain(name), HERE);
	return 0;
}

void shim_srcu_read_unlock(struct srcu_struct *s, int i, const char *name)
{
	(void)i;
	leave(s, "srcu_read_unlock", plain(name), HERE);
}

void shim_synchronize_srcu(struct srcu_struct *s, const char *name)
{
	synchronize(s, "synchronize_srcu", plain(name), HERE);
}

void rcu_read_lock(void)
{
	enter(&rcu, "rcu_read_lock", "rcu", HERE);
	cur->atomic++;
}

void rcu_read_unlock(void)
{
	leave(&rcu, "rcu_read_unlock", "rcu", HERE);
	cur->atomic--;
}

void synchronize_rcu(void)
{
	synchronize(&rcu, "synchronize_rcu", "rcu", HERE);
}

/* What is called when those who read now have left, as an interrupt. */

static void call_later(struct srcu_struct *s, struct rcu_head *head,
		       void (*fn)(struct rcu_head *head), const char *op,
		       unsigned long pc)
{
	struct rcu_head **p = &callbacks;
	int i;

	visible(op, NULL, pc, NULL, NULL);
	use(head, sizeof(*head), T_WRITE, pc);
	touch(&callbacks, T_WRITE);
	for (i = 0; i < NR_TASKS; i++)
		touch(&s->inside[i], T_READ);
	race_start();
	release(head);
	while (*p)
		p = &(*p)->next;
	*p = head;
	head->next = NULL;
	head->func = fn;
	head->of = s;
	head->then = *s;
	need_irqs();
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	call_later(&rcu, head, fn, "call_rcu", HERE);
}

/* The first whose readers have left. */
static struct rcu_head **next_callback(void)
{
	struct rcu_head **p;

	for (p = &callbacks; *p; p = &(*p)->next) {
		struct grace g = { .s = (*p)->of, .then = (*p)->then };

		if (have_left(&g))
			break;
	}
	return p;
}

bool have_callback(void)
{
	return *next_callback();
}

void run_callback(void)
{
	struct rcu_head **p = next_callback(), *head = *p;
	int i;

	touch(&callbacks, T_WRITE);
	use(head, sizeof(*head), T_WRITE, HERE);
	acquire(head);
	for (i = 0; i < NR_TASKS; i++) {
		touch(&head->of->inside[i], T_WAIT);
		acquire(&head->of->inside[i]);
	}
	*p = head->next;
	called = head->of;
	cur->atomic++;
	note("rcu callback", NULL, (unsigned long)head->func + 1);
	check_work_text(head->func, head->of, NULL);
	head->func(head);
	cur->atomic--;
	wait_for("callback done", "rcu", 0, NULL, NULL);
	touch(&callbacks, T_WRITE);
	release(&callbacks);
	called = NULL;
}

bool no_callbacks(void)
{
	return !callbacks && !called;
}

static bool all_called(void *of)
{
	struct rcu_head *head = callbacks;

	while (head && head->of != of)
		head = head->next;
	return !head && called != of;
}

static void barrier_of(struct srcu_struct *s, const char *op, unsigned long pc)
{
	may_sleep(op, pc);
	visible(op, NULL, pc, all_called, s);
	touch(&callbacks, T_WRITE);
	acquire(&callbacks);
}

void rcu_barrier(void)
{
	module_waits(&rcu);
	barrier_of(&rcu, "rcu_barrier", HERE);
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

/* An interrupt with nothing to do. It counts where a halt could miss it. */
static void interrupt(struct task *t)
{
	touch(&t->interrupted, T_RELEASE);
	if (t->in_halt || t->irqs_off)
		t->interrupted = true;
}

static bool was_interrupted(void *arg)
{
	struct task *t = arg;

	return t->interrupted;
}

void safe_halt(void)
{
	visible("halt", NULL, HERE, NULL, NULL);
	touch(&cur->irqs_off, T_RELEASE);
	acquire(&cur->cpu);
	release(&cur->irqs_off);
	cur->irqs_off--;
	cur->in_halt = true;
	wait_for("halted", "interrupt", HERE, was_interrupted, cur);
	touch(&cur->interrupted, T_WAIT);
	cur->in_halt = cur->interrupted = false;
}

void smp_send_reschedule(int cpu)
{
	visible("reschedule", NULL, HERE, NULL, NULL);
	interrupt(&tasks[cpu]);
}

int smp_call_function_single(int cpu, smp_call_func_t fn, void *info, int wait)
{
	if (cpu < 0 || cpu >= NR_TASKS)
		fail("warning", "cpu", HERE, NULL, NULL, "no CPU %d", cpu);
	if (wait && cpu != cur->cpu) {
		visible("ipi", NULL, HERE, irqs_on, &tasks[cpu]);
		touch(&tasks[cpu].irqs_off, T_WAIT);
		acquire(&tasks[cpu].irqs_off);
		release(&tasks[cpu].cpu);
		interrupt(&tasks[cpu]);
	}
	fn(info);
	return 0;
}

void smp_call_function_many(const struct cpumask *mask, smp_call_func_t fn,
			    void *info, bool wait)
{
	int cpu;

	if (!cur->atomic)
		fail("warning", "cpu", HERE, NULL, NULL,
		     "smp_call_function_many with preemption on");
	for (cpu = 0; cpu < NR_TASKS; cpu++)
		if (cpumask_test_cpu(cpu, mask) && cpu != cur->cpu)
			smp_call_function_single(cpu, fn, info, wait);
}
