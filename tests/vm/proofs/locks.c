// SPDX-License-Identifier: GPL-2.0-only
/* Two locks for circle.ko, which takes them in both orders. */
#include <linux/module.h>
#include "locks.h"

DEFINE_MUTEX(lock_a);
EXPORT_SYMBOL_GPL(lock_a);
DEFINE_MUTEX(lock_b);
EXPORT_SYMBOL_GPL(lock_b);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Two locks, for a proof that lockdep sees a circle");
