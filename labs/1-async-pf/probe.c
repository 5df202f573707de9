// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that wants more pages at once than workers may be kept asleep for it.
 * So long an order is explored without preemptions, and in the lab alone.
 */
#include "scenarios/told.h"

#define MANY 64			/* as many as one vCPU is told of */

static char *page_of(int i)
{
	return memory + i * PAGE;
}

/* The guest touches a page, and comes out. */
static void want(int i)
{
	script((struct model_op){ .kind = MODEL_TOUCH, .gpa = i * PAGE },
	       (struct model_op){ .kind = MODEL_CALL });
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

static void setup_many(void)
{
	int i;

	vm = make_vm();
	vcpu = make_vcpu(vm, 0);
	memory = u_memory((MANY + 1) * PAGE);
	u_assert(memory);
	*page_of(MANY) = 7;
	set_memory((MANY + 1) * PAGE);
	u_assert(!agree(true));
	for (i = 0; i <= MANY; i++)
		u_lazy(page_of(i));
	for (i = 0; i < MANY; i++)
		want(i);
}

static void want_one_more(void)
{
	__u64 value = 0;
	int i;

	want(MANY);
	u_assert(!u_ioctl(vcpu, MODEL_GET_VALUE, &value));
	u_assert(value == 7);
	for (i = 0; i < MANY; i++)
		u_supply(page_of(i));
}

static void supply_one_more(void)
{
	u_supply(page_of(MANY));
}

static void close_many(void)
{
	u_close(vcpu);
	u_close(vm);
	u_munmap(memory, (MANY + 1) * PAGE);
}

SCENARIO("one-too-many", "64 pages are on their way: for the next the guest waits",
	 setup_many, close_many, want_one_more, supply_one_more);
