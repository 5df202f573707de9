// SPDX-License-Identifier: GPL-2.0-only
/*
 * Litmus programs on a booted kernel: a thread a task, each on a CPU of its
 * own, many rounds of each program with random delays, and what was seen in
 * them. Everything is done when the module is loaded; the log has a line for
 * each program and each outcome.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "scenario.h"

#define TASKS		4
#define MOST_SEEN	48		/* values that a task may see */
#define MOST_OUTCOMES	64		/* of a program */

extern const struct scenario *const __start_twill_scenarios[];
extern const struct scenario *const __stop_twill_scenarios[];
extern char __start_litmus_data[], __stop_litmus_data[];

static char *names[160];
static int nnames;
module_param_array(names, charp, &nnames, 0);
MODULE_PARM_DESC(names, "the programs to be run");
static int budget = 100;
module_param(budget, int, 0);
MODULE_PARM_DESC(budget, "milliseconds for each; four times that if it varies");
static int least = 20;
module_param(least, int, 0);
MODULE_PARM_DESC(least, "rounds of each, however long they take");

struct workqueue_struct *litmus_wq;
bool litmus_callbacks;

/* What each task saw in this round; the last one is the runner. */
static struct seen {
	int n;
	long value[MOST_SEEN];
} seen[TASKS + 1];
static const char *failed;

struct outcome {
	char text[512];
	int rounds;
};

static struct outcome outcomes[MOST_OUTCOMES];
static int noutcomes;

static struct runner {
	struct task_struct *thread;
	void (*fn)(void);
	int round, dice;
} runners[TASKS];
static int round, ntasks;
static atomic_t here, left;
static DECLARE_WAIT_QUEUE_HEAD(start);
static DECLARE_COMPLETION(all_left);

static int me(void)
{
	int i;

	for (i = 0; i < ntasks && runners[i].thread != current; i++)
		;
	return i < ntasks ? i : TASKS;
}

void u_saw(long value)
{
	struct seen *s = &seen[me()];

	if (!WARN_ON(s->n == MOST_SEEN))
		s->value[s->n++] = value;
}

void u_failed(const char *cond)
{
	WRITE_ONCE(failed, cond);
}

/*
 * Before each access of a program, now and then: wait. Not random enough for
 * anything but this.
 */
static __always_inline void delay(void)
{
	static unsigned int dice[NR_CPUS];
	unsigned int *d = &dice[raw_smp_processor_id()], n;

	*d = *d * 1103515245 + 12345 + (unsigned long)d;
	n = *d >> 16;
	if (n % 4)
		return;
	for (n = n / 4 % 16 ? n / 64 % 128 : n / 64 * 8; n; n--)
		barrier();
}

