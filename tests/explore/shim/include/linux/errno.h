/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_ERRNO_H
#define SHIM_ERRNO_H

#include_next <linux/errno.h>
#define ERESTARTSYS	512
#define ERESTARTNOHAND	514
#define ENOIOCTLCMD	515

#endif
