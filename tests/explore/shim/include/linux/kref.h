/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_KREF_H
#define SHIM_KREF_H

#include <linux/refcount.h>

struct kref {
	refcount_t refcount;
};

#define kref_init(k)	refcount_set(&(k)->refcount, 1)
#define kref_read(k)	refcount_read(&(k)->refcount)
#define kref_get(k)	refcount_inc(&(k)->refcount)
#define kref_get_unless_zero(k)	refcount_inc_not_zero(&(k)->refcount)
#define kref_put(k, release) \
	(refcount_dec_and_test(&(k)->refcount) ? (release(k), 1) : 0)

#endif
