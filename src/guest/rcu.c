// SPDX-License-Identifier: GPL-2.0-only
/* Read, copy, update: readers that are preempted, and never block. */
#include <guest/os.h>
#include "rcu.h"

static struct spinlock lock;
static unsigned int waiting;	/* readers that lost the processor */

void rcu_read_lock(void)
{
	this_reader()->depth++;
	barrier();
}

void rcu_read_unlock(void)
{
	struct rcu_reader *me = this_reader();
	uint64_t flags;

	barrier();
	if (--me->depth || !READ_ONCE(me->preempted))
		return;
	flags = interrupts_off();
	spin_lock(&lock);
	me->preempted = 0;
	waiting--;
	spin_unlock(&lock);
	interrupts_as(flags);
}

void rcu_preempt(void)
{
	struct rcu_reader *me = this_reader();

	if (!me->depth || me->preempted)
		return;
	spin_lock(&lock);
	me->preempted = 1;
	waiting++;
	spin_unlock(&lock);
}

void synchronize_rcu(void)
{
	everyone_passes();
	while (READ_ONCE(waiting))
		schedule();
}
