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

/* What is refused, and in which words; and that nothing is left of it. */

static int attr_of(int fd, unsigned int cmd, __u32 group, __u64 attr,
		   const void *addr)
{
	struct kvm_device_attr a = {
		.group = group, .attr = attr, .addr = (unsigned long)addr,
	};

	return u_ioctl(fd, cmd, &a);
}

static void wrong_attributes(void)
{
	int fd = group, add_ = KVM_DEV_VFIO_GROUP_ADD;
	void *nowhere = (void *)-4096L;

	u_assert(!attr_of(intro, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
			  KVM_DEV_VFIO_GROUP_ADD, NULL));
	u_assert(!attr_of(intro, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
			  KVM_DEV_VFIO_GROUP_DEL, NULL));
	u_assert(attr_of(intro, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 77,
			 NULL) == -ENXIO);
	u_assert(attr_of(intro, KVM_HAS_DEVICE_ATTR, 99, add_, NULL) == -ENXIO);
	u_assert(attr_of(intro, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 77,
			 &fd) == -ENXIO);
	u_assert(attr_of(intro, KVM_SET_DEVICE_ATTR, 99, add_, &fd) == -ENXIO);
	u_assert(attr_of(intro, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, add_,
			 nowhere) == -EFAULT);
	u_assert(attr_of(intro, KVM_GET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, add_,
			 &fd) == -EPERM);
	u_assert(u_ioctl(intro, KVM_SET_DEVICE_ATTR, nowhere) == -EFAULT);
	u_assert(u_ioctl(intro, KVM_RUN, 0) == -ENOTTY);
}

static void wrong_devices(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	u_assert(u_ioctl(vm, KVM_CREATE_DEVICE, &d) == -EBUSY);
	d.flags = KVM_CREATE_DEVICE_TEST;
	u_assert(!u_ioctl(vm, KVM_CREATE_DEVICE, &d));
	d.type = 77;
	u_assert(u_ioctl(vm, KVM_CREATE_DEVICE, &d) == -ENODEV);
	d.flags = 0;
	u_assert(u_ioctl(vm, KVM_CREATE_DEVICE, &d) == -ENODEV);
}

static void wrong_opens(void)
{
	u_assert(u_ioctl(group, KVM_RUN, 0) == -ENOTTY);
	u_assert(u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, -4096L) == -EFAULT);
	u_assert(open_device("nul") == -ENODEV);
	u_assert(open_device("") == -ENODEV);
	u_assert(open_device("null") == -EINVAL);
	u_assert(add(intro) == -EINVAL);
	u_assert(add(-1) == -EBADF);
	u_assert(del(77) == -EBADF);
	u_assert(del(vm) == -ENOENT);
}

static void refuses(void)
{
	int device;

	wrong_attributes();
	wrong_devices();
	wrong_opens();
	u_assert(!add(group));
	u_assert(add(group) == -EEXIST);
	device = open_device("null");
	u_assert(device >= 0);
	u_assert(u_ioctl(device, KVM_RUN, 0) == -ENOTTY);
	u_assert(guest_adds(2, 3) == 5);
	u_close(device);
}

/* A machine is its own process's: others may close, and no more. */
static void refuses_others(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	u_elsewhere(true);
	u_assert(add(group) == -EIO);
	u_assert(del(group) == -EIO);
	u_assert(attr_of(intro, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
			 KVM_DEV_VFIO_GROUP_ADD, NULL) == -EIO);
	u_assert(u_ioctl(intro, KVM_RUN, 0) == -EIO);
	u_assert(u_ioctl(vm, KVM_CREATE_DEVICE, &d) == -EIO);
	u_elsewhere(false);
	u_assert(del(group) == -ENOENT);
	u_assert(!add(group));
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
SCENARIO("works-refuses", "what is asked for wrongly is refused, and how",
	 setup_vcpu, close_all_and_vcpu, refuses);
SCENARIO("works-refuses-others", "what another process asks for is refused",
	 setup, close_all, refuses_others);
SCENARIO("works-any-order", "four descriptors closed in all 24 orders",
	 setup, NULL, any_order);
