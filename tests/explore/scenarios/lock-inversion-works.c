// SPDX-License-Identifier: GPL-2.0-only
/* What a group, its device and the introducer are for: one task, no hurry. */
#include <linux/vfio.h>
#include <asm-generic/errno.h>
#include "arch/model/model.h"
#include "machine.h"

#define PORT	0x5c0

static int vm, vcpu, intro, group;
static struct kvm_run *run;

static int add(int fd)
{
	return set_group(intro, KVM_DEV_VFIO_GROUP_ADD, fd);
}

static int del(int fd)
{
	return set_group(intro, KVM_DEV_VFIO_GROUP_DEL, fd);
}

static int open_device(const char *name)
{
	return u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
}

static void setup(void)
{
	vm = make_vm();
	intro = make_intro(vm);
	group = u_open("/dev/twill-vfio/0");
	u_assert(group >= 0);
}

static void setup_vcpu(void)
{
	setup();
	vcpu = make_vcpu(vm, 0);
	run = u_mmap(vcpu, 2 * PAGE);
	u_assert(run);
}

static void close_all(void)
{
	u_close(intro);
	u_close(group);
	u_close(vm);
}

static void close_all_and_vcpu(void)
{
	close_all();
	u_munmap(run, 2 * PAGE);
	u_close(vcpu);
}

/* The guest adds A and B to the number, then reads it. */
static __u64 guest_adds(__u64 a, __u64 b)
{
	struct model_script s = { .n = 3, .op = {
		{ .kind = MODEL_OUT, .port = PORT, .value = a },
		{ .kind = MODEL_OUT, .port = PORT, .value = b },
		{ .kind = MODEL_IN, .port = PORT },
	} };
	__u64 sum = 0;

	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(run->exit_reason == KVM_EXIT_HLT);
	u_assert(!u_ioctl(vcpu, MODEL_GET_VALUE, &sum));
	return sum;
}

/* Nobody in the kernel answers: the word comes to the VMM. */
static bool vmm_is_asked(void)
{
	struct model_script s = { .n = 1, .op = {
		{ .kind = MODEL_OUT, .port = PORT, .value = 1 },
	} };

	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	return run->exit_reason == KVM_EXIT_IO && run->io.port == PORT;
}

static void window(void)
{
	int device;

	u_assert(!add(group));
	u_assert(vmm_is_asked());
	device = open_device("null");
	u_assert(device >= 0);
	u_assert(guest_adds(2, 3) == 5);
	u_assert(guest_adds(1, 1) == 7);
	u_close(device);
	u_assert(vmm_is_asked());
	device = open_device("null");
	u_assert(guest_adds(4, 0) == 4);
	u_close(device);
}

static void outlives(void)
{
	int device;

	u_assert(!add(group));
	device = open_device("null");
	u_assert(device >= 0);
	u_close(intro);
	u_assert(guest_adds(2, 3) == 5);
	u_close(vm);
	u_assert(guest_adds(2, 3) == 10);
	u_close(device);
	u_assert(vmm_is_asked());
}

static void lent_once(void)
{
	int one, two;

	u_assert(!add(group));
	u_assert(u_open("/dev/twill-vfio/0") == -EBUSY);
	u_assert(open_device("other") == -ENODEV);
	one = open_device("null");
	two = open_device("null");
	u_assert(one >= 0 && two >= 0);
	u_assert(guest_adds(1, 0) == 1);
	u_close(one);
	u_assert(guest_adds(1, 0) == 2);
	u_assert(!del(group));
	u_close(group);
	u_assert(u_open("/dev/twill-vfio/0") == -EBUSY);
	u_close(two);
	u_assert(vmm_is_asked());
	group = u_open("/dev/twill-vfio/0");
	u_assert(group >= 0);
}

static void forget(void)
{
	int device;

	u_assert(open_device("null") == -EINVAL);
	u_assert(add(vm) == -EINVAL);
	u_assert(add(99) == -EBADF);
	u_assert(del(group) == -ENOENT);
	u_assert(!add(group));
	u_assert(add(group) == -EEXIST);
	device = open_device("null");
	u_assert(device >= 0);
	u_assert(!del(group));
	u_assert(guest_adds(2, 2) == 4);
	u_close(device);
	u_assert(open_device("null") == -EINVAL);
	u_assert(!add(group));
	device = open_device("null");
	u_assert(device >= 0);
	u_close(device);
}

/* The Nth order in which four descriptors can be closed. */
static void close_in_order(int n)
{
	int fd[4] = { vm, intro, group, open_device("null") };
	int left, i;

	u_assert(fd[3] >= 0);
	for (left = 4; left; left--) {
		i = n % left;
		n /= left;
		u_close(fd[i]);
		fd[i] = fd[left - 1];
	}
}

static void any_order(void)
{
	int n;

	close_all();
	for (n = 0; n < 25; n++) {
		setup();
		u_assert(!add(group));
		close_in_order(n % 24);
	}
}

SCENARIO("works-window", "the guest's port is answered while a device is open",
	 setup_vcpu, close_all_and_vcpu, window);
SCENARIO("works-outlives", "an open device outlives introducer and machine fd",
	 setup_vcpu, close_all_and_vcpu, outlives);
SCENARIO("works-lent-once", "a group is open once, its device is shared",
	 setup_vcpu, close_all_and_vcpu, lent_once);
SCENARIO("works-forget", "groups are added, removed, forgotten; errors",
	 setup_vcpu, close_all_and_vcpu, forget);
SCENARIO("works-any-order", "four descriptors closed in all 24 orders",
	 setup, NULL, any_order);
