// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate: make tasks pass the steps of a module in a given order.
 *
 * The module under test calls twill_step() at each of its steps. A task whose
 * step is not the next one waits; where it may sleep it sleeps, so that
 * synchronize_rcu() and the unloading of modules go on meanwhile, and where it
 * may not it spins (hence a CPU a task).
 *
 * Between two steps of one task nobody else passes: the next task goes only
 * when the one before has come to its own next step, sleeps, or has ended.
 * That is what the explorer's tasks do, which run one at a time; without it
 * the order of what happens *after* two steps would be left to chance.
 *
 * Kernel threads and other tasks that never said who they are have the letter
 * w; a step of theirs that the order does not have passes at once, unless what
 * it has left for them is "w *", any step. Kernel threads keep the order from
 * the moment that it is given: what they do is begun by those who set the
 * scene, and is over before the first task has begun if nobody stops them.
 */
#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "gate.h"

#define MAX_STEPS	256
#define MAX_TASKS	8
#define MAX_WRITE	16384

/*
 * A task that sleeps this long has stopped: longer than synchronize_srcu()
 * takes on a busy host. One that runs this long will not stop: it spins.
 */
#define SETTLE_MS	250
#define PATIENCE_MS	1500

static unsigned int limit_ms = 8000;
module_param(limit_ms, uint, 0644);
MODULE_PARM_DESC(limit_ms, "how long a step waits for its turn");

/*
 * A task that sleeps in a module's text while the module goes may hold locks
 * whose classes go with it; so does each worker, since a work item counts as
 * one. Lockdep warns of that with a run queue's lock held, which the printing
 * takes again, and the machine may stand still instead of coming to the oops.
 * The task need only look whether its turn has come, while the module goes.
 */
static bool lockdep_ends;
module_param(lockdep_ends, bool, 0644);
MODULE_PARM_DESC(lockdep_ends, "lockdep is off from a step \"unload\" on");

#define NAME	39

struct gate_step {
	char task;
	char name[NAME];
};

struct gate_task {
	struct task_struct *task;
	char letter;
	bool waits;		/* is inside of twill_step() */
	ktime_t awake;		/* when it was last seen to be able to go on */
};

/* All of this under gate_lock. */
static DEFINE_RAW_SPINLOCK(gate_lock);
static struct gate_step order[MAX_STEPS];
static unsigned int nr_steps, next;
static bool given, holds;	/* the order is there; and it has begun */
static struct gate_task tasks[MAX_TASKS];
static struct task_struct *last;	/* who passed, and when it was seen */
static ktime_t passed, seen_running;	/* to run */
static char verdict[160] = "idle";

static struct gate_task *find_task(struct task_struct *t)
{
	unsigned int i;

	for (i = 0; i < MAX_TASKS; i++)
		if (tasks[i].task == t)
			return &tasks[i];
	return NULL;
}

static s64 ms_since(ktime_t t)
{
	return ktime_ms_delta(ktime_get(), t);
}

/* Has the task that passed last gone as far as it goes by itself? */
static bool last_has_stopped(void)
{
	struct gate_task *t;

	if (!last || last == current)
		return true;
	t = find_task(last);
	if (t && t->waits)
		return true;
	if (READ_ONCE(last->__state) == TASK_RUNNING &&
	    !READ_ONCE(last->exit_state))
		seen_running = ktime_get();
	return ms_since(seen_running) >= SETTLE_MS ||
	       ms_since(passed) >= PATIENCE_MS;
}

/*
 * Why the task whose turn it is cannot come, or NULL. It waits for a lock,
 * perhaps for one that we hold; or it has done all that it does. So it is with
 * sound code under the order of an unsound one.
 */
static const char *next_cannot_come(ktime_t came)
{
	struct gate_task *t = tasks;

	while (t < tasks + MAX_TASKS &&
	       (!t->task || t->letter != order[next].task))
		t++;
	if (t == tasks + MAX_TASKS)
		return order[next].task == 'w' ? NULL : "left";
	if (READ_ONCE(t->task->exit_state))
		return "left";
	if (t->waits || ktime_after(came, t->awake) ||
	    !(READ_ONCE(t->task->__state) & TASK_UNINTERRUPTIBLE))
		t->awake = ktime_get();
	return ms_since(t->awake) >= PATIENCE_MS ? "blocked" : NULL;
}

static void set_last(struct task_struct *t)
{
	if (t)
		get_task_struct(t);
	if (last)
		put_task_struct(last);
	last = t;
	passed = ktime_get();
	seen_running = passed;
}

static void give_up(const char *why, char letter, const char *name)
{
	snprintf(verdict, sizeof(verdict), "%s at %u of %u: %c %s, not %c %s",
		 why, next + 1, nr_steps, order[next].task, order[next].name,
		 letter, name);
	given = holds = false;
}

/*
 * The next step that the order has for this task, or nr_steps. There may be
 * several workers: which of them a step is for, its name tells; any step is
 * for the one that has no other left.
 */
static unsigned int next_of(char letter, const char *name)
{
	bool named = false;
	unsigned int i;

	for (i = next; i < nr_steps; i++) {
		if (order[i].task != letter)
			continue;
		if (letter != 'w' || !strcmp(order[i].name, name) ||
		    (!named && !strcmp(order[i].name, "*")))
			break;
		named = true;
	}
	return i;
}

static bool keeps_order(void)
{
	return holds || (given && current->flags & PF_KTHREAD);
}

