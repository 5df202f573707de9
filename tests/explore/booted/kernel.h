/* SPDX-License-Identifier: GPL-2.0-only */
/* What a litmus program uses in a kernel, where it differs from the shim's. */
#ifndef LITMUS_KERNEL_H
#define LITMUS_KERNEL_H

#define pr_fmt(fmt) "litmus: " fmt
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

/* The runner waits for what a round has left behind: so it is told of it. */
extern struct workqueue_struct *litmus_wq;
extern bool litmus_callbacks;
#define schedule_work(w)	queue_work(litmus_wq, w)
#define schedule_delayed_work(w, delay) \
	queue_delayed_work(litmus_wq, w, delay)
#define call_rcu(head, fn)	(litmus_callbacks = true, call_rcu(head, fn))

#endif
