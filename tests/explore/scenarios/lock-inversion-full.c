// SPDX-License-Identifier: GPL-2.0-only
/*
 * The races of lock-inversion.c once more, where there is more: two vCPUs, a
 * slot, and a device that has been opened before. What is right only in a
 * machine that has nothing in it, or only the first time, is wrong here.
 */
#include <linux/vfio.h>
#include "machine.h"

static int vm, vcpu[2], intro, group, device;
static void *memory;

static int open_fd(void)
{
	return u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
}

static void setup(void)
{
	vm = make_vm();
	vcpu[0] = make_vcpu(vm, 3);
	intro = make_intro(vm);
	vcpu[1] = make_vcpu(vm, 0);
	memory = u_memory(PAGE);
	u_assert(memory && !set_slot(vm, 5, 16 * PAGE, PAGE, memory));
	group = u_open("/dev/twill-vfio/0");
	u_assert(group >= 0);
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group));
	device = open_fd();
	u_assert(device >= 0);
	u_close(device);
}

static void setup_open(void)
{
	setup();
	device = open_fd();
	u_assert(device >= 0);
}

static void setup_forgotten(void)
{
	setup();
	u_close(intro);
}

static void end(void)
{
	u_close(group);
	u_munmap(memory, PAGE);
}

static void close_machine(void)
{
	u_close(vcpu[0]);
	u_close(vm);
	u_close(vcpu[1]);
}

static void end_all(void)
{
	u_close(intro);
	close_machine();
	end();
}

/* Tasks. */

static void close_device_last(void)
{
	u_close(intro);
	close_machine();
	u_close(device);
}

static void close_intro_last(void)
{
	close_machine();
	u_close(device);
	u_close(intro);
}

static void open_close_release(void)
{
	device = open_fd();
	u_assert(device >= 0);
	u_close(device);
	u_close(intro);
	close_machine();
}

static void open_close(void)
{
	int fd = open_fd();

	u_assert(fd >= 0 || fd == -22);	/* EINVAL: no machine any more */
	if (fd >= 0)
		u_close(fd);
}

static void close_device(void)
{
	u_close(device);
}

static void close_intro(void)
{
	u_close(intro);
}

static void close_intro_and_machine(void)
{
	u_close(intro);
	close_machine();
}

static void forget_and_name_again(void)
{
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_DEL, group));
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group));
}

SCENARIO("full-close-last", "a device is closed last, after a machine with vCPUs",
	 setup_open, end, close_device_last);
SCENARIO("full-intro-last", "... and the introducer after that",
	 setup_open, end, close_intro_last);
SCENARIO("full-open-release", "open, close, then the introducer, with vCPUs",
	 setup, end, open_close_release);
SCENARIO("full-open-vs-release",
	 "a device is opened while introducer, vCPUs and machine are closed",
	 setup, end, open_close, close_intro_and_machine);
SCENARIO("full-close-vs-release",
	 "a device is closed while introducer, vCPUs and machine are closed",
	 setup_open, end, close_device, close_intro_and_machine);
SCENARIO("full-open-vs-intro",
	 "a device is opened while the introducer is closed, vCPUs stay",
	 setup, end_all, open_close, close_intro);
SCENARIO("full-open-vs-destroy",
	 "a device is opened while vCPUs and machine are closed, introducer gone",
	 setup_forgotten, end, open_close, close_machine);
SCENARIO("full-open-vs-set",
	 "a device is opened while a machine with vCPUs is named again",
	 setup, end_all, open_close, forget_and_name_again);
SCENARIO("full-two-opens", "a device of a machine with vCPUs is opened by two",
	 setup, end_all, open_close, open_close);
SCENARIO("full-three-closes",
	 "device, introducer, and machine with vCPUs closed by three",
	 setup_open, end, close_device, close_intro, close_machine);
