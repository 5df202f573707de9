// SPDX-License-Identifier: GPL-2.0-only
/*
 * Take two locks of another module's in one order, and, when that task has
 * ended, in the other order in another task. Nothing ever waits: lockdep
 * alone can know that two such tasks at the same time would wait for ever.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include "locks.h"

static DECLARE_COMPLETION(taken);

static int take(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
	complete(&taken);
	return 0;
}

static int a_then_b(void *unused)
{
	return take(&lock_a, &lock_b);
}

static int b_then_a(void *unused)
{
	return take(&lock_b, &lock_a);
}

static int __init circle_init(void)
{
	struct task_struct *t;

	t = kthread_run(a_then_b, NULL, "a_then_b");
	if (IS_ERR(t))
		return PTR_ERR(t);
	wait_for_completion(&taken);
	t = kthread_run(b_then_a, NULL, "b_then_a");
	if (IS_ERR(t))
		return PTR_ERR(t);
	wait_for_completion(&taken);
	return 0;
}
module_init(circle_init);

static void __exit circle_exit(void)
{
}
module_exit(circle_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A circle of two locks, for a proof that lockdep sees it");
