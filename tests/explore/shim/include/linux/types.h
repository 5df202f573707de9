/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_TYPES_H
#define SHIM_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned int gfp_t;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned int fmode_t;
typedef unsigned short umode_t;
typedef unsigned int vm_fault_t;
typedef u64 phys_addr_t;
typedef u64 dma_addr_t;
typedef u64 pfn_t;
typedef long ssize_t;
typedef long loff_t;
typedef int pid_t;
typedef unsigned long uintptr_t;

#define __user
#define __rcu
#define __iomem
#define __percpu
#define __force
#define __init
#define __exit
#define __read_mostly
#define __must_check
#define __always_unused	__attribute__((unused))
#define __maybe_unused	__attribute__((unused))
#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define noinline	__attribute__((noinline))
#define fallthrough	__attribute__((fallthrough))
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __acquire(x)	((void)0)
#define __release(x)	((void)0)
#define likely(x)	(x)
#define unlikely(x)	(x)

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#endif
