/* SPDX-License-Identifier: GPL-2.0-only */
/* What Linux is told about a CPU that visits a guest. */
#ifndef TWILL_VISIT_H
#define TWILL_VISIT_H

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/irqflags.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include "compat.h"

/**
 * visit_begin() - from here on this CPU runs a guest
 *
 * Context: interrupts off, and so is their effect: the caller opens them for
 *	the guest alone. Up to visit_end() nothing may run that RCU, lockdep or
 *	a tracer looks at: the caller is noinstr.
 */
static __always_inline void visit_begin(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	if (!context_tracking_guest_enter()) {
		instrumentation_begin();
		note_quiescent_state();
		instrumentation_end();
	}
	lockdep_hardirqs_on(CALLER_ADDR0);
}

/* The CPU is the host's again; interrupts are off. */
static __always_inline void visit_end(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

#endif
