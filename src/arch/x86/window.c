// SPDX-License-Identifier: GPL-2.0-only
/* When a guest can be interrupted. */
#include "window.h"

/**
 * window_open() - may an interrupt come before the guest's next instruction?
 * @enabled: the guest's interrupt flag
 * @shadow: the instruction before was the STI that set it
 *
 * Returns: whether it may (AMD64 Architecture Programmer's Manual, volume 2,
 * 15.20 and 15.21.5).
 */
bool window_open(bool enabled, bool shadow)
{
	return enabled && !shadow;
}