/* What gcc -fsanitize=thread calls. */
#define ACCESS(name)						\
void __tsan_##name(void *p);					\
notrace void __tsan_##name(void *p)				\
{								\
	delay();						\
}
#define SIZES(name) \
	ACCESS(name##1) ACCESS(name##2) ACCESS(name##4) ACCESS(name##8) \
	ACCESS(name##16)
SIZES(read)
SIZES(write)
SIZES(unaligned_read)
SIZES(unaligned_write)
SIZES(volatile_read)
SIZES(volatile_write)
SIZES(unaligned_volatile_read)
SIZES(unaligned_volatile_write)
ACCESS(func_entry)
ACCESS(func_exit)
ACCESS(read_range)
ACCESS(write_range)
ACCESS(init)

/* They wait for one another before they begin, but not for long. */
static int run_task(void *arg)
{
	struct runner *r = arg;
	int patience;

	while (!kthread_should_stop()) {
		wait_event(start, READ_ONCE(round) != r->round ||
			   kthread_should_stop());
		if (READ_ONCE(round) == r->round)
			continue;
		r->round = READ_ONCE(round);
		atomic_inc(&here);
		for (patience = 50000; patience; patience--)
			if (atomic_read(&here) == ntasks)
				break;
		delay();
		r->fn();
		if (atomic_dec_and_test(&left))
			complete(&all_left);
	}
	return 0;
}

static int start_threads(const struct scenario *s)
{
	int i;

	for (ntasks = 0; ntasks < TASKS && s->task[ntasks]; ntasks++)
		;
	for (i = 0; i < ntasks; i++) {
		struct runner *r = &runners[i];

		r->fn = s->task[i];
		r->round = round;
		r->thread = kthread_create(run_task, r, "litmus/%c", 'A' + i);
		if (IS_ERR(r->thread)) {
			while (i--)
				kthread_stop(runners[i].thread);
			return -ENOMEM;
		}
		/* Task A is on CPU 1, as in the explorer. */
		kthread_bind(r->thread, (i + 1) % num_online_cpus());
	}
	for (i = 0; i < ntasks; i++)
		wake_up_process(runners[i].thread);
	return 0;
}

static void stop_threads(void)
{
	int i;

	for (i = 0; i < ntasks; i++)
		kthread_stop(runners[i].thread);
	ntasks = 0;
}

static void note_outcome(void)
{
	static char text[sizeof(outcomes[0].text)];
	int i, j, n = 0;

	text[0] = 0;
	if (failed)
		n = scnprintf(text, sizeof(text), "! %s", failed);
	for (i = 0; i <= TASKS && !failed; i++) {
		if (seen[i].n)
			n += scnprintf(text + n, sizeof(text) - n, "%s%c",
				       n ? " " : "", "ABCD-"[i]);
		for (j = 0; j < seen[i].n; j++)
			n += scnprintf(text + n, sizeof(text) - n, "%c%ld",
				       j ? ',' : ':', seen[i].value[j]);
	}
	for (i = 0; i < noutcomes; i++)
		if (!strcmp(outcomes[i].text, text))
			break;
	if (i == MOST_OUTCOMES)
		i--;
	if (i == noutcomes) {
		noutcomes++;
		outcomes[i].rounds = 0;
		strscpy(outcomes[i].text, text, sizeof(outcomes[i].text));
	}
	outcomes[i].rounds++;
}

static void run_round(const struct scenario *s)
{
	memset(seen, 0, sizeof(seen));
	failed = NULL;
	if (s->setup)
		s->setup();
	atomic_set(&here, 0);
	atomic_set(&left, ntasks);
	reinit_completion(&all_left);
	smp_store_release(&round, round + 1);
	wake_up_all(&start);
	wait_for_completion(&all_left);
	flush_workqueue(litmus_wq);
	if (litmus_callbacks)
		rcu_barrier();
	litmus_callbacks = false;
	if (s->end)
		s->end();
	note_outcome();
}

static int run(const struct scenario *s, const void *saved)
{
	unsigned long begun = jiffies, some = msecs_to_jiffies(budget);
	int i, rounds = 0, r;

	r = start_threads(s);
	if (r)
		return r;
	noutcomes = 0;
	while (rounds < least || time_before(jiffies, begun +
					     (noutcomes > 1 ? 4 : 1) * some)) {
		memcpy(__start_litmus_data, saved,
		       __stop_litmus_data - __start_litmus_data);
		run_round(s);
		rounds++;
	}
	stop_threads();
	pr_info("program %s: %d rounds\n", s->name, rounds);
	for (i = 0; i < noutcomes; i++)
		pr_info("outcome %s: %d: %s\n", s->name, outcomes[i].rounds,
			outcomes[i].text);
	return 0;
}

static const struct scenario *find(const char *name)
{
	const struct scenario *const *s;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}

static int __init litmus_init(void)
{
	size_t size = __stop_litmus_data - __start_litmus_data;
	void *saved = kmemdup(__start_litmus_data, size, GFP_KERNEL);
	int i, r = 0;

	litmus_wq = alloc_workqueue("litmus", WQ_UNBOUND, 0);
	if (!saved || !litmus_wq) {
		r = -ENOMEM;
		goto out;
	}
	for (i = 0; i < nnames && !r; i++) {
		const struct scenario *s = find(names[i]);

		if (s)
			r = run(s, saved);
		else
			pr_info("no program %s\n", names[i]);
	}
out:
	if (litmus_wq)
		destroy_workqueue(litmus_wq);
	kfree(saved);
	return r;
}

static void __exit litmus_exit(void)
{
}

module_init(litmus_init);
module_exit(litmus_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The explorer's litmus programs, on a kernel");
