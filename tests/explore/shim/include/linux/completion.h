/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_COMPLETION_H
#define SHIM_COMPLETION_H

#include <linux/kernel.h>

struct completion {
	unsigned int done;
	const void *key;
};

#define DECLARE_COMPLETION(c)	struct completion c
#define init_completion(c)	do {					\
	static const char shim_key_;					\
	(c)->done = 0;							\
	(c)->key = &shim_key_;						\
} while (0)
void shim_begin_anew(const struct completion *c);
#define reinit_completion(c)	(shim_begin_anew(c), (c)->done = 0)
void shim_complete(struct completion *c, bool all, const char *name);
void shim_wait_for_completion(struct completion *c, const char *name);
unsigned long shim_wait_timeout(struct completion *c, unsigned long timeout,
				const char *name);
bool shim_try_wait(struct completion *c, const char *name);
#define complete(c)		shim_complete(c, false, #c)
#define complete_all(c)		shim_complete(c, true, #c)
#define wait_for_completion(c)	shim_wait_for_completion(c, #c)
#define wait_for_completion_killable(c)		(wait_for_completion(c), 0)
#define wait_for_completion_interruptible(c)	(wait_for_completion(c), 0)
#define wait_for_completion_timeout(c, t)	shim_wait_timeout(c, t, #c)
#define try_wait_for_completion(c)	shim_try_wait(c, #c)
#define completion_done(c)	(READ_ONCE((c)->done) != 0)

#endif
