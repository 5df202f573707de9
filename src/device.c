// SPDX-License-Identifier: GPL-2.0-only
/* Devices that the kernel plays: made, configured, ended. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "twill.h"

/* Takes: vm->lock. */
static void release_device(struct vm_device *dev)
{
	struct vm *vm = dev->vm;

	mutex_lock(&vm->lock);
	list_del(&dev->node);
	dev->ops->release(dev);
	mutex_unlock(&vm->lock);
}

/* Puts: the device file's reference to the machine. */
static int device_release(struct inode *inode, struct file *file)
{
	struct vm_device *dev = file->private_data;
	struct vm *vm = dev->vm;

	step(device_release, dev);
	if (dev->ops->release)
		release_device(dev);
	vm_put(vm);
	return 0;
}

/**
 * devices_destroy() - end the devices that live as long as their machine
 * @vm: a machine without references
 *
 * Context: may sleep. Takes whatever the devices' destroy operations take,
 *	and so does every caller of vm_put().
 */
void devices_destroy(struct vm *vm)
{
	struct vm_device *dev, *next;

	list_for_each_entry_safe(dev, next, &vm->devices, node) {
		list_del(&dev->node);
		dev->ops->destroy(dev);
	}
}

/* A device that never got its file. Takes: vm->lock. */
static void device_unmake(struct vm_device *dev)
{
	struct vm *vm = dev->vm;

	if (dev->ops->release) {
		release_device(dev);
		return;
	}
	mutex_lock(&vm->lock);
	list_del(&dev->node);
	mutex_unlock(&vm->lock);
	dev->ops->destroy(dev);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vm_device *dev = file->private_data;
	struct kvm_device_attr attr;

	if (dev->vm->mm != current->mm)
		return -EIO;
	if (cmd != KVM_SET_DEVICE_ATTR && cmd != KVM_HAS_DEVICE_ATTR)
		return cmd == KVM_GET_DEVICE_ATTR ? -EPERM : -ENOTTY;
	if (copy_from_user(&attr, (void __user *)arg, sizeof(attr)))
		return -EFAULT;
	return cmd == KVM_SET_DEVICE_ATTR ? dev->ops->set_attr(dev, &attr) :
					    dev->ops->has_attr(dev, &attr);
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static const struct vm_device_ops *device_kind(u32 type)
{
	switch (type) {
	case KVM_DEV_TYPE_VFIO:
		return &vfio_dev_ops;
	}
	return NULL;
}

/* Takes: vm->lock. */
static struct vm_device *device_make(struct vm *vm,
				     const struct vm_device_ops *ops)
{
	struct vm_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int r;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->ops = ops;
	dev->vm = vm;
	mutex_lock(&vm->lock);
	r = ops->create(dev);
	if (!r)
		list_add(&dev->node, &vm->devices);
	mutex_unlock(&vm->lock);
	if (r) {
		kfree(dev);
		return ERR_PTR(r);
	}
	return dev;
}

/**
 * device_create_fd() - make a device and a file descriptor for it
 * @vm: its machine
 * @args: the kind that is asked for; on success, the descriptor
 *
 * Returns: 0; -ENODEV for an unknown kind, -EBUSY where the machine may have
 *	only one, or another negative errno.
 * Context: may sleep.
 * Takes: vm->lock.
 * Gets: the machine, for the device's file.
 */
int device_create_fd(struct vm *vm, struct kvm_create_device *args)
{
	const struct vm_device_ops *ops = device_kind(args->type);
	struct vm_device *dev;
	int fd;

	if (!ops)
		return -ENODEV;
	if (args->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	dev = device_make(vm, ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	vm_get(vm);
	fd = anon_inode_getfd(ops->name, &device_fops, dev,
			      O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		device_unmake(dev);
		vm_put(vm);
		return fd;
	}
	args->fd = fd;
	return 0;
}
