// SPDX-License-Identifier: GPL-2.0-only
/* What the host does to a machine's memory, against all that may meet it. */
#include <linux/kvm.h>
#include "arch/model/model.h"
#include "scenario.h"

#define PAGE 4096

static int vm, vcpu;
static char *memory;

static void set_memory(unsigned long size)
{
	struct kvm_userspace_memory_region r = {
		.memory_size = size,
		.userspace_addr = (unsigned long)memory,
	};

	u_assert(!u_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r));
}

static void setup(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_WRITE, .value = 7 }, { .kind = MODEL_TOUCH },
	} };
	int node = u_open("/dev/twill");

	u_assert(node >= 0);
	vm = u_ioctl(node, KVM_CREATE_VM, 0);
	u_assert(vm >= 0);
	u_close(node);
	vcpu = u_ioctl(vm, KVM_CREATE_VCPU, 0);
	u_assert(vcpu >= 0);
	memory = u_memory(PAGE);
	set_memory(PAGE);
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}

/* The page is in the table, and in the vCPU's memory of it. */
static void setup_mapped(void)
{
	struct model_script s = { .n = 1, .op = { { .kind = MODEL_TOUCH } } };

	setup();
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}

static void close_all(void)
{
	u_close(vcpu);
	u_close(vm);
	if (memory)
		u_munmap(memory, PAGE);
}

static void unmap(void)
{
	if (memory)
		u_munmap(memory, PAGE);
}

/* Tasks. */

static void run(void)
{
	u_ioctl(vcpu, KVM_RUN, 0);
}

static void age(void)
{
	u_age(memory);
}

static void end_process(void)
{
	u_exit();
}

static void take_back(void)
{
	u_munmap(memory, PAGE);
	memory = NULL;
}

static void close_both(void)
{
	u_close(vcpu);
	u_close(vm);
}

static void add_vcpu(void)
{
	int fd = u_ioctl(vm, KVM_CREATE_VCPU, 1);

	if (fd >= 0)
		u_close(fd);
}

SCENARIO("age-vs-fault", "the host asks after a page while the guest faults",
	 setup, close_all, run, age);
SCENARIO("age-vs-use", "the host asks after a page that is in use",
	 setup_mapped, close_all, run, age);
SCENARIO("age-vs-close", "the host asks after a page of a dying machine",
	 setup_mapped, unmap, close_both, age);
SCENARIO("unmap-vs-close", "a page is taken back from a dying machine",
	 setup_mapped, unmap, close_both, take_back);
SCENARIO("exit-vs-close", "its process ends while the machine is closed",
	 setup_mapped, unmap, close_both, end_process);
SCENARIO("vcpu-vs-unmap", "a vCPU is made while a page is taken back",
	 setup_mapped, close_all, add_vcpu, take_back);
SCENARIO("vcpu-vs-close", "a vCPU is made while the machine is closed",
	 setup, unmap, add_vcpu, close_both);

static void remove_slot(void)
{
	set_memory(0);
}

SCENARIO("age-vs-slot", "the host asks after a page whose slot is removed",
	 setup_mapped, close_all, age, remove_slot);

/* Two that make the same one: one of them fails. */
SCENARIO("vcpu-vs-vcpu", "two make the same vCPU",
	 setup, close_all, add_vcpu, add_vcpu);

static char *spare;

static void setup_spare(void)
{
	setup();
	spare = u_memory(PAGE);
}

static void take_spare(void)
{
	u_munmap(spare, PAGE);
}

static void run_to_end(void)
{
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

SCENARIO("fault-vs-other", "another page is taken back while the guest faults",
	 setup_spare, close_all, run_to_end, take_spare);

static void slot_again(void)
{
	struct kvm_userspace_memory_region r = {
		.slot = 1, .guest_phys_addr = PAGE, .memory_size = PAGE,
		.userspace_addr = (unsigned long)memory,
	};

	u_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static void slot_gone(void)
{
	struct kvm_userspace_memory_region r = { .slot = 0 };

	u_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

SCENARIO("slot-vs-slot", "slots are added and removed by two tasks",
	 setup, close_all, slot_again, slot_gone);
