/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SCHED_MM_H
#define SHIM_SCHED_MM_H

#include <linux/sched.h>

void mmgrab(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);
void mmget(struct mm_struct *mm);
bool mmget_not_zero(struct mm_struct *mm);
void mmput(struct mm_struct *mm);

#endif
