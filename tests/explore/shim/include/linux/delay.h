/* SPDX-License-Identifier: GPL-2.0-only */
/* To sleep for a time. When it is over is the scheduler's choice. */
#ifndef SHIM_DELAY_H
#define SHIM_DELAY_H

#include <linux/sched.h>

#define msleep(ms)		((void)(ms), schedule())
#define ssleep(s)		msleep((s) * 1000)
#define usleep_range(min, max)	((void)(min), msleep(max))

#endif
