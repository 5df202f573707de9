/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_WAIT_H
#define SHIM_WAIT_H

#include <linux/sched.h>

struct wait_queue_head {
	unsigned int woken;		/* how often somebody called */
};
typedef struct wait_queue_head wait_queue_head_t;

#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define DECLARE_WAIT_QUEUE_HEAD(q)	struct wait_queue_head q
#define DEFINE_WAIT(w)		int __maybe_unused w
#define init_waitqueue_head(q)	((q)->woken = 0)
void shim_prepare_to_wait(struct wait_queue_head *q, const char *name);
void finish_wait_(void);
bool shim_schedule_timeout(void);
void shim_wake_up(struct wait_queue_head *q, const char *name);
#define prepare_to_wait(q, w, state)	shim_prepare_to_wait(q, #q)
#define finish_wait(q, w)	finish_wait_()
#define wake_up(q)		shim_wake_up(q, #q)
#define wake_up_all(q)		shim_wake_up(q, #q)
#define wake_up_interruptible(q)	shim_wake_up(q, #q)
#define wait_event(q, cond) do {					\
	for (;;) {							\
		shim_prepare_to_wait(&(q), #q);				\
		if (cond)						\
			break;						\
		schedule();						\
	}								\
	finish_wait_();							\
} while (0)
#define wait_event_interruptible(q, cond) ({				\
	bool met_ = false;						\
	wait_event(q, (met_ = (cond)) || signal_pending(current));	\
	met_ ? 0 : -ERESTARTSYS; })
#define wait_event_killable(q, cond)	wait_event_interruptible(q, cond)
/* 0: the time is over and the condition does not hold. */
#define wait_event_timeout(q, cond, time) ({				\
	long left_ = (time);						\
	for (;;) {							\
		shim_prepare_to_wait(&(q), #q);				\
		if (cond) {						\
			left_ = left_ ? left_ : 1;			\
			break;						\
		}							\
		if (!left_)						\
			break;						\
		if (!shim_schedule_timeout())				\
			left_ = 0;					\
	}								\
	finish_wait_();							\
	left_; })

#endif
