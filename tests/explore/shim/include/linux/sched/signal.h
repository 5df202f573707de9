/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/sched.h>

#include <linux/signal_types.h>

#define send_sig_mceerr(code, at, shift, t)	((void)(at))
