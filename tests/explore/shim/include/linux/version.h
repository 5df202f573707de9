/* SPDX-License-Identifier: GPL-2.0-only */
/* The shim has the words of one kernel, whichever this machine's headers are. */
#ifndef SHIM_VERSION_H
#define SHIM_VERSION_H

#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE	KERNEL_VERSION(6, 1, 0)

#endif
