/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TWILL_RCU_H
#define TWILL_RCU_H

struct rcu_reader {
	unsigned int depth;
	int preempted;		/* and counted */
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
void rcu_preempt(void);		/* interrupts are off */
void synchronize_rcu(void);

#endif
