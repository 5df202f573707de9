/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/sched.h>

#define BUS_MCEERR_AR	4
#define send_sig_mceerr(code, at, shift, t)	((void)(at))
