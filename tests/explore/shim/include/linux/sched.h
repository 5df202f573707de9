/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SCHED_H
#define SHIM_SCHED_H

#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/signal_types.h>

struct mm_struct;

struct task_struct {
	struct mm_struct *mm;
	pid_t pid;
	char comm[16];
	sigset_t real_blocked;
};

struct task_struct *shim_current(void);
#define current		shim_current()
bool shim_signal_pending(void);
#define signal_pending(t)	shim_signal_pending()
#define fatal_signal_pending(t)	shim_signal_pending()
#define need_resched()		false
/* Nobody leaves work for a task's way to user space; it has no user space. */
#define task_work_pending(t)	false
#define set_thread_flag(flag)	do { } while (0)
void shim_schedule(void);
#define schedule()		shim_schedule()

#endif
