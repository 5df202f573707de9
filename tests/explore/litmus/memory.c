// SPDX-License-Identifier: GPL-2.0-only
/* Memory that is freed too early, twice, or never; counts that are wrong. */
#include <linux/bug.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "scenario.h"

struct thing {
	refcount_t users;
	int value;
};

static DEFINE_SPINLOCK(lock);
static struct thing *shared;

static void make(void)
{
	shared = kzalloc(sizeof(*shared), GFP_KERNEL);
	refcount_set(&shared->users, 1);
}

static void make_for_two(void)
{
	make();
	refcount_set(&shared->users, 2);
}

static void put(struct thing *thing)
{
	if (refcount_dec_and_test(&thing->users))
		kfree(thing);
}

static void put_shared(void)
{
	put(shared);
}

/* Each of two tasks holds a reference, or one of them only thinks so. */
SCENARIO("put-put", "two references, two puts: silent",
	 make_for_two, NULL, put_shared, put_shared);
SCENARIO("put-twice", "one reference, two puts: use after free",
	 make, NULL, put_shared, put_shared);
SCENARIO("lost", "two references, one put: leak",
	 make_for_two, NULL, put_shared);

static void forget_and_put(void)
{
	struct thing *thing;

	spin_lock(&lock);
	thing = shared;
	shared = NULL;
	spin_unlock(&lock);
	put(thing);
}

static void get_and_use(void)
{
	struct thing *thing;

	spin_lock(&lock);
	thing = shared;
	if (thing)
		refcount_inc(&thing->users);
	spin_unlock(&lock);
	if (!thing)
		return;
	thing->value++;
	put(thing);
}

static void get_late(void)
{
	struct thing *thing = READ_ONCE(shared);

	if (!thing)
		return;
	refcount_inc(&thing->users);
	thing->value++;
	put(thing);
}

SCENARIO("get-locked", "pointer and count under one lock: silent",
	 make, NULL, forget_and_put, get_and_use);
SCENARIO("get-late", "pointer read, count taken later: from zero, or freed",
	 make, NULL, forget_and_put, get_late);

static void put_then_forget(void)
{
	struct thing *thing = shared;

	if (!refcount_dec_and_test(&thing->users))
		return;
	spin_lock(&lock);
	shared = NULL;
	spin_unlock(&lock);
	kfree(thing);
}

static void get_safe(void)
{
	struct thing *thing;

	spin_lock(&lock);
	thing = shared;
	if (thing && !refcount_inc_not_zero(&thing->users))
		thing = NULL;
	spin_unlock(&lock);
	if (!thing)
		return;
	thing->value++;
	put_then_forget();
}

SCENARIO("from-zero", "counted back to life: refcount",
	 make, NULL, put_then_forget, get_and_use);
SCENARIO("not-zero", "refused at zero: silent",
	 make, NULL, put_then_forget, get_safe);

static void underflow(void)
{
	refcount_t r;

	refcount_set(&r, 0);
	if (refcount_dec_and_test(&r))
		put(shared);
}

SCENARIO("underflow", "a count below zero: refcount", NULL, NULL, underflow);

static void free_twice(void)
{
	void *p = kmalloc(16, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

static void write_behind(void)
{
	char *p = kmalloc(16, GFP_KERNEL);

	p[16] = 1;
	kfree(p);
}

static void write_to_the_end(void)
{
	char *p = kmalloc(16, GFP_KERNEL);

	p[15] = 1;
	memset(p, 0, 16);
	kfree(p);
}

static void clear_too_much(void)
{
	char *p = kmalloc(16, GFP_KERNEL);

	memset(p, 0, 24);
	kfree(p);
}

static void follow_null(void)
{
	struct thing *thing = NULL;

	barrier();
	*(&thing->value) = 1;
}

static void warn(void)
{
	WARN_ON(!shared);
}

static void expect(void)
{
	u_assert(shared);
}

static void call_null(void)
{
	void (*fn)(void) = (void (*)(void))shared;

	fn();
}

SCENARIO("free-twice", "double free", NULL, NULL, free_twice);
SCENARIO("behind", "a write behind an object: out of bounds",
	 NULL, NULL, write_behind);
SCENARIO("to-the-end", "a write to its last byte: silent",
	 NULL, NULL, write_to_the_end);
SCENARIO("memset", "a memset that is too long: out of bounds",
	 NULL, NULL, clear_too_much);
SCENARIO("null", "a NULL pointer followed", NULL, NULL, follow_null);
SCENARIO("warn", "WARN_ON: warning", NULL, NULL, warn);
SCENARIO("assert", "u_assert: assertion", NULL, NULL, expect);
SCENARIO("call-null", "a NULL function called: oops", NULL, NULL, call_null);

struct locked {
	struct mutex lock;
};

static void free_held(void)
{
	struct locked *p = kzalloc(sizeof(*p), GFP_KERNEL);

	mutex_init(&p->lock);
	mutex_lock(&p->lock);
	kfree(p);
}

SCENARIO("free-held", "memory freed with a lock in it held",
	 NULL, NULL, free_held);
