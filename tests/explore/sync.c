// SPDX-License-Identifier: GPL-2.0-only
/* Locks, counts, marked accesses, SRCU and work: what tasks synchronize by. */
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/refcount.h>
#include <linux/srcu.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#undef min
#undef max
#include <stdlib.h>
#include <string.h>
#include "runtime.h"

#define MAX_CLASSES	64
#define SATURATED	(-0x40000000)

/*
 * The order of lock classes: edge[a] has bit b when some task took a lock of
 * class b while it held one of class a. It is kept over all executions of a
 * search.
 */
struct order {
	uint64_t edge[MAX_CLASSES];
	struct stack seen[MAX_CLASSES][MAX_CLASSES];
};

static struct order order, kept;
static struct { const void *key; int sub; char name[40]; } classes[MAX_CLASSES];
static int nclasses = 1;	/* 0: not known yet */

static struct srcu_struct rcu;
static struct work_struct *first_work, **last_work;
static struct work_struct *running_work;

void sync_reset(void)
{
	memset(&rcu, 0, sizeof(rcu));
	first_work = running_work = NULL;
	last_work = &first_work;
}

void order_reset(void)
{
	memset(order.edge, 0, sizeof(order.edge));
}

void order_keep(void)
{
	kept = order;
}

void order_restore(void)
{
	order = kept;
}

/* Sleeping. */

static void may_sleep(unsigned long pc, const char *what)
{
	const char *held = "preemption off";
	const struct stack *since = NULL;
	int i;

	if (!cur->atomic && !cur->irqs_off)
		return;
	for (i = 0; i < cur->nheld; i++)
		if (cur->held[i].spin) {
			held = lock_name(cur->held[i].lock);
			since = &cur->held[i].stack;
		}
	note(what, NULL, pc);
	fail("sleep-in-atomic", held, pc, since, "held since",
	     "%s may sleep, under %s", what, held);
}

void shim_might_sleep(void)
{
	may_sleep(HERE, "might_sleep");
}

void shim_cond_resched(void)
{
	may_sleep(HERE, "cond_resched");
	go_round(HERE);
}

void shim_cpu_relax(void)
{
	go_round(HERE);
}

void may_sleep_in(const char *what, unsigned long pc)
{
	may_sleep(pc, what);
}

void shim_preempt(int n)
{
	cur->atomic += n;
}

void shim_irqs(int n)
{
	/* The end of it is where a waiting interrupt comes in. */
	if (n < 0)
		visible("irqs on", NULL, HERE, NULL, NULL);
	cur->irqs_off += n;
}

/* Locks. */

static int class_of(const void *key, int sub, const char *name)
{
	int i;

	for (i = 1; i < nclasses; i++)
		if (classes[i].key == key && classes[i].sub == sub)
			return i;
	if (nclasses == MAX_CLASSES)
		die("too many lock classes");
	if (*name == '&')
		name++;
	classes[nclasses].key = key;
	classes[nclasses].sub = sub;
	snprintf(classes[nclasses].name, sizeof(classes[0].name),
		 sub ? "%s/%d" : "%s", name, sub);
	return nclasses++;
}

void shim_lock_init(struct shim_lock *l, const char *name, const void *key)
{
	check_access((uintptr_t)l, sizeof(*l), true, HERE);
	l->owner = 0;
	l->class = class_of(key, 0, name);
	l->name = classes[l->class].name;
}

const char *lock_name(const void *lock)
{
	const struct shim_lock *l = lock;

	return l->name ? l->name : "?";
}

int lock_owner(const void *lock)
{
	return ((const struct shim_lock *)lock)->owner - 1;
}

static bool gone(const void *p)
{
	struct object *o = arena_object((uintptr_t)p);

	return o && !o->live;
}

static bool lock_free(void *arg)
{
	return gone(arg) || !((struct shim_lock *)arg)->owner;
}

/* Is there a way from class a to class b? */
static bool leads_to(int a, int b, uint64_t *visited)
{
	int i;

	*visited |= 1ULL << a;
	if (order.edge[a] >> b & 1)
		return true;
	for (i = 1; i < nclasses; i++)
		if ((order.edge[a] >> i & 1) && !(*visited >> i & 1) &&
		    leads_to(i, b, visited))
			return true;
	return false;
}

