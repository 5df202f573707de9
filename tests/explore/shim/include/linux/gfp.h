/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_GFP_H
#define SHIM_GFP_H

#include <linux/kernel.h>

#define __GFP_DIRECT_RECLAIM	1u	/* may sleep */
#define __GFP_ZERO		2u
#define __GFP_NOWARN		4u
#define GFP_KERNEL		__GFP_DIRECT_RECLAIM
#define GFP_KERNEL_ACCOUNT	GFP_KERNEL
#define GFP_ATOMIC		8u
#define GFP_NOWAIT		16u

struct page;
void *shim_pages(size_t size, gfp_t flags);
void shim_free_pages(const void *p);
#define alloc_pages_exact(size, flags)	shim_pages(size, flags)
#define free_pages_exact(p, size)	shim_free_pages(p)
#define __get_free_page(flags)	((unsigned long)shim_pages(PAGE_SIZE, flags))
#define get_zeroed_page(flags)	__get_free_page((flags) | __GFP_ZERO)
#define free_page(addr)		shim_free_pages((void *)(addr))
#define __get_free_pages(flags, order)	\
	((unsigned long)shim_pages(PAGE_SIZE << (order), flags))
#define free_pages(addr, order)	shim_free_pages((void *)(addr))
#define alloc_page(flags)	virt_to_page(shim_pages(PAGE_SIZE, flags))
#define __free_page(page)	shim_free_pages(page_address(page))

#endif
