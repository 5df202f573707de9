/* SPDX-License-Identifier: GPL-2.0-only */
/* What a VMM asks of the model: a guest is a list of operations. */
#ifndef TWILL_MODEL_H
#define TWILL_MODEL_H

#include <linux/ioctl.h>
#include <linux/kvm.h>
#include <linux/types.h>

enum {
	MODEL_HALT, MODEL_TOUCH, MODEL_WRITE, MODEL_OUT, MODEL_IN, MODEL_CALL,
	MODEL_WAIT, MODEL_SPIN,
};

struct model_op {
	__u32 kind;
	__u32 port;		/* of OUT and IN */
	__u64 gpa;		/* of TOUCH and WRITE */
	__u64 value;		/* of WRITE, OUT and CALL */
};

#define MODEL_OPS 8

struct model_script {
	__u32 n;
	__u32 unused;
	struct model_op op[MODEL_OPS];
};

#define MODEL_SET_SCRIPT	_IOW(KVMIO, 0xf0, struct model_script)
#define MODEL_GET_VALUE		_IOR(KVMIO, 0xf1, __u64)
#define MODEL_EVENT		_IO(KVMIO, 0xf2)	/* for this vCPU */
#define MODEL_ASYNC		_IO(KVMIO, 0xf3)	/* it can be told, or not */

#endif
