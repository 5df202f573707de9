/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_IRQFLAGS_H
#define SHIM_IRQFLAGS_H

#include <linux/preempt.h>

/* Let interrupts in, and wait for one that came since they were off. */
void safe_halt(void);

#endif
