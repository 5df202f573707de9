/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_CPUMASK_H
#define SHIM_CPUMASK_H

#include <linux/slab.h>

/* As with CONFIG_CPUMASK_OFFSTACK: making one allocates. */
struct cpumask {
	unsigned long bits;
};
typedef struct cpumask *cpumask_var_t;

static inline bool zalloc_cpumask_var(cpumask_var_t *mask, gfp_t flags)
{
	*mask = kzalloc(sizeof(**mask), flags);
	return *mask;
}

#define free_cpumask_var(mask)	kfree(mask)
#define cpumask_clear(mask)	((void)((mask)->bits = 0))
#define __cpumask_set_cpu(cpu, mask)	((void)((mask)->bits |= 1UL << (cpu)))
#define cpumask_test_cpu(cpu, mask)	((mask)->bits >> (cpu) & 1)

#endif
