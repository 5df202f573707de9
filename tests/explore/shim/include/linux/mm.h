/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MM_H
#define SHIM_MM_H

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <asm/io.h>

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long pgoff, address;
	unsigned int flags;
	struct page *page;
};

struct vm_operations_struct {
	vm_fault_t (*fault)(struct vm_fault *vmf);
};

struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_start, vm_end, vm_pgoff, vm_flags;
	struct file *vm_file;
	const struct vm_operations_struct *vm_ops;
	void *vm_private_data;
};

#define VM_FAULT_SIGBUS	2
#define FOLL_WRITE	1
#define FOLL_HWPOISON	2
#define FOLL_NOWAIT	4
#define FAULT_FLAG_WRITE	1
#define FAULT_FLAG_REMOTE	2
#define VM_WRITE	2
#define VM_SHARED	8

void get_page(struct page *page);
void put_page(struct page *page);
long get_user_pages_unlocked(unsigned long start, unsigned long n,
			     struct page **pages, unsigned int flags);
int fixup_user_fault(struct mm_struct *mm, unsigned long at,
		     unsigned int flags, bool *unlocked);
int get_user_pages_fast_only(unsigned long start, int n, unsigned int flags,
			     struct page **pages);
#define get_user_pages_fast(s, n, f, p)	\
	((int)get_user_pages_unlocked(s, n, p, f))
bool PageDirty(struct page *page);
bool PageAnon(struct page *page);
void SetPageDirty(struct page *page);
/* The host's table: one level, of what 2 MiB each are mapped by. */
#define pgd_offset(mm, at)	(&(mm)->pgd)
#define p4d_offset(pgd, at)	(pgd)
#define pud_offset(p4d, at)	(p4d)
#define pmd_offset(pud, at)	shim_pmd((pud)->mm, at)
#define pgd_present(pgd)	true
#define p4d_present(p4d)	true
#define pud_present(pud)	true
#define pud_leaf(pud)		false
#define pmd_present(pmd)	true
#define pmd_leaf(pmd)		((pmd).large)
pmd_t *shim_pmd(struct mm_struct *mm, unsigned long at);
void mmap_read_lock(struct mm_struct *mm);
void mmap_read_unlock(struct mm_struct *mm);
/* Whatever a process has are pages. */
#define VM_IO			0x4000
#define VM_PFNMAP		0x400
typedef unsigned long pte_t;
#define vma_lookup(mm, at)	((struct vm_area_struct *)NULL)
#define follow_pte(mm, at, pte, lock)	((void)(lock), -EINVAL)
#define pte_unmap_unlock(pte, lock)	((void)(lock))
#define pte_pfn(pte)		((pte) >> PAGE_SHIFT)
#define pte_write(pte)		true

#endif
