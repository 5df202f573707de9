/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_INIT_H
#define SHIM_INIT_H

#include <linux/module.h>

#endif