/* Try to pass; false: not yet. */
static bool try_pass(char letter, const char *name)
{
	unsigned int mine = nr_steps;

	if (keeps_order())
		mine = next_of(letter, name);
	if (mine == nr_steps)
		return true;
	if (strcmp(order[mine].name, name) && strcmp(order[mine].name, "*")) {
		give_up("diverged", letter, name);
		return true;
	}
	if (!holds || mine != next || !last_has_stopped())
		return false;
	set_last(current);
	if (++next == nr_steps) {
		strscpy(verdict, "done", sizeof(verdict));
		given = holds = false;
	}
	if (lockdep_ends && !strcmp(name, "unload"))
		debug_locks_off();
	return true;
}

/**
 * twill_step() - wait for the turn of a step
 * @step: its name
 * @object: what it is about; the tracepoint shows it, the gate does not care
 *
 * Context: any but NMI. Sleeps only if the caller may.
 */
void twill_step(const char *step, const void *object)
{
	char name[NAME];	/* the caller's may go with its module */
	bool may_sleep = preemptible() && !rcu_preempt_depth();
	/* Who spins may hold a spinlock, for which the next task spins too. */
	unsigned int patience = may_sleep ? limit_ms : limit_ms / 4;
	ktime_t came = ktime_get();
	struct gate_task *t;
	unsigned long flags;
	const char *why;
	bool go = false;
	char letter;

	strscpy(name, step, sizeof(name));
	while (!go) {
		raw_spin_lock_irqsave(&gate_lock, flags);
		t = find_task(current);
		letter = t ? t->letter : 'w';
		if (t)
			t->waits = true;
		go = try_pass(letter, name);
		/* Steps before ours that pass in time start the clock anew. */
		if (!go && ktime_after(passed, came))
			came = passed;
		why = go ? NULL : ms_since(came) > patience ? "timeout" :
		      holds ? next_cannot_come(came) : NULL;
		if (why) {
			give_up(why, letter, name);
			go = true;
		}
		if (go && t)
			t->waits = false;
		raw_spin_unlock_irqrestore(&gate_lock, flags);
		if (!go && may_sleep)
			usleep_range(200, 400);
		else if (!go)
			cpu_relax();
	}
}
EXPORT_SYMBOL_GPL(twill_step);

static int set_order(char *text)
{
	unsigned int n = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (!*line)
			continue;
		if (n == MAX_STEPS || strlen(line) < 3 || line[1] != ' ' ||
		    strscpy(order[n].name, line + 2, sizeof(order[n].name)) < 0)
			return -EINVAL;
		order[n++].task = line[0];
	}
	nr_steps = n;
	next = 0;
	given = n;
	return 0;
}

static int set_task(struct task_struct *t, char letter)
{
	struct gate_task *slot = find_task(t);

	if (!slot && letter)
		slot = find_task(NULL);
	if (!slot)
		return -ENOSPC;
	if (letter && !slot->task)
		slot->task = get_task_struct(t);
	slot->letter = letter;
	if (!letter) {
		put_task_struct(slot->task);
		slot->task = NULL;
	}
	return 0;
}

/* A task that has exited could not say that it leaves. */
static void forget_tasks(void)
{
	unsigned int i;

	set_last(NULL);
	for (i = 0; i < MAX_TASKS; i++)
		if (tasks[i].task)
			set_task(tasks[i].task, 0);
}

static int command(char *text)
{
	if (!strncmp(text, "order\n", 6)) {
		given = holds = false;
		forget_tasks();
		return set_order(text + 6);
	}
	strim(text);
	if (!strncmp(text, "task ", 5) && text[5] && !text[6])
		return set_task(current, text[5]);
	if (!strcmp(text, "leave")) {
		if (last == current)
			set_last(NULL);
		return set_task(current, 0);
	}
	if (!strcmp(text, "start")) {
		set_last(NULL);
		next = 0;
		given = holds = nr_steps;
		strscpy(verdict, nr_steps ? "" : "done", sizeof(verdict));
		return 0;
	}
	if (!strcmp(text, "stop")) {
		if (holds)
			give_up("stopped", '-', "any more");
		return 0;
	}
	return -EINVAL;
}

static ssize_t gate_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	unsigned long flags;
	char *text;
	int r;

	if (len > MAX_WRITE)
		return -EINVAL;
	text = memdup_user_nul(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!strncmp(text, "step ", 5)) {
		twill_step(strim(text) + 5, NULL);
		r = 0;
	} else {
		raw_spin_lock_irqsave(&gate_lock, flags);
		r = command(text);
		raw_spin_unlock_irqrestore(&gate_lock, flags);
	}
	kfree(text);
	return r ?: len;
}

static ssize_t gate_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	char text[sizeof(verdict) + 1];
	unsigned long flags;

	raw_spin_lock_irqsave(&gate_lock, flags);
	if (holds)
		snprintf(text, sizeof(text), "at %u of %u: %c %s\n", next + 1,
			 nr_steps, order[next].task, order[next].name);
	else
		snprintf(text, sizeof(text), "%s\n", verdict);
	raw_spin_unlock_irqrestore(&gate_lock, flags);
	return simple_read_from_buffer(buf, len, pos, text, strlen(text));
}

static const struct file_operations gate_fops = {
	.owner = THIS_MODULE,
	.write = gate_write,
	.read = gate_read,
};

static struct miscdevice gate_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "twill-gate",
	.fops = &gate_fops,
};

static int __init gate_init(void)
{
	return misc_register(&gate_device);
}
module_init(gate_init);

static void __exit gate_exit(void)
{
	misc_deregister(&gate_device);
	forget_tasks();
}
module_exit(gate_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Make tasks pass the steps of a module in a given order");
