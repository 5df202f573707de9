// SPDX-License-Identifier: GPL-2.0-only
/* Locks, counts, marked accesses: what tasks synchronize by. */
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/refcount.h>
#include <linux/bug.h>
#undef min
#undef max
#include <stdlib.h>
#include <string.h>
#include "shim/shim.h"

/* Sleeping. */

void may_sleep(const char *what, unsigned long pc)
{
	const char *held = "preemption off";
	const struct stack *since = NULL;
	int i;

	if (!cur->atomic && !cur->irqs_off)
		return;
	for (i = 0; i < cur->nheld; i++)
		if (cur->held[i].spin) {
			held = class_name(cur->held[i].class);
			since = &held_stacks[cur->id][i];
		}
	note(what, NULL, pc);
	fail("sleep-in-atomic", held, pc, since, "held since",
	     "%s may sleep, under %s", what, held);
}

void shim_might_sleep(void)
{
	may_sleep("might_sleep", HERE);
}

void shim_cond_resched(void)
{
	may_sleep("cond_resched", HERE);
	go_round(HERE);
}

void shim_cpu_relax(void)
{
	go_round(HERE);
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
	touch(&cur->irqs_off, n < 0 ? T_RELEASE : T_WRITE);
	acquire(&cur->cpu);
	release(&cur->irqs_off);
	cur->irqs_off += n;
	if (!cur->irqs_off)
		cur->interrupted = false;
}

void shim_assert_irqs_off(void)
{
	if (!cur->irqs_off)
		fail("warning", "cpu", HERE, NULL, NULL, "interrupts are on");
}

/* Locks. */

void shim_lock_init(struct shim_lock *l, const char *name, const void *key)
{
	use(l, sizeof(*l), T_WRITE, HERE);
	l->owner = l->readers = 0;
	l->class = class_of(key, 0, name);
	l->name = class_name(l->class);
}

static const char *lock_name(const struct shim_lock *l)
{
	return l->name ? l->name : "?";
}

bool is_gone(const void *p)
{
	struct object *o = arena_object((uintptr_t)p);

	return o && !o->live;
}

static bool lock_free(void *arg)
{
	struct shim_lock *l = arg;

	return is_gone(arg) || (!l->owner && !l->readers);
}

static bool no_writer(void *arg)
{
	return is_gone(arg) || !((struct shim_lock *)arg)->owner;
}

static bool is_shared_kind(enum lock_kind kind)
{
	return kind == LOCK_SHARED || kind == LOCK_SPIN_SHARED;
}

static bool is_spin_kind(enum lock_kind kind)
{
	return kind == LOCK_SPIN || kind == LOCK_SPIN_WRITE ||
	       kind == LOCK_SPIN_SHARED;
}

static int lock_class(struct shim_lock *l, int sub)
{
	if (!l->class)
		l->class = class_of(l, 0, l->name ? l->name : "lock");
	if (!sub)
		return l->class;
	return class_of_sub(l->class, sub);
}

static void hold(struct shim_lock *l, int class, enum lock_kind kind,
		 unsigned long pc)
{
	struct held *h = new_held(l, class, pc);

	h->spin = is_spin_kind(kind);
	h->shared = is_shared_kind(kind);
	if (h->shared)
		l->readers++;
	else
		l->owner = cur->id + 1;
	cur->atomic += h->spin;
	acquire(l);
	if (!h->shared)
		acquire(&l->readers);
	watch(h->shared ? "read by %c" : "held by %c", cur->letter);
}

static const char *const lock_ops[] = {
	"mutex_lock", "spin_lock", "down_write", "down_read",
	"write_lock", "read_lock",
};
static const char *const try_ops[] = {
	"mutex_trylock", "spin_trylock", "down_write_trylock",
	"down_read_trylock", "write_trylock", "read_trylock",
};
static const char *const unlock_ops[] = {
	"mutex_unlock", "spin_unlock", "up_write", "up_read",
	"write_unlock", "read_unlock",
};

