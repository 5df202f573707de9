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

/* It must be let in again, when what it was asked for is done. */
static void setup_on(void)
{
	setup();
	script((struct model_op){ .kind = MODEL_SPIN },
	       (struct model_op){ .kind = MODEL_TOUCH });
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
SCENARIO("event-then-use", "an event comes, and then the guest uses memory",
	 setup_on, close_all, run, event);