static void learn_order(int class, const char *op, const char *name,
			unsigned long pc)
{
	int i, j;

	for (i = 0; i < cur->nheld; i++) {
		int before = cur->held[i].class;
		uint64_t visited = 0;
		const struct stack *other = NULL;

		if (order.edge[before] >> class & 1)
			continue;
		if (before != class && !leads_to(class, before, &visited)) {
			order.edge[before] |= 1ULL << class;
			take_stack(&order.seen[before][class], cur, pc);
			continue;
		}
		note(op, name, pc);
		if (before == class)
			fail("lock-inversion", name, pc, NULL, NULL,
			     "takes a lock of class %s while it holds another",
			     name);
		/* The last step of the way back to what is held. */
		for (j = 1; j < nclasses; j++)
			if (order.edge[j] >> before & 1 &&
			    visited >> j & 1)
				other = &order.seen[j][before];
		fail("lock-inversion", name, pc, other,
		     "the other order",
		     "takes %s while it holds %s; elsewhere %s is taken while %s is held",
		     name, classes[before].name, classes[before].name, name);
	}
}

static int lock_class(struct shim_lock *l, int sub)
{
	if (!l->class)
		l->class = class_of(l, 0, l->name ? l->name : "lock");
	if (!sub)
		return l->class;
	return class_of(classes[l->class].key, sub, classes[l->class].name);
}

static void hold(struct shim_lock *l, int class, bool spin, bool try,
		 unsigned long pc)
{
	struct held *h = &cur->held[cur->nheld++];

	if (cur->nheld > MAX_HELD - 1)
		die("too many locks held");
	l->owner = cur->id + 1;
	h->lock = l;
	h->class = class;
	h->spin = spin;
	h->trylock = try;
	h->stack.depth = 0;
	if (recording)
		take_stack(&h->stack, cur, pc);
	cur->atomic += spin;
}

void shim_lock(struct shim_lock *l, bool spin, int sub)
{
	unsigned long pc = HERE;
	const char *op = spin ? "spin_lock" : "mutex_lock", *name;
	int class, i;

	if (!spin)
		may_sleep(pc, op);
	check_access((uintptr_t)l, sizeof(*l), true, pc);
	class = lock_class(l, sub);
	name = classes[class].name;
	if (l->owner == cur->id + 1) {
		note(op, name, pc);
		for (i = 0; cur->held[i].lock != l; i++)
			;
		fail("deadlock", name, pc, &cur->held[i].stack, "taken before",
		     "%c waits for %s, which it holds itself", cur->letter,
		     name);
	}
	if (!opts.no_order)
		learn_order(class, op, name, pc);
	cur->op_lock = l;
	visible(op, name, pc, lock_free, l);
	check_access((uintptr_t)l, sizeof(*l), true, pc);
	hold(l, class, spin, false, pc);
}

int shim_trylock(struct shim_lock *l, bool spin)
{
	unsigned long pc = HERE;
	int class;

	check_access((uintptr_t)l, sizeof(*l), true, pc);
	class = lock_class(l, 0);
	visible(spin ? "spin_trylock" : "mutex_trylock", classes[class].name,
		pc, NULL, NULL);
	check_access((uintptr_t)l, sizeof(*l), true, pc);
	if (l->owner)
		return 0;
	hold(l, class, spin, true, pc);
	return 1;
}

void shim_unlock(struct shim_lock *l, bool spin)
{
	unsigned long pc = HERE;
	const char *name;
	int i;

	check_access((uintptr_t)l, sizeof(*l), true, pc);
	name = classes[lock_class(l, 0)].name;
	visible(spin ? "spin_unlock" : "mutex_unlock", name, pc, NULL, NULL);
	check_access((uintptr_t)l, sizeof(*l), true, pc);
	if (l->owner != cur->id + 1)
		fail("bad-unlock", name, pc, NULL, NULL,
		     "%c does not hold %s", cur->letter, name);
	l->owner = 0;
	for (i = cur->nheld - 1; cur->held[i].lock != l; i--)
		;
	cur->nheld--;
	memmove(&cur->held[i], &cur->held[i + 1],
		(cur->nheld - i) * sizeof(cur->held[0]));
	cur->atomic -= spin;
}

int shim_is_locked(struct shim_lock *l)
{
	visible("is_locked", lock_name(l), HERE, NULL, NULL);
	check_access((uintptr_t)l, sizeof(*l), false, HERE);
	return l->owner != 0;
}

bool shim_is_held(struct shim_lock *l)
{
	check_access((uintptr_t)l, sizeof(*l), false, HERE);
	return l->owner == cur->id + 1;
}

void shim_assert_held(struct shim_lock *l, bool held)
{
	check_access((uintptr_t)l, sizeof(*l), false, HERE);
	if ((l->owner == cur->id + 1) == held)
		return;
	note("assert_held", lock_name(l), HERE);
	fail("not-held", lock_name(l), HERE, NULL, NULL,
	     held ? "%s should be held" : "%s should not be held",
	     lock_name(l));
}