void shim_lock(struct shim_lock *l, enum lock_kind kind, int sub)
{
	unsigned long pc = HERE;
	const char *op = lock_ops[kind], *name;
	int class, i;

	if (!is_spin_kind(kind))
		may_sleep(op, pc);
	check_access((uintptr_t)l, sizeof(*l), true, pc);
	class = lock_class(l, sub);
	name = class_name(class);
	i = held_at(l);
	if (i >= 0) {
		note(op, name, pc);
		fail("deadlock", name, pc, &held_stacks[cur->id][i],
		     "taken before", "%c waits for %s, which it holds itself",
		     cur->letter, name);
	}
	learn_order(class, op, pc);
	cur->op_lock = l;
	visible(op, name, pc, is_shared_kind(kind) ? no_writer : lock_free, l);
	/* A reader need not wait for another one to leave. */
	use(l, sizeof(*l), is_shared_kind(kind) ? T_WRITE : T_ACQUIRE, pc);
	hold(l, class, kind, pc);
}

int shim_trylock(struct shim_lock *l, enum lock_kind kind)
{
	unsigned long pc = HERE;
	int class;

	check_access((uintptr_t)l, sizeof(*l), true, pc);
	class = lock_class(l, 0);
	visible(try_ops[kind], class_name(class), pc, NULL, NULL);
	if (l->owner || (l->readers && !is_shared_kind(kind))) {
		use(l, sizeof(*l), T_READ, pc);
		return 0;
	}
	use(l, sizeof(*l), T_WRITE, pc);
	hold(l, class, kind, pc);
	return 1;
}

void shim_unlock(struct shim_lock *l, enum lock_kind kind)
{
	bool shared = is_shared_kind(kind);
	unsigned long pc = HERE;
	const char *name;
	int i;

	check_access((uintptr_t)l, sizeof(*l), true, pc);
	name = class_name(lock_class(l, 0));
	visible(unlock_ops[kind], name, pc, NULL, NULL);
	use(l, sizeof(*l), shared ? T_WRITE : T_RELEASE, pc);
	i = held_at(l);
	if (i < 0 || cur->held[i].shared != shared)
		fail("bad-unlock", name, pc, NULL, NULL,
		     "%c does not hold %s", cur->letter, name);
	if (shared)
		l->readers--;
	else
		l->owner = 0;
	drop_held(i);
	cur->atomic -= is_spin_kind(kind);
	release(shared ? (void *)&l->readers : l);
	watch("free");
}

int shim_is_locked(struct shim_lock *l)
{
	visible("is_locked", lock_name(l), HERE, NULL, NULL);
	use(l, sizeof(*l), T_READ, HERE);
	return l->owner || l->readers;
}

bool shim_is_held(struct shim_lock *l)
{
	check_access((uintptr_t)l, sizeof(*l), false, HERE);
	return held_at(l) >= 0;
}

void shim_assert_held(struct shim_lock *l, bool held)
{
	check_access((uintptr_t)l, sizeof(*l), false, HERE);
	if ((held_at(l) >= 0) == held)
		return;
	note("assert_held", lock_name(l), HERE);
	fail("not-held", lock_name(l), HERE, NULL, NULL,
	     held ? "%s should be held" : "%s should not be held",
	     lock_name(l));
}

/* A writer goes on as a reader. */
void shim_downgrade(struct shim_lock *l)
{
	int i = held_at(l);

	visible("downgrade_write", lock_name(l), HERE, NULL, NULL);
	use(l, sizeof(*l), T_RELEASE, HERE);
	if (i < 0 || cur->held[i].shared)
		fail("bad-unlock", lock_name(l), HERE, NULL, NULL,
		     "%c does not hold %s for writing", cur->letter,
		     lock_name(l));
	l->owner = 0;
	l->readers = 1;
	cur->held[i].shared = true;
	release(l);
	watch("read by %c", cur->letter);
}

/* Back in user space nothing is held. */
void check_user_return(unsigned long pc)
{
	const char *name;

	cur->taken = 0;
	drop_loose();
	name = cur->nheld ? class_name(cur->held[0].class) : NULL;
	if (!cur->nheld && !cur->atomic && !cur->irqs_off)
		return;
	note("return", name, pc);
	if (cur->nheld)
		fail("held-on-return", name, pc, &held_stacks[cur->id][0],
		     "taken", "%c returns to user space and holds %s",
		     cur->letter, name);
	fail("held-on-return", "preemption", pc, NULL, NULL,
	     "%c returns to user space with preemption off", cur->letter);
}

