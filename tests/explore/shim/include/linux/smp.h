/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SMP_H
#define SHIM_SMP_H

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/preempt.h>

/* Each task has a CPU of its own. */
int shim_cpu(void);
#define smp_processor_id()	shim_cpu()
#define raw_smp_processor_id()	shim_cpu()
#define get_cpu()	({ preempt_disable(); shim_cpu(); })
#define put_cpu()	preempt_enable()
typedef void (*smp_call_func_t)(void *info);
int smp_call_function_single(int cpu, smp_call_func_t fn, void *info, int wait);
void smp_call_function_many(const struct cpumask *mask, smp_call_func_t fn,
			    void *info, bool wait);
void smp_send_reschedule(int cpu);

#endif
