/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

#include <linux/signal_types.h>

/* No task here gets a signal; a mask can be set, and is in nobody's way. */
#undef sigmask
#define sigmask(n)		(1UL << ((n) - 1))
#define sigdelsetmask(set, m)	do { } while (0)
#define sigprocmask(how, set, old)	do { } while (0)

#endif
