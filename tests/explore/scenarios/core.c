// SPDX-License-Identifier: GPL-2.0-only
/* What happens to machines, vCPUs and their memory while the guest runs. */
#include "page.h"

/* The slot is yet to come. */
static void setup_empty(void)
{
	setup();
	set_memory(0);
}

/* The page is in the table, and in the vCPU's memory of it. */
static void setup_mapped(void)
{
	setup();
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	script((struct model_op){ .kind = MODEL_WRITE, .value = 8 },
	       (struct model_op){ .kind = MODEL_TOUCH });
}

/* Tasks. */

static void run(void)
{
	__u64 value = 0;

	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_GET_VALUE, &value));
	u_assert(value == 7);
}

static void run_or_fail(void)
{
	u_ioctl(vcpu, KVM_RUN, 0);
}

static void close_vcpu(void)
{
	u_close(vcpu);
}

static void close_vm(void)
{
	u_close(vm);
}

static void close_both(void)
{
	u_close(vm);
	u_close(vcpu);
}

static void add_slot(void)
{
	set_memory(PAGE);
}

static void remove_and_take_back(void)
{
	set_memory(0);
	take_back();
}

static void map_and_close(void)
{
	struct kvm_run *page = u_mmap(vcpu, 2 * PAGE);

	u_assert(page);
	u_close(vcpu);
	u_close(vm);
	u_assert(!page->exit_reason);
	u_munmap(page, 2 * PAGE);
}

SCENARIO("run", "a guest writes to its memory and reads it back",
	 setup, close_all, run);
SCENARIO("close-vs-close", "machine and vCPU are closed by two tasks",
	 setup, unmap, close_vcpu, close_vm);
SCENARIO("run-vs-close", "machine and vCPU are closed while the guest runs",
	 setup, unmap, run_or_fail, close_both);
SCENARIO("map-outlives", "a mapping of the run pages outlives all descriptors",
	 setup, unmap, map_and_close);
SCENARIO("fault-vs-unmap", "the guest's page is taken back while it faults",
	 setup, close_all, run_or_fail, take_back);
SCENARIO("use-vs-unmap", "the guest's page is taken back while it is in use",
	 setup_mapped, close_all, run_or_fail, take_back);
SCENARIO("fault-vs-slot", "the slot is removed while the guest faults",
	 setup, close_all, run_or_fail, remove_slot);
SCENARIO("fault-vs-add", "a page is taken back while its slot is added and the guest faults",
	 setup_empty, close_all, add_slot, run_or_fail, take_back);
SCENARIO("unmap-vs-slot", "a page is taken back while its slot is removed",
	 setup_mapped, close_all, take_back, remove_slot);
SCENARIO("fault-vs-removal", "slot and page go while the guest faults",
	 setup, close_all, run_or_fail, remove_and_take_back);

static int guess;

static void setup_guess(void)
{
	vm = make_vm();
	guess = vm - 1;	/* the number that the next descriptor gets */
}

static void make_device(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	u_ioctl(vm, KVM_CREATE_DEVICE, &d);
}

static void close_vm_and_guess(void)
{
	u_close(vm);
	u_close(guess);
}

static void close_guess(void)
{
	u_close(guess);
}

SCENARIO("create-vs-guess", "a device's descriptor is closed before its number is known",
	 setup_guess, close_guess, make_device, close_vm_and_guess);
SCENARIO("use-vs-both", "a page in use is taken back while its slot is removed",
	 setup_mapped, close_all, run_or_fail, remove_slot, take_back);
