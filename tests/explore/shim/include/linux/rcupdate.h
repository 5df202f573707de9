/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_RCUPDATE_H
#define SHIM_RCUPDATE_H

#include <linux/kernel.h>
#include <linux/srcu.h>

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
	struct srcu_struct *of, then;
};

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head));
void rcu_barrier(void);
#define rcu_dereference(p)	READ_ONCE(p)
#define rcu_access_pointer(p)	READ_ONCE(p)
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define RCU_INIT_POINTER(p, v)	((p) = (v))
#define rcu_dereference_protected(p, c) ({				\
	if (!(c))							\
		shim_warn("warning", #c);				\
	(p); })
#define rcu_dereference_check(p, c)	READ_ONCE(p)

#endif
