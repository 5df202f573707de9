/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SEMAPHORE_H
#define SHIM_SEMAPHORE_H

#include <linux/kernel.h>

struct semaphore {
	unsigned int count;
	unsigned int first;		/* what it began with */
	const char *name;
	const void *key;
};

/* With its count, which before 6.4 was 1 and not said. */
#define DEFINE_SEMAPHORE(s, ...)					\
	struct semaphore s = { .count = __VA_ARGS__ + 0 ?: 1, .name = #s, \
		.first = __VA_ARGS__ + 0 ?: 1 }
#define sema_init(s, n)	do {						\
	static const char shim_key_;					\
	shim_sema_init(s, n, #s, &shim_key_);				\
} while (0)
void shim_sema_init(struct semaphore *s, unsigned int n, const char *name,
		    const void *key);
void down(struct semaphore *s);
void up(struct semaphore *s);
int down_trylock(struct semaphore *s);	/* 0: it has been taken */
int down_timeout(struct semaphore *s, long time);
#define down_interruptible(s)	(down(s), 0)
#define down_killable(s)	(down(s), 0)

#endif
