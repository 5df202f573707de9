/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_WORKQUEUE_H
#define SHIM_WORKQUEUE_H

#include <linux/kernel.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *w);

struct work_struct {
	work_func_t func;
	const char *name;
	bool pending;			/* somebody has asked for it ... */
	bool listed;			/* ... and put it on the list */
	struct workqueue_struct *queue;
	struct work_struct *next;
};

struct workqueue_struct {
	const char *name;
	bool ordered;			/* one item at a time */
};
extern struct workqueue_struct *system_wq, *system_unbound_wq;
#define system_long_wq		system_wq
#define system_highpri_wq	system_wq

enum { WQ_UNBOUND = 2, WQ_FREEZABLE = 4, WQ_MEM_RECLAIM = 8, WQ_HIGHPRI = 16 };
struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
					 int most, ...);
#define alloc_ordered_workqueue(name, flags, ...)	\
	alloc_workqueue(name, flags, 1, ##__VA_ARGS__)
void destroy_workqueue(struct workqueue_struct *q);
#define flush_workqueue(q)	shim_flush_workqueue(q, #q)
#define flush_scheduled_work()	flush_workqueue(system_wq)
#define drain_workqueue(q)	shim_flush_workqueue(q, #q)

#define INIT_WORK(w, f)	\
	(*(w) = (struct work_struct){ .func = (f), .name = #w })
#define DECLARE_WORK(w, f)	\
	struct work_struct w = { .func = (f), .name = #w }
#define schedule_work(w)	shim_queue_work(system_wq, w, #w)
#define queue_work(q, w)	shim_queue_work(q, w, #w)
#define work_pending(w)		READ_ONCE((w)->pending)

enum { WORK_FLUSH, WORK_CANCEL, WORK_CANCEL_SYNC };
#define flush_work(w)		shim_flush_work(w, #w, WORK_FLUSH)
#define cancel_work(w)		shim_flush_work(w, #w, WORK_CANCEL)
#define cancel_work_sync(w)	shim_flush_work(w, #w, WORK_CANCEL_SYNC)

/* When a delay is over is the scheduler's choice. */
struct delayed_work {
	struct work_struct work;
};

#define INIT_DELAYED_WORK(d, f)	INIT_WORK(&(d)->work, f)
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define queue_delayed_work(q, d, delay)	((void)(delay), \
					 queue_work(q, &(d)->work))
#define schedule_delayed_work(d, delay)	queue_delayed_work(system_wq, d, delay)
#define flush_delayed_work(d)	flush_work(&(d)->work)
#define cancel_delayed_work(d)	cancel_work(&(d)->work)
#define cancel_delayed_work_sync(d)	cancel_work_sync(&(d)->work)

bool shim_queue_work(struct workqueue_struct *q, struct work_struct *w,
		     const char *name);
bool shim_flush_work(struct work_struct *w, const char *name, int how);
void shim_flush_workqueue(struct workqueue_struct *q, const char *name);

#endif
