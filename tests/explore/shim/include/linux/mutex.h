/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MUTEX_H
#define SHIM_MUTEX_H

#include <linux/kernel.h>
#include <linux/atomic.h>
#include <linux/lockdep.h>

struct mutex {
	struct shim_lock shim;
};

#define DEFINE_MUTEX(m)	struct mutex m = { { .name = #m } }
#define mutex_init(m)	do {						\
	static const char shim_key_;					\
	shim_lock_init(&(m)->shim, #m, &shim_key_);			\
} while (0)
#define mutex_destroy(m)	((void)(m))
#define mutex_lock(m)		shim_lock(&(m)->shim, LOCK_MUTEX, 0)
#define mutex_lock_nested(m, sub)	shim_lock(&(m)->shim, LOCK_MUTEX, sub)
#define mutex_lock_killable(m)	(shim_lock(&(m)->shim, LOCK_MUTEX, 0), 0)
#define mutex_lock_interruptible(m)	mutex_lock_killable(m)
#define mutex_trylock(m)	shim_trylock(&(m)->shim, LOCK_MUTEX)
#define mutex_unlock(m)		shim_unlock(&(m)->shim, LOCK_MUTEX)
#define mutex_is_locked(m)	shim_is_locked(&(m)->shim)

#endif
