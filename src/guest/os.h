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
	return &this_task()->reader;
}

static inline bool may_block(void)
{
	const struct task *me = this_task();

	return me != &this()->loop && !me->preempt_count && !me->reader.depth;
}

static inline void set_blocked(void)
{
	this_task()->blocked = true;
}

static inline void cli(void)
{
	asm volatile("cli" : : : "memory");
}

static inline void sti(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void hlt(void)
{
	asm volatile("hlt" : : : "memory");
}

void *take_memory(size_t size);
void give_memory(void *memory);

#endif
