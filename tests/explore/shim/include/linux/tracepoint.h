/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_TRACEPOINT_H
#define SHIM_TRACEPOINT_H

#define TP_PROTO(...)	__VA_ARGS__
#define TRACE_EVENT(name, proto, ...)				\
__attribute__((always_inline, no_sanitize("thread")))		\
static inline void trace_##name(proto)				\
{								\
}

#endif
