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
#include <linux/spinlock.h>
#include <linux/types.h>

typedef unsigned long uint64_t;
struct task;
struct rcu_reader;

/* The host has some of this name, too. */
#define rcu_read_lock	guest_rcu_read_lock
#define rcu_read_unlock	guest_rcu_read_unlock
#define synchronize_rcu	guest_synchronize_rcu
#define schedule	guest_schedule

struct task *this_task(void);
struct rcu_reader *this_reader(void);
unsigned int this_cpu(void);
bool may_block(void);
void set_blocked(void);
void schedule(void);
void wake_task(struct task *task);
void kick_cpu(unsigned int cpu);
void halt(void);

#define take_memory(size)	kmalloc(size, GFP_ATOMIC)
#define give_memory(memory)	kfree(memory)

/* RCU's readers and its writer are on one processor here. */
static inline void everyone_passes(void)
{
}

#endif
