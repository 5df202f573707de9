// SPDX-License-Identifier: GPL-2.0-only
/* A machine: made, counted, unmade; and the requests on its file. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "twill.h"

/* Puts: the mm_struct. */
static void vm_destroy(struct vm *vm)
{
	step(vm_destroy, vm);
	notifier_unregister(vm);
	vcpus_destroy(vm);
	arch_vm_destroy(vm);
	devices_destroy(vm);
	stage2_free(vm);
	memslots_free(vm);
	free_cpumask_var(vm->called);
	mmdrop(vm->mm);
	kfree(vm);
}

/**
 * vm_get() - take one more reference to a machine
 * @vm: a machine that the caller holds already
 *
 * Context: any.
 * Holds: a reference to @vm.
 */
void vm_get(struct vm *vm)
{
	refcount_inc(&vm->users);
	step(vm_get, vm);
}

/**
 * vm_get_safe() - take a reference, unless the machine is being destroyed
 * @vm: memory that is still a machine, alive or not: the caller must make sure
 *	by a lock that it has not been freed
 *
 * Returns: true, and the caller holds a reference; or false.
 * Context: any; does not sleep.
 */
bool vm_get_safe(struct vm *vm)
{
	step(vm_get_safe, vm);
	return refcount_inc_not_zero(&vm->users);
}
EXPORT_SYMBOL_GPL(vm_get_safe);

/**
 * vm_put() - let go of a machine
 * @vm: a machine that the caller holds, and may not touch from now on
 *
 * If this was the last reference the machine is destroyed before the function
 * returns, and with it each device that has a destroy operation.
 *
 * Context: may sleep. The caller holds no lock that the destruction of a
 *	machine, or of its devices, takes.
 */
void vm_put(struct vm *vm)
{
	step(vm_put, vm);
	if (refcount_dec_and_test(&vm->users))
		vm_destroy(vm);
}
EXPORT_SYMBOL_GPL(vm_put);

/* Gets: the mm_struct. */
static struct vm *vm_create(void)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int r;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	INIT_LIST_HEAD(&vm->devices);
	INIT_LIST_HEAD(&vm->bus[BUS_PORTS]);
	INIT_LIST_HEAD(&vm->bus[BUS_MEMORY]);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	r = zalloc_cpumask_var(&vm->called, GFP_KERNEL_ACCOUNT) ? 0 : -ENOMEM;
	if (r)
		goto drop_mm;
	r = memslots_init(vm);
	if (r)
		goto free_cpumask;
	r = stage2_init(vm);
	if (r)
		goto free_memslots;
	r = arch_vm_init(vm);
	if (r)
		goto free_stage2;
	r = notifier_register(vm);
	if (r)
		goto exit_arch;
	step(vm_create, vm);
	return vm;
exit_arch:
	arch_vm_destroy(vm);
free_stage2:
	stage2_free(vm);
free_memslots:
	memslots_free(vm);
free_cpumask:
	free_cpumask_var(vm->called);
drop_mm:
	mmdrop(vm->mm);
	kfree(vm);
	return ERR_PTR(r);
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = file->private_data;
	void __user *argp = (void __user *)arg;

	if (vm->mm != current->mm)
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return vcpu_create_fd(vm, arg);
	case KVM_CHECK_EXTENSION:
		return check_extension(arg);
	case KVM_SET_USER_MEMORY_REGION: {
		struct kvm_userspace_memory_region region;

		if (copy_from_user(&region, argp, sizeof(region)))
			return -EFAULT;
		return memslot_set(vm, &region);
	}
	case KVM_CREATE_DEVICE: {
		struct kvm_create_device args;
		int r;

		if (copy_from_user(&args, argp, sizeof(args)))
			return -EFAULT;
		r = device_create_fd(vm, &args);
		if (!r && copy_to_user(argp, &args, sizeof(args)))
			r = -EFAULT;
		return r;
	}
	}
	return arch_vm_ioctl(vm, cmd, argp);
}

/* Puts: the VM file's reference to the machine. */
static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/**
 * vm_create_fd() - make a machine and a file descriptor that holds it
 *
 * Returns: the descriptor, or a negative errno.
 * Context: process; may sleep.
 * Gets: the machine's first reference, which is the file's.
 */
int vm_create_fd(void)
{
	struct vm *vm = vm_create();
	int fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("twill-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
