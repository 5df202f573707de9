/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_KVM_TYPES_H
#define SHIM_KVM_TYPES_H

#include <linux/types.h>

typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;

#endif
