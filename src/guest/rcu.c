// SPDX-License-Identifier: GPL-2.0-only
/* Read, copy, update: on one processor, whose tasks are preempted. */
#include <guest/os.h>
#include "rcu.h"

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
	me->preempted = 0;
	waiting--;
	interrupts_as(flags);
}

void rcu_preempt(void)
{
	struct rcu_reader *me = this_reader();

	if (!me->depth || me->preempted)
		return;
	me->preempted = 1;
	waiting++;
}

void synchronize_rcu(void)
{
	while (READ_ONCE(waiting))
		yield();
}
