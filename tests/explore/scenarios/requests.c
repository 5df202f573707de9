// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's thread is asked for something, wherever it may be at the moment. */
#include "page.h"

static void setup_wait(unsigned int kind)
{
	setup();
	script((struct model_op){ .kind = kind },
	       (struct model_op){ .kind = MODEL_HALT });
}

static void setup_sleep(void)
{
	setup_wait(MODEL_WAIT);
}

static void setup_spin(void)
{
	setup_wait(MODEL_SPIN);
}

static void run(void)
{
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

static void event(void)
{
	u_assert(!u_ioctl(vm, MODEL_EVENT, 0));
}

SCENARIO("event-vs-sleep", "an event comes while the vCPU's thread falls asleep",
	 setup_sleep, close_all, run, event);
SCENARIO("event-vs-guest", "an event comes while the guest is entered",
	 setup_spin, close_all, run, event);
SCENARIO("event-vs-unmap", "a page is taken back while a guest waits in a loop",
	 setup_spin, close_all, run, event, take_back);