/* Memory is about to be freed: no lock in it may be held. */
void check_held(uintptr_t start, struct object *o, unsigned long pc)
{
	int i, j;

	for (i = 0; i < NR_TASKS; i++)
		for (j = 0; j < tasks[i].nheld; j++)
			if ((uintptr_t)tasks[i].held[j].lock - start < o->size)
				fail("held-lock-freed",
				     lock_name(tasks[i].held[j].lock), pc,
				     &tasks[i].held[j].stack, "taken",
				     "%s is freed while %c holds %s", o->name,
				     tasks[i].letter,
				     lock_name(tasks[i].held[j].lock));
}

/* Back in user space nothing is held. */
void check_user_return(unsigned long pc)
{
	struct held *h = &cur->held[0];

	if (!cur->nheld && !cur->atomic && !cur->irqs_off)
		return;
	note("return", cur->nheld ? lock_name(h->lock) : NULL, pc);
	if (cur->nheld)
		fail("held-on-return", lock_name(h->lock), pc, &h->stack,
		     "taken", "%c returns to user space and holds %s",
		     cur->letter, lock_name(h->lock));
	fail("held-on-return", "preemption", pc, NULL, NULL,
	     "%c returns to user space with preemption off", cur->letter);
}

/* Marked accesses and counts. */

void shim_marked(const char *op, const char *name, const void *p, size_t size,
		 bool write)
{
	visible(op, name, HERE, NULL, NULL);
	check_access((uintptr_t)p, size, write, HERE);
}

void shim_has_read(const char *name)
{
	wait_for("has read", name, HERE, NULL, NULL);
}

void shim_atomic(const char *op, const char *name, const void *p, size_t size)
{
	visible(op, name && *name == '&' ? name + 1 : name, HERE, NULL, NULL);
	check_access((uintptr_t)p, size, true, HERE);
}

static const char *count_op(const char *op, const char *name, refcount_t *r,
			    unsigned long pc)
{
	if (*name == '&')
		name++;
	visible(op, name, pc, NULL, NULL);
	check_access((uintptr_t)r, sizeof(*r), true, pc);
	return name;
}

void shim_refcount_set(refcount_t *r, int n)
{
	check_access((uintptr_t)r, sizeof(*r), true, HERE);
	r->refs = n;
}

int shim_refcount_read(refcount_t *r, const char *name)
{
	count_op("refcount_read", name, r, HERE);
	return r->refs;
}

void shim_refcount_add(refcount_t *r, int n, const char *name)
{
	name = count_op("refcount_inc", name, r, HERE);
	if (!r->refs)
		fail("refcount", name, HERE, NULL, NULL,
		     "increment of %s from zero", name);
	if (r->refs < 0 || r->refs + n < 0)
		fail("refcount", name, HERE, NULL, NULL, "%s saturated", name);
	r->refs += n;
}

bool shim_refcount_inc_not_zero(refcount_t *r, const char *name)
{
	count_op("refcount_inc_not_zero", name, r, HERE);
	if (!r->refs)
		return false;
	r->refs++;
	return true;
}

bool shim_refcount_sub(refcount_t *r, int n, bool test, const char *name)
{
	name = count_op(test ? "refcount_dec_and_test" : "refcount_dec", name,
			r, HERE);
	if (r->refs < n)
		fail("refcount", name, HERE, NULL, NULL, "%s underflows", name);
	r->refs -= n;
	if (!r->refs && !test)
		fail("refcount", name, HERE, NULL, NULL,
		     "refcount_dec took %s to zero", name);
	return !r->refs;
}

/* A point that the code itself names. */
void twill_step(const char *name, const void *object);
void twill_step(const char *name, const void *object)
{
	(void)object;
	visible("step", name, HERE, NULL, NULL);
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
	shim_atomic("srcu_read_lock", name, s, sizeof(*s));
	s->readers[s->index]++;
	return s->index;
}

void shim_srcu_read_unlock(struct srcu_struct *s, int i, const char *name)
{
	shim_atomic("srcu_read_unlock", name, s, sizeof(*s));
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

	return gone(g->s) || !g->s->readers[g->index];
}

void shim_synchronize_srcu(struct srcu_struct *s, const char *name)
{
	struct grace g = { .s = s };
	unsigned long pc = HERE;

	if (*name == '&')
		name++;
	may_sleep(pc, "synchronize_srcu");
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

	may_sleep(HERE, "synchronize_rcu");
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
	shim_atomic("queue_work", name, w, sizeof(*w));
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

	return running_work != w && (gone(w) || !w->pending);
}

bool shim_flush_work(struct work_struct *w, const char *name, bool cancel)
{
	const char *op = cancel ? "cancel_work_sync" : "flush_work";
	unsigned long pc = HERE;
	bool was;

	if (*name == '&')
		name++;
	may_sleep(pc, op);
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

void shim_warn(const char *class, const char *what)
{
	note(class, what, HERE);
	fail(class, what, HERE, NULL, NULL, "%s(%s)",
	     *class == 'b' ? "BUG_ON" : "WARN_ON", what);
}
