/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

#include <linux/signal_types.h>
#include <linux/string.h>

/* The one signal here is SIGKILL, for which no mask is in the way. */
#undef sigmask
#define sigmask(n)		(1UL << ((n) - 1))
#define sigemptyset(set)	memset(set, 0, sizeof(*(set)))
#define sigdelsetmask(set, m)	do { } while (0)
#define sigprocmask(how, set, old)	do { } while (0)

#endif
