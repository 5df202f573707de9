// SPDX-License-Identifier: GPL-2.0-only
/* A machine, the pseudo-device that introduces it, a group and its device. */
#include <linux/vfio.h>
#include "machine.h"

static int vm, intro, group, device;

static void setup(void)
{
	vm = make_vm();
	intro = make_intro(vm);
	group = u_open("/dev/twill-vfio/0");
	u_assert(group >= 0);
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group));
	device = -1;
}

static int open_fd(void)
{
	return u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
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

static void close_group(void)
{
	u_close(group);
}

static void close_all(void)
{
	u_close(intro);
	u_close(group);
	u_close(vm);
}

/* Tasks. */

static void close_machine_first(void)
{
	u_close(vm);
	u_close(intro);
	u_close(device);
}

static void open_close_release(void)
{
	device = open_fd();
	u_assert(device >= 0);
	u_close(device);
	u_close(intro);
	u_close(vm);
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

static void close_vm(void)
{
	u_close(vm);
}

static void close_intro_and_vm(void)
{
	u_close(intro);
	u_close(vm);
}

static void forget_and_name_again(void)
{
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_DEL, group));
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group));
}

SCENARIO("close-last", "the device is closed last, after its machine",
	 setup_open, close_group, close_machine_first);
SCENARIO("open-release", "open, close, then the introducer: all in one task",
	 setup, close_group, open_close_release);
SCENARIO("open-vs-release",
	 "a device is opened while introducer and machine are closed",
	 setup, close_group, open_close, close_intro_and_vm);
SCENARIO("close-vs-release",
	 "a device is closed while introducer and machine are closed",
	 setup_open, close_group, close_device, close_intro_and_vm);
SCENARIO("open-vs-destroy",
	 "a device is opened while the machine is closed, introducer gone",
	 setup_forgotten, close_group, open_close, close_vm);
SCENARIO("open-vs-set",
	 "a device is opened while the machine is forgotten and named again",
	 setup, close_all, open_close, forget_and_name_again);
SCENARIO("two-opens", "a device is opened and closed by two tasks",
	 setup, close_all, open_close, open_close);
static void make_close_intro(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	if (!u_ioctl(vm, KVM_CREATE_DEVICE, &d))
		u_close(d.fd);
}

static void open_close_group(void)
{
	int fd = u_open("/dev/twill-vfio/0");

	u_assert(fd >= 0 || fd == -16);		/* EBUSY: lent already */
	if (fd >= 0)
		u_close(fd);
}

static void setup_bare(void)
{
	setup();
	u_close(intro);
	u_close(group);
}

static void close_machine(void)
{
	u_close(vm);
}

static void forget(void)
{
	set_group(intro, KVM_DEV_VFIO_GROUP_DEL, group);
}

SCENARIO("intro-vs-intro", "two make the one introducer that there may be",
	 setup_bare, close_machine, make_close_intro, make_close_intro);
SCENARIO_FAULTS(1, "intro-fails-vs-intro", "... and for one of them it fails",
		setup_bare, close_machine, make_close_intro, make_close_intro);
SCENARIO("group-vs-group", "two open the group, which is lent once",
	 setup_bare, close_machine, open_close_group, open_close_group);
SCENARIO("forget-vs-forget", "a machine is forgotten twice",
	 setup, close_all, forget, forget);
SCENARIO("three-closes", "device, introducer and machine closed by three",
	 setup_open, close_group, close_device, close_intro, close_vm);
