/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LOCKDEP_H
#define SHIM_LOCKDEP_H

#include <linux/types.h>

enum lock_kind {
	LOCK_MUTEX, LOCK_SPIN, LOCK_WRITE, LOCK_SHARED,
	LOCK_SPIN_WRITE, LOCK_SPIN_SHARED	/* of an rwlock_t */
};

/* A lock of any kind. The owner is a task's number plus 1. */
struct shim_lock {
	int owner, readers;
	int class;
	const char *name;
};

struct lock_class_key {
	char unused;
};

void shim_lock_init(struct shim_lock *l, const char *name, const void *key);
void shim_lock(struct shim_lock *l, enum lock_kind kind, int subclass);
int shim_trylock(struct shim_lock *l, enum lock_kind kind);
void shim_unlock(struct shim_lock *l, enum lock_kind kind);
void shim_downgrade(struct shim_lock *l);
int shim_is_locked(struct shim_lock *l);
bool shim_is_held(struct shim_lock *l);
void shim_assert_held(struct shim_lock *l, bool held);
void shim_assert_irqs_off(void);

#define lockdep_assert_held(l)		shim_assert_held(&(l)->shim, true)
#define lockdep_assert_not_held(l)	shim_assert_held(&(l)->shim, false)
#define lockdep_assert_irqs_disabled()	shim_assert_irqs_off()
#define lockdep_is_held(l)		shim_is_held(&(l)->shim)
#define lockdep_set_class(l, key)	((void)0)
#define SINGLE_DEPTH_NESTING		1

#endif
