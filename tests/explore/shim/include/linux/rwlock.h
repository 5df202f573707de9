/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_RWLOCK_H
#define SHIM_RWLOCK_H

#include <linux/lockdep.h>
#include <linux/preempt.h>

typedef struct {
	struct shim_lock shim;
} rwlock_t;

#define DEFINE_RWLOCK(l)	rwlock_t l = { { .name = #l } }
#define rwlock_init(l)	do {						\
	static const char shim_key_;					\
	shim_lock_init(&(l)->shim, #l, &shim_key_);			\
} while (0)
#define read_lock(l)		shim_lock(&(l)->shim, LOCK_SPIN_SHARED, 0)
#define write_lock(l)		shim_lock(&(l)->shim, LOCK_SPIN_WRITE, 0)
#define read_trylock(l)		shim_trylock(&(l)->shim, LOCK_SPIN_SHARED)
#define write_trylock(l)	shim_trylock(&(l)->shim, LOCK_SPIN_WRITE)
#define read_unlock(l)		shim_unlock(&(l)->shim, LOCK_SPIN_SHARED)
#define write_unlock(l)		shim_unlock(&(l)->shim, LOCK_SPIN_WRITE)
#define read_lock_irq(l)	do { local_irq_disable(); read_lock(l); } while (0)
#define read_unlock_irq(l)	do { read_unlock(l); local_irq_enable(); } while (0)
#define write_lock_irq(l)	do { local_irq_disable(); write_lock(l); } while (0)
#define write_unlock_irq(l)	do { write_unlock(l); local_irq_enable(); } while (0)
#define read_lock_irqsave(l, f)	do { local_irq_save(f); read_lock(l); } while (0)
#define read_unlock_irqrestore(l, f) \
	do { read_unlock(l); local_irq_restore(f); } while (0)
#define write_lock_irqsave(l, f) do { local_irq_save(f); write_lock(l); } while (0)
#define write_unlock_irqrestore(l, f) \
	do { write_unlock(l); local_irq_restore(f); } while (0)
#define read_lock_bh(l)		read_lock(l)
#define read_unlock_bh(l)	read_unlock(l)
#define write_lock_bh(l)	write_lock(l)
#define write_unlock_bh(l)	write_unlock(l)

#endif
