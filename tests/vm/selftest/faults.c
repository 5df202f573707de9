// SPDX-License-Identifier: GPL-2.0-only
/* One mistake of each kind that the harness must notice. */
#include <asm/desc.h>
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *kind = "none";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "the mistake to make");

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);
static DEFINE_SPINLOCK(spin);
static refcount_t count = REFCOUNT_INIT(0);
static DECLARE_COMPLETION(never);

static void circle(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
}

static void use_after_free(void)
{
	int *p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	WRITE_ONCE(p[1], 1);
}

static void leak(void)
{
	unsigned int i;

	/* Several: a stale pointer in a register or stack can hide one. */
	for (i = 0; i < 8; i++)
		memset(kmalloc(1000, GFP_KERNEL), 1, 1000);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	spin_unlock(&spin);
}

static void lock_twice(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_a);
}

static void triple_fault(void)
{
	struct desc_ptr none = {};

	local_irq_disable();
	load_idt(&none);
	asm volatile("int3");
}

static int __init faults_init(void)
{
	pr_info("faults: %s\n", kind);
	if (!strcmp(kind, "warning"))
		WARN_ON(1);
	else if (!strcmp(kind, "oops"))
		WRITE_ONCE(*(int *)8, 1);
	else if (!strcmp(kind, "bug"))
		BUG();
	else if (!strcmp(kind, "lockdep"))
		circle();
	else if (!strcmp(kind, "recursion"))
		lock_twice();
	else if (!strcmp(kind, "hung-task"))
		wait_for_completion(&never);
	else if (!strcmp(kind, "kasan"))
		use_after_free();
	else if (!strcmp(kind, "kmemleak"))
		leak();
	else if (!strcmp(kind, "refcount"))
		refcount_inc(&count);
	else if (!strcmp(kind, "sleep-in-atomic"))
		sleep_in_atomic();
	else if (!strcmp(kind, "triple-fault"))
		triple_fault();
	return 0;
}
module_init(faults_init);

static void __exit faults_exit(void)
{
}
module_exit(faults_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mistakes that the test harness must notice");
