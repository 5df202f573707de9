// SPDX-License-Identifier: GPL-2.0-only
/* The module and its device node. */
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#define CREATE_TRACE_POINTS
#include "twill.h"

/**
 * check_extension() - answer KVM_CHECK_EXTENSION
 * @cap: a KVM_CAP number, or any other
 *
 * Returns: 0 for no; 1, or how many, for yes.
 */
long check_extension(unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_DEVICE_CTRL:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_CHECK_EXTENSION_VM:
		return 1;
	case KVM_CAP_NR_VCPUS:
	case KVM_CAP_MAX_VCPUS:
	case KVM_CAP_MAX_VCPU_ID:
		return MAX_VCPUS;
	case KVM_CAP_NR_MEMSLOTS:
		return MAX_MEMSLOTS;
	}
	return arch_check_extension(cap);
}

static long twill_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return arg ? -EINVAL : vm_create_fd();
	case KVM_CHECK_EXTENSION:
		return check_extension(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VCPU_MMAP_SIZE;
	}
	return arch_dev_ioctl(cmd, (void __user *)arg);
}

static const struct file_operations twill_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = twill_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice twill_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "twill",
	.fops = &twill_fops,
};

static int __init twill_init(void)
{
	int r;

	r = stage2_init_cache();
	if (r)
		return r;
	r = arch_init();
	if (r)
		goto free_cache;
	r = misc_register(&twill_misc);
	if (r)
		goto exit_arch;
	return 0;

exit_arch:
	arch_exit();
free_cache:
	stage2_exit_cache();
	return r;
}

static void __exit twill_exit(void)
{
	misc_deregister(&twill_misc);
	arch_exit();
	stage2_exit_cache();
}

module_init(twill_init);
module_exit(twill_exit);
MODULE_DESCRIPTION("A hypervisor that is read as a book");
MODULE_LICENSE("GPL");
