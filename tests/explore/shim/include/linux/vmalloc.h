/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_VMALLOC_H
#define SHIM_VMALLOC_H

#include <linux/slab.h>
#define vmalloc(size)	shim_alloc(size, GFP_KERNEL, #size)
#define vzalloc(size)	shim_alloc(size, GFP_KERNEL | __GFP_ZERO, #size)
#define vfree(p)	kfree(p)

#endif