/* Marked accesses and counts. */

void *shim_marked(const char *op, const char *name, const void *p, size_t size,
		  int how)
{
	void *at = (void *)p;

	/* A read does not wait for what its task has written. */
	keeps_late = how & SHIM_ONCE || !(how & SHIM_WRITES);
	visible(op, name, HERE, NULL, NULL);
	marked_access(p, size, how & SHIM_WRITES, HERE);
	if (opts.late)
		at = late_access(at, size, how & SHIM_WRITES, how & SHIM_ONCE);
	/* The compiler announces it once more. */
	cur->marked_read = at == p ? (uintptr_t)p : 0;
	cur->marked_write = how & SHIM_WRITES ? cur->marked_read : 0;
	if (how & SHIM_FENCE)
		fence(true, true);
	if (how & SHIM_ACQUIRES)
		acquire(p);
	if (how & SHIM_RELEASES)
		release(p);
	return at;
}

void shim_has_read(const char *name)
{
	keeps_late = true;
	wait_for("has read", name, HERE, NULL, NULL);
}

void shim_fence(bool before, bool after)
{
	fence(before, after);
	if (before && nlate)
		late_flush(cur->id);
}

void shim_quiet(int n)
{
	cur->quiet += n;
}

static const char *count_op(const char *op, const char *name, refcount_t *r,
			    unsigned long pc)
{
	if (*name == '&')
		name++;
	visible(op, name, pc, NULL, NULL);
	use(r, sizeof(*r), T_WRITE, pc);
	return name;
}

void shim_refcount_set(refcount_t *r, int n)
{
	use(r, sizeof(*r), T_WRITE, HERE);
	r->refs = n;
}

int shim_refcount_read(refcount_t *r, const char *name)
{
	visible("refcount_read", *name == '&' ? name + 1 : name, HERE, NULL,
		NULL);
	use(r, sizeof(*r), T_READ, HERE);
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
	watch("%d", r->refs);
}

bool shim_refcount_inc_not_zero(refcount_t *r, const char *name)
{
	count_op("refcount_inc_not_zero", name, r, HERE);
	watch("%d", r->refs + !!r->refs);
	if (!r->refs)
		return false;
	r->refs++;
	return true;
}

/* Dropped unless it is one; or only if it is. */
bool shim_refcount_dec_unless(refcount_t *r, bool if_one, const char *name)
{
	name = count_op(if_one ? "refcount_dec_if_one" : "refcount_dec_not_one",
			name, r, HERE);
	if (if_one ? r->refs != 1 : r->refs == 1)
		return false;
	if (!r->refs)
		fail("refcount", name, HERE, NULL, NULL, "%s underflows", name);
	r->refs--;
	watch("%d", r->refs);
	release(r);
	if (!r->refs)
		acquire(r);
	return true;
}

bool shim_refcount_sub(refcount_t *r, int n, bool test, const char *name)
{
	name = count_op(test ? "refcount_dec_and_test" : "refcount_dec", name,
			r, HERE);
	if (r->refs < n)
		fail("refcount", name, HERE, NULL, NULL, "%s underflows", name);
	r->refs -= n;
	watch("%d", r->refs);
	if (!r->refs && !test)
		fail("refcount", name, HERE, NULL, NULL,
		     "refcount_dec took %s to zero", name);
	release(r);
	if (!r->refs)
		acquire(r);
	return !r->refs;
}

/* A point that the code itself names. */
void twill_step(const char *name, const void *object);
void twill_step(const char *name, const void *object)
{
	(void)object;
	visible("step", name, HERE, NULL, NULL);
	if (work_of(cur))
		is_in_text(HERE);
}

void shim_warn(const char *class, const char *what)
{
	note(class, what, HERE);
	fail(class, what, HERE, NULL, NULL, "%s(%s)",
	     *class == 'b' ? "BUG_ON" : "WARN_ON", what);
}
