// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address space ends, or its machine does, while the host asks after a
 * page: two roads to the end of the stage-2 table, and all that may meet it.
 */
#include <errno.h>
#include "page.h"

#define FAR (1UL << 39)		/* the second entry of the root leads there */

static void map_page_at(unsigned long at)
{
	u_assert(!set_slot(vm, 0, at, PAGE, memory));
	u_assert(!look(vcpu, at));
}

static void setup_mapped(void)
{
	setup();
	map_page_at(0);
}

static void setup_far(void)
{
	setup();
	map_page_at(FAR);
}

/* The run pages keep the vCPU's file for as long as they are mapped. */
static void setup_shared(void)
{
	setup_mapped();
	u_assert(u_mmap(vcpu, 2 * PAGE));
}

static void close_both(void)
{
	u_close(vcpu);
	u_close(vm);
}

/* Tasks. */

static void end_process(void)
{
	u_exit();
}

static void look_for_idle(void)
{
	u_idle(memory);
}

static void age(void)
{
	u_age(memory);
}

static void reclaim(void)
{
	u_reclaim(memory);
}

static void run_or_fail(void)
{
	u_ioctl(vcpu, KVM_RUN, 0);
}

/* Who is not of the process runs no guest of its machine. */
static void run_elsewhere(void)
{
	u_assert(u_ioctl(vcpu, KVM_RUN, 0) == -EIO);
}

/* One road: the process ends, and another one has its descriptors. */
SCENARIO_APART("exit-vs-idle", "its process ends while the host looks for idle pages",
	       setup_mapped, close_both, end_process, look_for_idle);
SCENARIO_APART("exit-vs-idle-far", "... beyond the first half terabyte",
	       setup_far, close_both, end_process, look_for_idle);
SCENARIO_APART("exit-vs-age", "... while it makes pages old",
	       setup_mapped, close_both, end_process, age);
SCENARIO_APART("exit-vs-reclaim", "... while it takes pages for others",
	       setup_mapped, close_both, end_process, reclaim);
SCENARIO_APART("exit-mapped", "... with the run pages mapped, then all is closed",
	       setup_shared, NULL, end_process, close_both);
SCENARIO_APART("exit-vs-run-elsewhere", "... while another asks to run its guest",
	       setup, close_both, end_process, run_elsewhere);
SCENARIO("exit-vs-run", "its process ends while the guest runs",
	 setup, close_both, run_or_fail, end_process);

/* The other: the machine is destroyed, and its process goes on. */
SCENARIO("close-vs-idle", "a machine is closed while the host looks for idle pages",
	 setup_mapped, unmap, close_both, look_for_idle);
SCENARIO("close-vs-reclaim", "... while it takes pages for others",
	 setup_mapped, unmap, close_both, reclaim);

/* Both. */
SCENARIO_APART("exit-close-idle", "process and machine end while the host looks",
	       setup_mapped, NULL, end_process, close_both, look_for_idle);
SCENARIO_APART("exit-close-reclaim", "... and while it takes pages",
	       setup_mapped, NULL, end_process, close_both, reclaim);
SCENARIO_APART("exit-idle-reclaim", "two of the host's tasks at a page of a process that ends",
	       setup_mapped, close_both, end_process, look_for_idle, reclaim);
