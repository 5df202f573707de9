// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an account of the kernel's pages (account.h) must ask the kernel: a
 * program reads /sys/module/settle/parameters/depot.
 */
#include <linux/module.h>
#include <linux/vmalloc.h>

#define DEPOT_PAGES 4		/* lib/stackdepot.c takes as many at a time */

static unsigned long depot_index;
module_param(depot_index, ulong, 0);
MODULE_PARM_DESC(depot_index, "where /proc/kallsyms has it; 0: no depot");

/*
 * vfree() unmaps later, when 96 MiB have come together; so long, KASAN keeps
 * the shadow: up to 3,072 pages. And its depot of stacks only ever grows.
 */
static int unmap_and_tell(char *buffer, const struct kernel_param *kp)
{
	int taken = depot_index ? READ_ONCE(*(int *)depot_index) : 0;

	vm_unmap_aliases();
	return scnprintf(buffer, PAGE_SIZE, "%d\n", DEPOT_PAGES * taken);
}

static const struct kernel_param_ops depot = { .get = unmap_and_tell };
module_param_cb(depot, &depot, NULL, 0400);
MODULE_PARM_DESC(depot, "Unmap what was freed; pages that the depot filled");

MODULE_DESCRIPTION("For Twill's tests: what stands in an account's way");
MODULE_LICENSE("GPL");
