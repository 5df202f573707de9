// SPDX-License-Identifier: GPL-2.0-only
/* A guest that speaks to a pass-through device. */
#include <linux/vfio.h>
#include "arch/model/model.h"
#include "machine.h"

#define PORT 0x5c0
#define ADDRESS 0xd0000000

static int vm, vcpu, intro, group, device;

static void setup(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_OUT, .port = PORT, .value = 5 },
		{ .kind = MODEL_WRITE, .gpa = ADDRESS, .value = 6 },
	} };

	vm = make_vm();
	vcpu = make_vcpu(vm, 0);
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	intro = make_intro(vm);
	group = u_open("/dev/twill-vfio/0");
	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group));
}

static void setup_open(void)
{
	setup();
	device = u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
	u_assert(device >= 0);
}

static void close_all(void)
{
	u_close(vcpu);
	u_close(vm);
	u_close(intro);
	u_close(group);
}

static void run(void)
{
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

static void open_close(void)
{
	int fd = u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");

	u_assert(fd >= 0);
	u_close(fd);
}

static void close_device(void)
{
	u_close(device);
}

SCENARIO("io-vs-close", "a guest's port I/O while the device is closed",
	 setup_open, close_all, run, close_device);
SCENARIO("io-vs-open", "a guest's port I/O while the device comes and goes",
	 setup, close_all, run, open_close);
