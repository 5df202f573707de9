// SPDX-License-Identifier: GPL-2.0-only
/* Whatever can fail does, once: nothing may be left, nothing freed twice. */
#include <linux/vfio.h>
#include "guest.h"
#include "machine.h"

static int node, vm, vcpu, intro, group, device;
static char *memory;

#ifdef ON_KERNEL
static int run_guest(__u64 value)
{
	(void)value;
	return look(vcpu, 0);
}
#else
static int run_guest(__u64 value)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_WRITE, .value = value },
		{ .kind = MODEL_TOUCH },
	} };
	__u64 found = 0;
	int r;

	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	r = u_ioctl(vcpu, KVM_RUN, 0);
	if (r)
		return r;
	u_assert(!u_ioctl(vcpu, MODEL_GET_VALUE, &found));
	return found == value ? 0 : 1;
}
#endif

static void begin(void)
{
	node = vm = vcpu = intro = group = device = -1;
	memory = u_memory(PAGE);
}

static void close_all(void)
{
	u_close(device);
	u_close(intro);
	u_close(group);
	u_close(vcpu);
	u_close(vm);
	u_close(node);
	if (memory)
		u_munmap(memory, PAGE);
}

static void create(void)
{
	node = u_open("/dev/twill");
	if (node < 0)
		return;
	vm = u_ioctl(node, KVM_CREATE_VM, 0);
	if (vm < 0)
		return;
	vcpu = u_ioctl(vm, KVM_CREATE_VCPU, 0);
}

/* What failed once can be had by asking again. */
static void life(void)
{
	int i;

	for (i = 0; i < 3 && vcpu < 0; i++) {
		u_close(vm);
		u_close(node);
		create();
	}
	u_assert(vcpu >= 0);
	for (i = 0; i < 3 && set_slot(vm, 0, 0, PAGE, memory); i++)
		;
	u_assert(i < 3);
	for (i = 0; i < 3 && run_guest(5); i++)
		;
	u_assert(i < 3);
}

SCENARIO_FAULTS(1, "create-fails", "each step of making and running a machine fails once",
	 begin, close_all, life);
SCENARIO_FAULTS(2, "create-fails-twice", "two steps of making a machine fail",
	 begin, close_all, life);

static void begin_running(void)
{
	begin();
	create();
	u_assert(vcpu >= 0 && !set_slot(vm, 0, 0, PAGE, memory));
}

/* A slot that cannot be changed stays as it was. */
static void change_slots(void)
{
	if (set_slot(vm, 0, PAGE, PAGE, memory))
		u_assert(!run_guest(6) || !run_guest(7));
	set_slot(vm, 1, 4 * PAGE, PAGE, memory);
	set_slot(vm, 0, 0, 0, memory);
}

SCENARIO_FAULTS(1, "slot-fails", "each step of changing slots fails once",
	 begin_running, close_all, change_slots);

static void pass_through(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	if (u_ioctl(vm, KVM_CREATE_DEVICE, &d))
		return;
	intro = d.fd;
	group = u_open("/dev/twill-vfio/0");
	if (group < 0)
		return;
	if (!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group))
		device = u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
}

static void close_vm(void)
{
	u_close(vm);
	vm = -1;
}

static void map_run(void)
{
	void *p = u_mmap(vcpu, 2 * PAGE);

	if (p)
		u_munmap(p, 2 * PAGE);
}

SCENARIO_FAULTS(1, "device-fails", "each step to a pass-through device fails once",
	 begin_running, close_all, pass_through);
SCENARIO_FAULTS(1, "device-fails-vs-close", "... while the machine is closed",
	 begin_running, close_all, pass_through, close_vm);
SCENARIO_FAULTS(1, "map-fails", "a mapping of the run pages",
	 begin_running, close_all, map_run);

static void another_vcpu(void)
{
	int fd = u_ioctl(vm, KVM_CREATE_VCPU, 1);

	if (fd >= 0)
		u_close(fd);
}

SCENARIO_FAULTS(1, "vcpu-fails-vs-close", "making a vCPU fails while the machine is closed",
	 begin_running, close_all, another_vcpu, close_vm);
