/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_BUG_H
#define SHIM_BUG_H

#include <linux/types.h>

void shim_warn(const char *class, const char *what);
#define WARN_ON(c) ({ bool w_ = !!(c); if (w_) shim_warn("warning", #c); w_; })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define WARN(c, ...)		WARN_ON(c)
#define WARN_ONCE(c, ...)	WARN_ON(c)
#define BUG_ON(c)	do { if (c) shim_warn("bug", #c); } while (0)
#define BUG()		shim_warn("bug", "BUG")

#endif
