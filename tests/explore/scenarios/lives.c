// SPDX-License-Identifier: GPL-2.0-only
/* Ends: of descriptors in every order, of the process; and of patience. */
#include "arch/model/model.h"
#include "machine.h"

static int vm, vcpu[2];
static char *memory, *run_pages;

static void script(int i, struct model_op op)
{
	struct model_script s = { .n = 1, .op = { op } };

	u_assert(!u_ioctl(vcpu[i], MODEL_SET_SCRIPT, &s));
}

static void setup(void)
{
	vm = make_vm();
	vcpu[0] = make_vcpu(vm, 0);
	vcpu[1] = -1;
	memory = u_memory(PAGE);
	u_assert(!set_slot(vm, 0, 0, PAGE, memory));
	script(0, (struct model_op){ .kind = MODEL_WRITE, .value = 7 });
}

static void setup_two(void)
{
	setup();
	vcpu[1] = make_vcpu(vm, 1);
	script(1, (struct model_op){ .kind = MODEL_TOUCH });
}

static void setup_mapped(void)
{
	setup();
	u_assert(!u_ioctl(vcpu[0], KVM_RUN, 0));
	script(0, (struct model_op){ .kind = MODEL_TOUCH });
}

static void setup_shared(void)
{
	setup();
	run_pages = u_mmap(vcpu[0], 2 * PAGE);
	u_assert(run_pages);
}

static void close_rest(void)
{
	u_close(vcpu[0]);
	u_close(vcpu[1]);
	u_close(vm);
	if (memory)
		u_munmap(memory, PAGE);
}

static void unmap(void)
{
	u_munmap(memory, PAGE);
}

/* Tasks. */

static void run(void)
{
	u_ioctl(vcpu[0], KVM_RUN, 0);
}

static void run_to_end(void)
{
	u_assert(!u_ioctl(vcpu[0], KVM_RUN, 0));
}

static void run_second(void)
{
	u_ioctl(vcpu[1], KVM_RUN, 0);
}

static void run_second_to_end(void)
{
	u_assert(!u_ioctl(vcpu[1], KVM_RUN, 0));
}

static void close_vm(void)
{
	u_close(vm);
}

static void close_vcpu_then_vm(void)
{
	u_close(vcpu[0]);
	u_close(vm);
}

static void close_three(void)
{
	u_close(vcpu[0]);
	u_close(vm);
	u_close(vcpu[1]);
}

static void close_and_unmap(void)
{
	u_close(vcpu[0]);
	u_close(vm);
	u_munmap(run_pages, 2 * PAGE);
}

static void unmap_and_close(void)
{
	u_munmap(run_pages, 2 * PAGE);
	u_close(vm);
	u_close(vcpu[0]);
}

SCENARIO("run-vs-close-vm", "the machine is closed while its guest runs",
	 setup, close_rest, run_to_end, close_vm);
SCENARIO("run-vs-close-both", "vCPU, then machine, closed while the guest runs",
	 setup, unmap, run, close_vcpu_then_vm);
SCENARIO("run-vs-close-three", "two vCPUs run while all is closed",
	 setup_two, unmap, run, run_second, close_three);
SCENARIO("run-vs-map", "closed while the guest runs, its pages still mapped",
	 setup_shared, unmap, run, close_and_unmap);
SCENARIO("run-vs-unmap", "its pages unmapped while the guest runs, then closed",
	 setup_shared, unmap, run, unmap_and_close);
SCENARIO("fault-vs-fault", "two vCPUs fault on one page",
	 setup_two, close_rest, run_to_end, run_second_to_end);

/*
 * The process ends: somebody else closes what it has opened. No guest runs any
 * more, since whoever runs one, or changes a slot, is of the process.
 */
static void end_process(void)
{
	u_exit();
}

SCENARIO("exit-vs-close-three", "its process ends while vCPUs and machine are closed",
	 setup_two, unmap, close_three, end_process);

/* Idle pages: asked about by other callbacks, which must not flush. */
static void ask_idle(void)
{
	u_idle(memory);
}

SCENARIO("idle-vs-fault", "an idle page is looked for while the guest faults",
	 setup, close_rest, run_to_end, ask_idle);
SCENARIO("idle-vs-close", "... and in a dying machine",
	 setup_mapped, unmap, close_vcpu_then_vm, ask_idle);

/* A slot is moved away; whoever faults finds memory here, there, or nowhere. */
static void move_slot(void)
{
	u_assert(!set_slot(vm, 0, PAGE, PAGE, memory));
}

SCENARIO("fault-vs-move", "the slot is moved while the guest faults",
	 setup, close_rest, run, move_slot);

/* What fails once, fails while somebody else is at it. */
static void run_until_done(void)
{
	int i;

	for (i = 0; i < 3 && u_ioctl(vcpu[0], KVM_RUN, 0); i++)
		;
	u_assert(i < 3);
}

static void add_slot(void)
{
	set_slot(vm, 1, PAGE, PAGE, memory);
}

static void take_back(void)
{
	u_munmap(memory, PAGE);
	memory = NULL;
}

SCENARIO_FAULTS(1, "fault-fails-vs-slot", "a fault fails once, while a slot is added",
		setup, close_rest, run_until_done, add_slot);
SCENARIO_FAULTS(1, "fault-fails-vs-unmap", "... while its page is taken back",
		setup, close_rest, run, take_back);

static int node;

static void setup_node(void)
{
	node = u_open("/dev/twill");
	u_assert(node >= 0);
}

static void make_and_close(void)
{
	int fd = u_ioctl(node, KVM_CREATE_VM, 0);

	if (fd >= 0)
		u_close(fd);
}

static void close_node(void)
{
	u_close(node);
}

SCENARIO_FAULTS(1, "create-vs-create", "two make a machine each, one step fails",
		setup_node, close_node, make_and_close, make_and_close);
