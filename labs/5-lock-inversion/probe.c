// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second group, whose device does what a test tells it: it fails to open,
 * or takes its time. Compiled with the lab's code, as a driver would be.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/vfio.h>
#include "twill.h"
#include "group.h"
#include "scenario.h"

static bool waits, may_go_on;
static int failures;		/* so many opens fail; guarded by group->lock */

/* The explorer's: stand here until READY says so. */
void visible(const char *op, const char *name, unsigned long pc,
	     bool (*ready)(void *arg), void *arg);

__attribute__((no_sanitize("thread")))
static bool told(void *unused)
{
	return may_go_on;
}

/* Like a driver that stops the machine's vCPUs meanwhile. */
static void use_machine(struct vm *vm)
{
	if (!vm)
		return;
	mutex_lock(&vm->lock);
	mutex_unlock(&vm->lock);
}

static int probe_open(struct pt_device *device)
{
	if (waits)
		visible("wait", "probe", (unsigned long)probe_open + 1, told,
			NULL);
	use_machine(device->vm);
	if (!failures)
		return 0;
	failures--;
	return -EIO;
}

static void probe_close(struct pt_device *device)
{
	use_machine(device->vm);
}

static const struct pt_device_ops probe_ops = {
	.open = probe_open,
	.close = probe_close,
};

static struct pt_device probe = { .name = "probe", .ops = &probe_ops };
static struct group probe_group = {
	.device = &probe,
	.misc = { .name = "twill-vfio-1", .nodename = "twill-vfio/1" },
};

static int __init probe_init(void)
{
	return group_register(&probe_group);
}

static void __exit probe_exit(void)
{
	group_unregister(&probe_group);
}

module_init(probe_init);
module_exit(probe_exit);

/* The scenarios that need it. */

static int vm, vcpu, intro, group, null_group, device;

static int set_group(int attr, int *fd)
{
	struct kvm_device_attr a = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = attr,
		.addr = (unsigned long)fd,
	};

	return u_ioctl(intro, KVM_SET_DEVICE_ATTR, &a);
}

static int open_probe(void)
{
	return u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "probe");
}

static int open_null(void)
{
	return u_ioctl(null_group, VFIO_GROUP_GET_DEVICE_FD, "null");
}

static void setup(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };
	int node = u_open("/dev/twill");

	vm = u_ioctl(node, KVM_CREATE_VM, 0);
	u_assert(vm >= 0);
	u_close(node);
	u_assert(!u_ioctl(vm, KVM_CREATE_DEVICE, &d));
	intro = d.fd;
	group = u_open("/dev/twill-vfio/1");
	null_group = u_open("/dev/twill-vfio/0");
	u_assert(group >= 0 && null_group >= 0);
	u_assert(!set_group(KVM_DEV_VFIO_GROUP_ADD, &group));
	vcpu = device = -1;
}

static void setup_failing(void)
{
	setup();
	failures = 1;
}

/* Both groups, a vCPU; the first device is open already. */
static void setup_both(void)
{
	setup_failing();
	vcpu = u_ioctl(vm, KVM_CREATE_VCPU, 2);
	u_assert(vcpu >= 0);
	u_assert(!set_group(KVM_DEV_VFIO_GROUP_ADD, &null_group));
	device = open_null();
	u_assert(device >= 0);
}

static void setup_waiting(void)
{
	setup();
	waits = true;
}

static void close_groups(void)
{
	u_close(group);
	u_close(null_group);
}

static void close_all(void)
{
	u_close(intro);
	u_close(vm);
	close_groups();
}

static void close_vcpu_and_groups(void)
{
	u_close(vcpu);
	close_groups();
}

static void fail_to_open(void)
{
	int fd;

	u_assert(open_probe() == -EIO);
	fd = open_probe();
	u_assert(fd >= 0);
	u_close(fd);
}

/* ... then the other group's device, and the first one after all. */
static void fail_and_go_on(void)
{
	int fd, other;

	u_assert(open_probe() == -EIO);
	other = open_null();
	u_assert(other >= 0);
	u_close(other);
	failures = 2;
	u_assert(open_probe() == -EIO && open_probe() == -EIO);
	fd = open_probe();
	u_assert(fd >= 0);
	u_close(device);
	u_close(fd);
	failures = 1;
	u_assert(open_probe() == -EIO);
	u_close(intro);
	u_close(vm);
}

static void only_fail_to_open(void)
{
	u_assert(open_probe() == -EIO);
}

/* Whose open fails is the scheduler's choice. */
static void maybe_open(void)
{
	int fd = open_probe();

	u_assert(fd >= 0 || fd == -EIO);
	if (fd >= 0)
		u_close(fd);
}

static void close_intro_and_vm(void)
{
	u_close(intro);
	u_close(vm);
}

static void close_null_and_vm(void)
{
	u_close(device);
	u_close(intro);
	u_close(vm);
}

static void open_close_probe(void)
{
	int fd = open_probe();

	u_assert(fd >= 0);
	u_close(fd);
}

static void use_the_other_group(void)
{
	int fd;

	u_assert(!set_group(KVM_DEV_VFIO_GROUP_ADD, &null_group));
	fd = open_null();
	u_assert(fd >= 0);
	u_close(fd);
	u_assert(!set_group(KVM_DEV_VFIO_GROUP_DEL, &null_group));
	may_go_on = true;
}

SCENARIO("open-fails", "a driver refuses to open, then does not",
	 setup_failing, close_all, fail_to_open);
SCENARIO("open-fails-goes-on",
	 "a driver refuses to open, again and again, between opens that go well",
	 setup_both, close_vcpu_and_groups, fail_and_go_on);
SCENARIO("open-fails-vs-release",
	 "a driver refuses to open while introducer and machine are closed",
	 setup_failing, close_groups, only_fail_to_open, close_intro_and_vm);
SCENARIO("open-fails-vs-open", "one of two opens fails",
	 setup_failing, close_all, maybe_open, maybe_open);
SCENARIO("open-fails-vs-close",
	 "a driver refuses to open while another group's device is closed",
	 setup_both, close_vcpu_and_groups, only_fail_to_open,
	 close_null_and_vm);
SCENARIO("two-groups", "one group is used while another's driver waits",
	 setup_waiting, close_all, open_close_probe, use_the_other_group);
