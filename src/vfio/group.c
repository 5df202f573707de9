// SPDX-License-Identifier: GPL-2.0-only
/* Pass-through groups: who is lent what, and to which machine. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>
#define CREATE_TRACE_POINTS
#include "twill.h"
#include "group.h"

/* Holds: group->vm_lock. Gets: the machine and the symbol vm_put. */
static void hold_vm(struct pt_device *device, struct vm *vm)
{
	bool (*get)(struct vm *vm);

	if (!vm)
		return;
	get = symbol_get(vm_get_safe);
	if (!get)
		return;
	device->put_vm = symbol_get(vm_put);
	if (device->put_vm && get(vm))
		device->vm = vm;
	else if (device->put_vm)
		symbol_put(vm_put);
	symbol_put(vm_get_safe);
}

/* Puts: the machine, and after it the symbol vm_put. */
static void release_vm(struct pt_device *device)
{
	if (!device->vm)
		return;
	device->put_vm(device->vm);
	device->vm = NULL;
	symbol_put(vm_put);
}

/* Takes: group->lock, group->vm_lock. */
static int pt_device_open(struct pt_device *device)
{
	struct group *group = device->group;
	int r = 0;

	mutex_lock(&group->lock);
	step(pt_device_open, device);
	if (!device->open_count) {
		spin_lock(&group->vm_lock);
		hold_vm(device, group->vm);
		spin_unlock(&group->vm_lock);
		r = device->ops->open(device);
		if (r)
			release_vm(device);
	}
	if (!r)
		device->open_count++;
	mutex_unlock(&group->lock);
	return r;
}

/* Takes: group->lock. */
static void pt_device_close(struct pt_device *device)
{
	struct group *group = device->group;

	mutex_lock(&group->lock);
	step(pt_device_close, device);
	if (!--device->open_count) {
		device->ops->close(device);
		release_vm(device);
	}
	mutex_unlock(&group->lock);
}

static int pt_device_release(struct inode *inode, struct file *file)
{
	pt_device_close(file->private_data);
	return 0;
}

static const struct file_operations pt_device_fops = {
	.owner = THIS_MODULE,
	.release = pt_device_release,
	.llseek = noop_llseek,
};

static int pt_device_get_fd(struct pt_device *device)
{
	int fd, r = pt_device_open(device);

	if (r)
		return r;
	fd = anon_inode_getfd("twill-pt-device", &pt_device_fops, device,
			      O_RDWR | O_CLOEXEC);
	if (fd < 0)
		pt_device_close(device);
	return fd;
}

static long group_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct group *group = file->private_data;
	char *name;
	int r;

	if (cmd != VFIO_GROUP_GET_DEVICE_FD)
		return -ENOTTY;
	name = strndup_user((const char __user *)arg, PAGE_SIZE);
	if (IS_ERR(name))
		return PTR_ERR(name);
	r = strcmp(name, group->device->name) ? -ENODEV : 0;
	kfree(name);
	return r ? r : pt_device_get_fd(group->device);
}

/* Takes: group->lock. */
static int group_open(struct inode *inode, struct file *file)
{
	struct group *group = container_of(file->private_data, struct group,
					   misc);
	int r = 0;

	mutex_lock(&group->lock);
	if (group->opened || group->device->open_count)
		r = -EBUSY;
	else
		group->opened = true;
	mutex_unlock(&group->lock);
	file->private_data = group;
	return r;
}

/* Takes: group->lock. */
static int group_release(struct inode *inode, struct file *file)
{
	struct group *group = file->private_data;

	mutex_lock(&group->lock);
	group->opened = false;
	mutex_unlock(&group->lock);
	return 0;
}

static const struct file_operations group_fops = {
	.owner = THIS_MODULE,
	.open = group_open,
	.release = group_release,
	.unlocked_ioctl = group_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/**
 * group_file() - whether a file is a group's
 * @file: any file
 *
 * Returns: true if group_set_vm() may be called on it.
 */
bool group_file(struct file *file)
{
	return file->f_op == &group_fops;
}
EXPORT_SYMBOL_GPL(group_file);

/**
 * group_set_vm() - tell a group which machine may use it
 * @file: the group's file; the caller holds it open
 * @vm: the machine, or NULL to forget it. The caller makes sure that a machine
 *	is forgotten before it is freed
 *
 * Context: any; does not sleep.
 * Takes: group->vm_lock.
 */
void group_set_vm(struct file *file, struct vm *vm)
{
	struct group *group = file->private_data;

	step(group_set_vm, group);
	spin_lock(&group->vm_lock);
	group->vm = vm;
	spin_unlock(&group->vm_lock);
}
EXPORT_SYMBOL_GPL(group_set_vm);

/**
 * group_register() - show a group and its device to the VMMs
 * @group: with device, misc.name and misc.nodename set
 *
 * Returns: 0 or a negative errno.
 */
int group_register(struct group *group)
{
	mutex_init(&group->lock);
	spin_lock_init(&group->vm_lock);
	group->device->group = group;
	group->misc.minor = MISC_DYNAMIC_MINOR;
	group->misc.fops = &group_fops;
	return misc_register(&group->misc);
}

/**
 * group_unregister() - hide a group again
 * @group: a group whose file is closed
 */
void group_unregister(struct group *group)
{
	misc_deregister(&group->misc);
}
