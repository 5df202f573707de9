/* SPDX-License-Identifier: GPL-2.0-only */
/* The points at which the order of events between threads matters. */
#ifndef TWILL_STEP_H
#define TWILL_STEP_H

#include "trace.h"

#ifdef STEPS
void twill_step(const char *name, const void *object);
#define step(name, object) do {				\
	trace_twill_step(#name, object);		\
	twill_step(#name, object);			\
} while (0)
#else
#define step(name, object) trace_twill_step(#name, object)
#endif

/* For the record alone: nothing waits for its turn there. */
#define note(name, object) trace_twill_step(#name, object)

#endif
