/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_RWSEM_H
#define SHIM_RWSEM_H

#include <linux/kernel.h>
#include <linux/lockdep.h>

struct rw_semaphore {
	struct shim_lock shim;
};

#define DECLARE_RWSEM(s)	struct rw_semaphore s = { { .name = #s } }
#define init_rwsem(s)	do {						\
	static const char shim_key_;					\
	shim_lock_init(&(s)->shim, #s, &shim_key_);			\
} while (0)
#define down_read(s)		shim_lock(&(s)->shim, LOCK_SHARED, 0)
#define down_write(s)		shim_lock(&(s)->shim, LOCK_WRITE, 0)
#define down_read_trylock(s)	shim_trylock(&(s)->shim, LOCK_SHARED)
#define down_write_trylock(s)	shim_trylock(&(s)->shim, LOCK_WRITE)
#define up_read(s)		shim_unlock(&(s)->shim, LOCK_SHARED)
#define downgrade_write(s)	shim_downgrade(&(s)->shim)
#define rwsem_is_locked(s)	shim_is_locked(&(s)->shim)
#define up_write(s)		shim_unlock(&(s)->shim, LOCK_WRITE)

#endif
