/* SPDX-License-Identifier: GPL-2.0-only */
/* When a guest can be interrupted: the explorer's goes by this, too. */
#ifndef TWILL_WINDOW_H
#define TWILL_WINDOW_H

#include <linux/types.h>

bool window_open(bool enabled, bool shadow);

#endif
