/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/mutex.h>

extern struct mutex lock_a, lock_b;
