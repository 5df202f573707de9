/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#include <linux/types.h>

enum {
	SHIM_READS, SHIM_WRITES = 1, SHIM_ACQUIRES = 2, SHIM_RELEASES = 4,
	SHIM_FENCE = 8, SHIM_FULL = 15,
	SHIM_ONCE = 16		/* made where shim_marked() says; see late.c */
};
void *shim_marked(const char *op, const char *name, const void *p, size_t size,
		  int how);
void shim_fence(bool before, bool after);
void shim_quiet(int n);
void shim_has_read(const char *name);
#define barrier()	__asm__ __volatile__("" : : : "memory")

/*
 * A marked access is a visible operation: other tasks may come first. When a
 * pointer was read they may also come before it is followed; and what is read
 * by following it comes after what was written before it was set.
 */
#define SHIM_READ(x, name, how) ({						\
	typeof(x) *once_ = (typeof(x) *)&(x);				\
	const bool ptr_ = __builtin_classify_type(*once_) == 5;		\
	once_ = shim_marked("read", name, once_, sizeof(*once_),		\
			    SHIM_ONCE | (ptr_ ? SHIM_ACQUIRES : (how)));	\
	typeof(x) value_ = *once_;					\
	if (ptr_)							\
		shim_has_read(name);					\
	value_; })
#define SHIM_WRITE(x, name, v, how) do {					\
	typeof(x) *once_ = (typeof(x) *)&(x);				\
	typeof(x) value_ = (v);						\
	once_ = shim_marked("write", name, once_, sizeof(*once_), how);	\
	*once_ = value_;						\
} while (0)
#define READ_ONCE(x)		SHIM_READ(x, #x, SHIM_READS)
#define WRITE_ONCE(x, v)	SHIM_WRITE(x, #x, v, SHIM_WRITES | SHIM_ONCE)
#define smp_load_acquire(p)	SHIM_READ(*(p), &#p[*#p == '&'], SHIM_ACQUIRES)
#define smp_store_release(p, v)	\
	SHIM_WRITE(*(p), &#p[*#p == '&'], v, SHIM_WRITES | SHIM_RELEASES)
#define smp_store_mb(x, v)	SHIM_WRITE(x, #x, v, SHIM_WRITES | SHIM_FENCE)
#define data_race(x) ({							\
	shim_quiet(1);							\
	typeof(x) value_ = (x);						\
	shim_quiet(-1);							\
	value_; })

#define smp_mb()	shim_fence(true, true)
#define smp_rmb()	shim_fence(false, true)
#define smp_wmb()	shim_fence(true, false)
#define mb()		smp_mb()
#define smp_mb__before_atomic()	smp_mb()
#define smp_mb__after_atomic()	smp_mb()

#define container_of(p, type, member)	\
	((type *)((char *)(p) - offsetof(type, member)))
void shim_cpu_relax(void);
#define cpu_relax()	shim_cpu_relax()

#endif
