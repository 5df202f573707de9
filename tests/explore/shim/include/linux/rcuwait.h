/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_RCUWAIT_H
#define SHIM_RCUWAIT_H

#include <linux/wait.h>

/* One task waits; who wakes it need not know which. */
struct rcuwait {
	struct wait_queue_head q;
};

#define rcuwait_init(w)		init_waitqueue_head(&(w)->q)
#define rcuwait_wake_up(w)	shim_wake_up(&(w)->q, #w)
#define rcuwait_wait_event(w, cond, state)	\
	wait_event_interruptible((w)->q, cond)

#endif
