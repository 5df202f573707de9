/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_WORKQUEUE_H
#define SHIM_WORKQUEUE_H

#include <linux/kernel.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *w);

struct work_struct {
	work_func_t func;
	bool pending;
	struct work_struct *next;
};

struct workqueue_struct;
extern struct workqueue_struct *system_wq, *system_unbound_wq;

#define INIT_WORK(w, f)	\
	(*(w) = (struct work_struct){ .func = (f) })
#define schedule_work(w)	shim_queue_work(w, #w)
#define queue_work(q, w)	shim_queue_work(w, #w)
#define flush_work(w)		shim_flush_work(w, #w, false)
#define cancel_work_sync(w)	shim_flush_work(w, #w, true)
/* When a delay is over is the scheduler's choice. */
struct delayed_work {
	struct work_struct work;
};

#define INIT_DELAYED_WORK(d, f)	INIT_WORK(&(d)->work, f)
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define schedule_delayed_work(d, delay)	((void)(delay), \
					 schedule_work(&(d)->work))
#define flush_delayed_work(d)	flush_work(&(d)->work)
#define cancel_delayed_work_sync(d)	cancel_work_sync(&(d)->work)
bool shim_queue_work(struct work_struct *w, const char *name);
bool shim_flush_work(struct work_struct *w, const char *name, bool cancel);

#endif
