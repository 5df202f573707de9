/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM TWILL_MODULE

#if !defined(TWILL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TWILL_TRACE_H

#include <linux/tracepoint.h>
#include "compat.h"

TRACE_EVENT(twill_step,
	TP_PROTO(const char *name, const void *object),
	TP_ARGS(name, object),
	TP_STRUCT__entry(
		__string(name, name)
		__field(const void *, object)
	),
	TP_fast_assign(
		assign_str(name);
		__entry->object = object;
	),
	TP_printk("%s %p", __get_str(name), __entry->object)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
