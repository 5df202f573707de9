// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an account of the kernel's pages (account.h) must ask the kernel: a
 * program reads /sys/module/settle/parameters/kept. These pages the kernel
 * keeps, however little is in use: KASAN's depot of stacks, which only grows;
 * the tables that map what vmalloc() hands out; and the shadow of that.
 *
 * A page of shadow tells of 32 KiB, and of two areas where they meet. Linux 6.1
 * gives it back when all of the 32 KiB are free; 6.12 only when one area alone
 * covered them (kasan_release_vmalloc_node() in mm/vmalloc.c gives each area for
 * its own surroundings). So there, a machine that had many stacks at a time, of
 * 36 KiB each, keeps a page or two for each of them.
 */
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#define DEPOT_PAGES 4		/* lib/stackdepot.c takes as many at a time */

static unsigned long depot_index;
module_param(depot_index, ulong, 0);
MODULE_PARM_DESC(depot_index, "where /proc/kallsyms has it; 0: no depot");

/* The entry for an address; or none, for as much as SIZE has no tables. */
static pmd_t *entry(unsigned long at, unsigned long *size)
{
	pgd_t *pgd = pgd_offset(current->active_mm, at);
	p4d_t *p4d;
	pud_t *pud;

	*size = PGDIR_SIZE;
	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, at);
	*size = P4D_SIZE;
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, at);
	*size = PUD_SIZE;
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	*size = PMD_SIZE;
	return pmd_offset(pud, at);
}

static unsigned long mapped(pmd_t *pmd, unsigned long at)
{
	pte_t *pte = pte_offset_kernel(pmd, at & PMD_MASK);
	unsigned long i, n = 0;

	for (i = 0; i < PTRS_PER_PTE; i++)
		n += !!pte_present(pte[i]);
	return n;
}

/* The last level's tables from FROM to TO, and, if LEAVES, what they map. */
static unsigned long pages(unsigned long from, unsigned long to, bool leaves)
{
	unsigned long at, size, n = 0;

	for (at = from; at < to; at = (at & ~(size - 1)) + size) {
		pmd_t *pmd = entry(at, &size);

		if (!pmd || !pmd_present(*pmd) || pmd_leaf(*pmd))
			continue;
		n += 1 + (leaves ? mapped(pmd, at) : 0);
	}
	return n;
}

/*
 * vfree() unmaps later, when 96 MiB have come together; so long, KASAN keeps
 * all of their shadow: up to 3,072 pages.
 */
static int unmap_and_tell(char *buffer, const struct kernel_param *kp)
{
	int taken = depot_index ? READ_ONCE(*(int *)depot_index) : 0;
	unsigned long n = DEPOT_PAGES * taken;

	vm_unmap_aliases();
	n += pages(VMALLOC_START, VMALLOC_END, false);
#ifdef CONFIG_KASAN_VMALLOC
	n += pages((unsigned long)kasan_mem_to_shadow((void *)VMALLOC_START),
		   (unsigned long)kasan_mem_to_shadow((void *)VMALLOC_END),
		   true);
#endif
	return scnprintf(buffer, PAGE_SIZE, "%lu\n", n);
}

static const struct kernel_param_ops kept = { .get = unmap_and_tell };
module_param_cb(kept, &kept, NULL, 0400);
MODULE_PARM_DESC(kept, "Unmap what was freed; pages that the kernel keeps");

MODULE_DESCRIPTION("For Twill's tests: what stands in an account's way");
MODULE_LICENSE("GPL");
