/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TWILL_ASYNC_PF_H
#define TWILL_ASYNC_PF_H

#define ALL_TOKENS (~0U)	/* every page has come */

/* Interrupts are off. */
void async_pf_task_wait(unsigned int token);
void async_pf_task_wake(unsigned int token);

#endif
