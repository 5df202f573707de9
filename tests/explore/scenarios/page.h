/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine with a page of memory and one vCPU, whose guest is a script. */
#ifndef PAGE_H
#define PAGE_H

#include "guest.h"
#include "machine.h"

static int vm, vcpu;
static char *memory;

static inline void set_memory(unsigned long size)
{
	u_assert(!set_slot(vm, 0, 0, size, memory));
}

#ifndef ON_KERNEL
static inline void script(struct model_op first, struct model_op second)
{
	struct model_script s = { .n = 2, .op = { first, second } };

	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}
#endif

static inline void setup(void)
{
	vm = make_vm();
	vcpu = make_vcpu(vm, 0);
	memory = u_memory(PAGE);
	u_assert(memory);
	set_memory(PAGE);
#ifndef ON_KERNEL
	script((struct model_op){ .kind = MODEL_WRITE, .value = 7 },
	       (struct model_op){ .kind = MODEL_TOUCH });
#endif
}

static inline void unmap(void)
{
	if (memory)
		u_munmap(memory, PAGE);
}

static inline void close_all(void)
{
	u_close(vcpu);
	u_close(vm);
	unmap();
}

static inline void take_back(void)
{
	u_munmap(memory, PAGE);
	memory = NULL;
}

static inline void remove_slot(void)
{
	set_memory(0);
}

#endif
