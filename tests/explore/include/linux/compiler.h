/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#include <linux/types.h>

void shim_marked(const char *op, const char *name, const void *p, size_t size,
		 bool write);
void shim_has_read(const char *name);
#define barrier()	__asm__ __volatile__("" : : : "memory")

/*
 * A marked access is a visible operation: other tasks may come first. When a
 * pointer was read they may also come before it is followed.
 */
#define READ_ONCE(x) ({							\
	typeof(x) *once_ = (typeof(x) *)&(x);				\
	shim_marked("read", #x, once_, sizeof(*once_), false);		\
	typeof(x) value_ = *once_;					\
	if (__builtin_classify_type(value_) == 5)			\
		shim_has_read(#x);					\
	value_; })
#define WRITE_ONCE(x, v) do {						\
	typeof(x) *once_ = (typeof(x) *)&(x);				\
	typeof(x) value_ = (v);						\
	shim_marked("write", #x, once_, sizeof(*once_), true);		\
	*once_ = value_;						\
} while (0)
#define data_race(x)	(x)

#define smp_mb()	barrier()
#define smp_rmb()	barrier()
#define smp_wmb()	barrier()
#define mb()		barrier()
#define smp_mb__before_atomic()	barrier()
#define smp_mb__after_atomic()	barrier()
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#define smp_store_mb(x, v)	WRITE_ONCE(x, v)

#define container_of(p, type, member)	\
	((type *)((char *)(p) - offsetof(type, member)))
void shim_cpu_relax(void);
#define cpu_relax()	shim_cpu_relax()

#endif
