// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a guest waits for: a worker brings them, while the machine goes on
 * or ends.
 */
#include "told.h"

static void *run_pages;
static int node;

/* A machine with one page of memory, which is not there. */
static void setup_lazy(void)
{
	setup();
	make_guest(STAYS);
	u_lazy(memory);
}

/* ... of which the guest can be told. */
static void setup_told(void)
{
	setup_lazy();
	u_assert(!agree(true));
}

/* ... and was: a worker is at it. */
static void setup_queued(void)
{
	setup();
	make_guest(LEAVES);
	u_lazy(memory);
	u_assert(!agree(true));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

/* ... of a process that could make another machine. */
static void setup_kept(void)
{
	setup_queued();
	node = u_open("/dev/twill");
	u_assert(node >= 0);
}

static void unmap_and_node(void)
{
	unmap();
	u_close(node);
}

static void setup_shared(void)
{
	setup_queued();
	run_pages = u_mmap(vcpu, 2 * PAGE);
	u_assert(run_pages);
}

/* Tasks. */

static void supply(void)
{
	u_supply(memory);
}

static void run(void)
{
	u_ioctl(vcpu, KVM_RUN, 0);
}

static void run_to_end(void)
{
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

static void close_both(void)
{
	u_close(vcpu);
	u_close(vm);
}

static void close_shared(void)
{
	close_both();
	u_munmap(run_pages, 2 * PAGE);
}

static void agree_again(void)
{
	agree(true);
}

static void agree_no_more(void)
{
	agree(false);
}

static void end_process(void)
{
	u_exit();
}

SCENARIO("halt-vs-supply", "a guest halts until its page has come",
	 setup_lazy, close_all, run_to_end, supply);
SCENARIO("told-vs-supply", "... or goes on, and is told",
	 setup_told, close_all, run_to_end, supply);
SCENARIO("told-vs-supply-vs-close", "... and all is closed meanwhile",
	 setup_told, unmap, run, supply, close_both);
SCENARIO("queued-vs-close", "a machine is closed while a page is on its way",
	 setup_queued, unmap, close_both, supply);
SCENARIO("queued-vs-close-kept", "... by one that keeps the module loaded",
	 setup_kept, unmap_and_node, close_both, supply);
SCENARIO("queued-vs-unmap", "... closed, and its run pages unmapped",
	 setup_shared, unmap, close_shared, supply);
SCENARIO_APART("queued-vs-exit", "its process ends while a page is on its way",
	       setup_queued, close_both, end_process, supply);
SCENARIO_APART("queued-vs-exit-mapped", "... with the run pages mapped",
	       setup_shared, close_both, end_process, supply);
SCENARIO("queued-vs-agree", "its guest asks to be told of all, while one is on its way",
	 setup_queued, close_all, agree_again, supply);
SCENARIO("queued-vs-agree-no-more", "... or of none any more",
	 setup_queued, close_all, agree_no_more, supply);
SCENARIO("queued-agree-close", "... and all is closed",
	 setup_queued, unmap, agree_again, supply, close_both);
SCENARIO_FAULTS(1, "absent-fails", "a page is waited for, and one step fails",
		setup_told, close_all, run, supply);

#ifndef ON_KERNEL
/* Two pages, and a guest that wants both. */
static void setup_two(void)
{
	vm = make_vm();
	vcpu = make_vcpu(vm, 0);
	memory = u_memory(2 * PAGE);
	u_assert(memory);
	set_memory(2 * PAGE);
	script((struct model_op){ .kind = MODEL_WRITE, .value = 7 },
	       (struct model_op){ .kind = MODEL_WRITE, .gpa = PAGE });
	u_lazy(memory);
	u_lazy(memory + PAGE);
	u_assert(!u_ioctl(vcpu, MODEL_ASYNC, 1));
}

static void setup_both_queued(void)
{
	struct model_script s = { .n = 3, .op = {
		{ .kind = MODEL_TOUCH }, { .kind = MODEL_TOUCH, .gpa = PAGE },
		{ .kind = MODEL_CALL },
	} };

	setup_two();
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

static void supply_both(void)
{
	u_supply(memory + PAGE);
	u_supply(memory);
}

static void unmap_two(void)
{
	u_munmap(memory, 2 * PAGE);
}

static void close_two(void)
{
	close_both();
	unmap_two();
}

/* Who supplies the first one has to have the second one before. */
static void want_second_supply_first(void)
{
	script((struct model_op){ .kind = MODEL_TOUCH, .gpa = PAGE },
	       (struct model_op){ .kind = MODEL_CALL });
	run_to_end();
	supply();
}

static void supply_second(void)
{
	u_supply(memory + PAGE);
}

/* The one page is wanted again, for which a worker has been sent. */
static int objects;

static void setup_counted(void)
{
	setup_queued();
	script((struct model_op){ .kind = MODEL_TOUCH },
	       (struct model_op){ .kind = MODEL_CALL });
	objects = u_objects();
}

static void count_and_supply(void)
{
	u_assert(u_objects() <= objects);
	supply();
}

/* One machine waits for a page, which the VMM of another one has. */
static int other_vm, other_vcpu;

static void setup_other(void)
{
	other_vm = make_vm();
	other_vcpu = make_vcpu(other_vm, 0);
	setup_queued();
}

static void close_other_and_supply(void)
{
	u_close(other_vcpu);
	u_close(other_vm);
	supply();
}

/* That it is to be told of all pages is noted once, and may fail. */
static void agree_twice(void)
{
	if (agree(true))
		return;
	objects = u_objects();
	u_assert(!agree(true));
	u_assert(u_objects() <= objects);
}

SCENARIO_FAULTS(1, "agree-again", "a guest asks again and again to be told of all",
		setup_lazy, close_all, agree_twice);
SCENARIO("queued-again", "a page on its way is wanted again: nobody else is sent",
	 setup_counted, close_all, run_to_end, count_and_supply);
SCENARIO("one-of-two", "of two pages on their way one comes, and the guest goes on",
	 setup_both_queued, close_two, want_second_supply_first, supply_second);
SCENARIO("other-vs-close", "a machine is closed while another waits for a page",
	 setup_other, unmap, close_other_and_supply, close_both);
SCENARIO("two-vs-supply", "two pages are on their way at once",
	 setup_two, close_two, run_to_end, supply_both);
SCENARIO("two-queued-vs-close", "a machine is closed while two pages are on their way",
	 setup_both_queued, unmap_two, close_both, supply_both);

/* What would supply it ends with its process, and is shared on a kernel. */
SCENARIO_APART("queued-vs-exit-vs-close", "its process ends with a page on its way, another closes",
	       setup_queued, NULL, end_process, close_both);
#endif
