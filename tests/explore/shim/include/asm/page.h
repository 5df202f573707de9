/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_PAGE_H
#define SHIM_PAGE_H

#include <linux/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)	(((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_ALIGNED(x)	(((x) & (PAGE_SIZE - 1)) == 0)

/* Physical memory is the arena; address 0 is its first byte. */
#define SHIM_ARENA	0x100000000000UL

struct page {
	int refs;
	bool dirty;
	bool absent;			/* until it is asked for */
	bool lazy;			/* ... and who asks must wait */
	bool file;			/* of a file, whose system is asked first */
	bool read_only;			/* ... before it is written to */
	unsigned long saved;		/* the file's own first word */
};

extern struct page shim_mem_map[];
#define virt_to_phys(p)	((phys_addr_t)((unsigned long)(p) - SHIM_ARENA))
#define phys_to_virt(x)	((void *)((unsigned long)(x) + SHIM_ARENA))
#define __pa(p)		virt_to_phys(p)
#define __va(x)		phys_to_virt(x)
#define pfn_to_page(n)	(&shim_mem_map[n])
#define page_to_pfn(p)	((unsigned long)((p) - shim_mem_map))
#define page_to_phys(p)	((phys_addr_t)page_to_pfn(p) << PAGE_SHIFT)
#define virt_to_page(p)	pfn_to_page(virt_to_phys(p) >> PAGE_SHIFT)
#define page_address(p)	phys_to_virt(page_to_phys(p))
#define page_to_virt(p)	page_address(p)

#endif
