/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_REFCOUNT_H
#define SHIM_REFCOUNT_H

#include <linux/kernel.h>

typedef struct refcount_struct {
	int refs;
} refcount_t;

#define REFCOUNT_INIT(n)	{ n }
void shim_refcount_set(refcount_t *r, int n);
int shim_refcount_read(refcount_t *r, const char *name);
void shim_refcount_add(refcount_t *r, int n, const char *name);
bool shim_refcount_inc_not_zero(refcount_t *r, const char *name);
bool shim_refcount_sub(refcount_t *r, int n, bool test, const char *name);
bool shim_refcount_dec_unless(refcount_t *r, bool if_one, const char *name);
#define refcount_dec_not_one(r)	shim_refcount_dec_unless(r, false, #r)
#define refcount_dec_if_one(r)	shim_refcount_dec_unless(r, true, #r)
/* The lock is held only where the count has come to zero. */
#define refcount_dec_and_mutex_lock(r, m)				\
	(!refcount_dec_not_one(r) && (mutex_lock(m),			\
	 refcount_dec_and_test(r) || (mutex_unlock(m), false)))
#define refcount_dec_and_lock(r, s)					\
	(!refcount_dec_not_one(r) && (spin_lock(s),			\
	 refcount_dec_and_test(r) || (spin_unlock(s), false)))
#define refcount_set(r, n)	shim_refcount_set(r, n)
#define refcount_read(r)	((unsigned int)shim_refcount_read(r, #r))
#define refcount_inc(r)		shim_refcount_add(r, 1, #r)
#define refcount_add(n, r)	shim_refcount_add(r, n, #r)
#define refcount_inc_not_zero(r)	shim_refcount_inc_not_zero(r, #r)
#define refcount_dec_and_test(r)	shim_refcount_sub(r, 1, true, #r)
#define refcount_sub_and_test(n, r)	shim_refcount_sub(r, n, true, #r)
#define refcount_dec(r)		((void)shim_refcount_sub(r, 1, false, #r))

#endif
