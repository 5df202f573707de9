/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SPINLOCK_H
#define SHIM_SPINLOCK_H

#include <linux/kernel.h>
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>

typedef struct spinlock {
	struct shim_lock shim;
} spinlock_t;

#define DEFINE_SPINLOCK(s)	spinlock_t s = { { .name = #s } }
#define spin_lock_init(s)	do {					\
	static const char shim_key_;					\
	shim_lock_init(&(s)->shim, #s, &shim_key_);			\
} while (0)
#define spin_lock(s)		shim_lock(&(s)->shim, LOCK_SPIN, 0)
#define spin_trylock(s)		shim_trylock(&(s)->shim, LOCK_SPIN)
#define spin_unlock(s)		shim_unlock(&(s)->shim, LOCK_SPIN)
#define spin_is_locked(s)	shim_is_locked(&(s)->shim)
#define spin_lock_bh(s)		spin_lock(s)
#define spin_unlock_bh(s)	spin_unlock(s)
#define spin_lock_irq(s)	do { local_irq_disable(); spin_lock(s); } while (0)
#define spin_unlock_irq(s)	do { spin_unlock(s); local_irq_enable(); } while (0)
#define spin_lock_irqsave(s, f)	do { local_irq_save(f); spin_lock(s); } while (0)
#define spin_unlock_irqrestore(s, f) \
	do { spin_unlock(s); local_irq_restore(f); } while (0)
#define smp_mb__after_spinlock()	smp_mb()
#define assert_spin_locked(s)	lockdep_assert_held(s)

#include <linux/rwlock.h>

#endif
