/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TWILL_TOLD_H
#define TWILL_TOLD_H

#include <stdatomic.h>
#include "tasks.h"

extern struct told {
	atomic_uint absent, come, all;	/* news of pages: of one, or of all */
	atomic_uint most;		/* on their way at once */
	atomic_uint in_kernel;		/* touched by the kernel itself */
} told;

/* told.c */
extern void (*wait_for_page)(unsigned int token);
void agree(bool always);
bool take_news(const struct frame *frame);
bool news_waits(void);		/* there is a token that was not taken */

#endif
