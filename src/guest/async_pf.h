/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TWILL_ASYNC_PF_H
#define TWILL_ASYNC_PF_H

#include <stdbool.h>

struct task;

#define ALL_TOKENS (~0U)	/* every page has come */

extern const bool async_pf_always;

/* Interrupts are off. */
void async_pf_task_wait(unsigned int token);
void async_pf_task_wake(unsigned int token);
bool async_pf_waits(unsigned int n, unsigned int *token, struct task **task);

#endif
