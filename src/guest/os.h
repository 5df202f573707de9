/* SPDX-License-Identifier: GPL-2.0-only */
/* What our kernels offer to tasks that wait. The explorer has its own os.h. */
#ifndef TWILL_OS_H
#define TWILL_OS_H

#include <stdbool.h>
#include <stddef.h>
#include "tasks.h"

#define READ_ONCE(x)		(*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile typeof(x) *)&(x) = (value))

#define barrier() asm volatile("" : : : "memory")

static inline struct rcu_reader *this_reader(void)
{
	return &current->reader;
}

static inline unsigned int this_cpu(void)
{
	return 0;
}

static inline struct task *this_task(void)
{
	return current;
}

static inline bool may_block(void)
{
	return current != tasks && !current->preempt_count &&
	       !current->reader.depth;
}

static inline void set_blocked(void)
{
	current->blocked = 1;
}

static inline void schedule(void)
{
	yield();
}

static inline void wake_task(struct task *task)
{
	task->blocked = 0;
}

static inline void kick_cpu(unsigned int cpu)
{
	(void)cpu;
}

struct spinlock { };
static inline void spin_lock(struct spinlock *lock) { (void)lock; }
static inline void spin_unlock(struct spinlock *lock) { (void)lock; }

void *take_memory(size_t size);
void give_memory(void *memory);

#endif
