/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel offers to tasks that wait, in the explorer: as src/guest/os.h,
 * whose place this takes. The scenario is the kernel.
 */
#ifndef SHIM_GUEST_OS_H
#define SHIM_GUEST_OS_H

#include <guest/cpu.h>
#include <linux/compiler.h>
#include <linux/slab.h>
#include <linux/types.h>

struct task;

struct task *this_task(void);
bool may_block(void);
void block(void);
void wake_task(struct task *task);
void halt(void);

static inline void *take_memory(size_t size)
{
	return kmalloc(size, GFP_ATOMIC);
}

static inline void give_memory(void *memory)
{
	kfree(memory);
}

#endif
