/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_BITOPS_H
#define SHIM_BITOPS_H

#include <linux/atomic.h>
#include <linux/bits.h>

/* Clear the bit, flip it, or both, which sets it; in one step. */
static inline bool shim_bit(const char *op, unsigned long n, unsigned long *p,
			    unsigned long clear, unsigned long flip, int how)
{
	unsigned long old;

	p += n / 64;
	n %= 64;
	shim_marked(op, NULL, p, sizeof(*p), how);
	old = *p;
	if (clear | flip)
		*p = (old & ~(clear << n)) ^ flip << n;
	return old >> n & 1;
}

#define set_bit(n, p)	\
	((void)shim_bit("set_bit", n, p, 1, 1, SHIM_RELAXED))
#define clear_bit(n, p)	\
	((void)shim_bit("clear_bit", n, p, 1, 0, SHIM_RELAXED))
#define test_and_set_bit(n, p)	\
	shim_bit("test_and_set_bit", n, p, 1, 1, SHIM_FULL)
#define test_and_clear_bit(n, p)	\
	shim_bit("test_and_clear_bit", n, p, 1, 0, SHIM_FULL)
#define test_and_change_bit(n, p)	\
	shim_bit("test_and_change_bit", n, p, 0, 1, SHIM_FULL)
#define test_bit(n, p)	\
	shim_bit("test_bit", n, (unsigned long *)(p), 0, 0, SHIM_READS)
#define __ffs(x)	((unsigned long)__builtin_ctzl(x))
#define fls64(x)	((x) ? 64 - __builtin_clzl(x) : 0)

#endif
