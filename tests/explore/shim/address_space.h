/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the address space know of one another. */
#ifndef ADDRESS_SPACE_H
#define ADDRESS_SPACE_H

#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include "shim/shim.h"

#define LARGE	(512 * PAGE_SIZE)	/* what one entry of a pmd maps */

extern struct mm_struct *mm;	/* of the process whose machine it is */

/* process.c */
bool of_the_process(void);	/* the task that runs is */
bool process_closed(void);	/* ... and who waits for its pages waits no more */
void process_reset(void);
void drop_mm(struct mm_struct *m, unsigned long pc);

/* notifier.c */
void notifier_reset(void);
bool can_be_found(void);	/* by the host, from a page of it */
void invalidate(struct mmu_notifier_range *r);
void invalidated(struct mmu_notifier_range *r);
void release_notifiers(unsigned long pc);

/* mm.c */
void unmap_pages(unsigned long pc);

/* files.c */
void unmap_files(unsigned long pc);

#endif
