// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process whose machine it is: who is of it, who keeps its address space,
 * and its end.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#undef min
#undef max
#include <string.h>
#include "address_space.h"
#include "scenario.h"

struct mm_struct *mm;

/*
 * The process itself counts as one user. So does each of its tasks that is in
 * a system call: its thread, which the end of the process has to wait for.
 */
static struct task_struct kernel_tasks[NR_TASKS];
static struct mm_struct elsewhere;	/* some other process's */
static bool inside[NR_TASKS];
static bool ended, closed;
static bool freed_mm;
static unsigned long last_get;

struct task_struct *shim_current(void)
{
	return &kernel_tasks[cur->id];
}

/* What it supplies pages by goes with its descriptors. */
bool process_closed(void)
{
	return closed;
}

bool of_the_process(void)
{
	return kernel_tasks[cur->id].mm == mm;
}

/* Another process got the descriptors over a socket. */
void u_elsewhere(bool on)
{
	kernel_tasks[cur->id].mm = on ? &elsewhere : mm;
}

void live_elsewhere(int id)
{
	kernel_tasks[id].mm = &elsewhere;
}

static void use_mm(struct mm_struct *m, const char *op, unsigned long pc)
{
	visible(op, "mm", pc, NULL, NULL);
	use(m, sizeof(*m), T_WRITE, pc);
	release(m);
	acquire(m);
}

static void count_mm(struct mm_struct *m, int users, int count,
		     const char *op, unsigned long pc)
{
	if (!m->mm_count || (users > 0 && !m->mm_users))
		fail("refcount", "mm", pc, NULL, NULL, "%s from zero", op);
	if (users > 0 || count > 0)
		last_get = pc;
	m->mm_users += users;
	m->mm_count += count;
	watch("%d, %d", m->mm_users, m->mm_count);
	if (m->mm_users < 0)
		fail("refcount", "mm", pc, NULL, NULL, "%s underflows", op);
	if (!m->mm_count) {
		freed_mm = true;
		arena_free(m, pc);
	}
}

void mmgrab(struct mm_struct *m)
{
	use_mm(m, "mmgrab", HERE);
	count_mm(m, 0, 1, "mmgrab", HERE);
}

void drop_mm(struct mm_struct *m, unsigned long pc)
{
	use_mm(m, "mmdrop", pc);
	count_mm(m, 0, -1, "mmdrop", pc);
}

void mmdrop(struct mm_struct *m)
{
	drop_mm(m, HERE);
}

void mmget(struct mm_struct *m)
{
	use_mm(m, "mmget", HERE);
	count_mm(m, 1, 0, "mmget", HERE);
}

bool mmget_not_zero(struct mm_struct *m)
{
	bool some;

	use_mm(m, "mmget_not_zero", HERE);
	some = m->mm_users;
	count_mm(m, some, 0, "mmget_not_zero", HERE);
	return some;
}

static bool nobody_reads(void *m)
{
	return !((struct mm_struct *)m)->mmap_readers;
}

/* The last user takes down all that is mapped; the structure may stay. */
static void put_user(struct mm_struct *m, unsigned long pc)
{
	use_mm(m, "mmput", pc);
	count_mm(m, -1, 0, "mmput", pc);
	if (m->mm_users)
		return;
	wait_order(mmap_class(), "exit_mmap", pc);
	wait_for("exit_mmap", "mm", pc, nobody_reads, m);
	touch(&m->mmap_readers, T_WAIT);
	acquire(&m->mmap_readers);
	release_notifiers(pc);
	unmap_files(pc);
	unmap_pages(pc);
	drop_mm(m, pc);
}

void mmput(struct mm_struct *m)
{
	may_sleep("mmput", HERE);
	put_user(m, HERE);
}

/* System calls: a task of the process is one of those who keep its memory. */

void enter_process(void)
{
	if (!of_the_process())
		return;
	touch(&ended, T_READ);
	inside[cur->id] = true;
	mm->mm_users++;
}

void leave_process(unsigned long pc)
{
	if (!inside[cur->id])
		return;
	touch(&ended, T_READ);
	release(&ended);
	inside[cur->id] = false;
	if (!ended) {
		mm->mm_users--;
		return;
	}
	live_elsewhere(cur->id);
	put_user(mm, pc);
}

/* Whoever is in a system call of a process that ends is killed there. */
bool shim_signal_pending(void)
{
	touch(&ended, T_READ);
	return ended && inside[cur->id];
}

/*
 * The process ends. Its threads that are in no system call are gone at once;
 * what is called from now on is called by another process, which has the
 * descriptors.
 */
void u_exit(void)
{
	int i;

	cur->kernel = true;
	visible("exit", "process", HERE, NULL, NULL);
	touch(&ended, T_WRITE);
	acquire(&ended);
	ended = true;
	for (i = 0; i < NR_TASKS; i++) {
		if (!inside[i])
			live_elsewhere(i);
	}
	put_user(mm, HERE);
	visible("close all", "process", HERE, NULL, NULL);
	touch(&closed, T_RELEASE);
	closed = true;
	run_task_works();
	check_user_return(HERE);
	cur->kernel = false;
}

void process_reset(void)
{
	int i;

	memset(inside, 0, sizeof(inside));
	ended = closed = freed_mm = false;
	cur = &tasks[MAIN_TASK];
	mm = arena_alloc(sizeof(*mm), 16, "mm", HERE);
	memset(mm, 0, sizeof(*mm));
	mm->mm_users = mm->mm_count = 1;
	mm->pgd.mm = mm;
	for (i = 0; i < NR_TASKS; i++)
		kernel_tasks[i].mm = i < WORKER_TASK ? mm : NULL;
}

/* What is left of it when all files are closed. */
void check_mm(void)
{
	int left = !ended;

	if (freed_mm)
		return;
	if (mm->mm_users != left || mm->mm_count != left) {
		blame(last_get, NULL);
		fail("leak", "mm", last_get, NULL, NULL,
		     "mm_users is %d and mm_count %d, not %d and %d",
		     mm->mm_users, mm->mm_count, left, left);
	}
	arena_free(mm, HERE);
}
