// SPDX-License-Identifier: GPL-2.0-only
/* The VFIO pseudo-device: introduces a machine to pass-through groups. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "twill.h"
#include "vfio/group.h"

struct vfio_file {
	struct list_head node;
	struct file *file;	/* a group's; held, so that it stays open */
};

struct vfio_dev {
	struct mutex lock;	/* guards files */
	struct list_head files;
};

/* Gets: the symbol group_file, for one call. */
static bool is_group(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(group_file);
	bool yes;

	if (!fn)
		return false;
	yes = fn(file);
	symbol_put(group_file);
	return yes;
}

/* Gets: the symbol group_set_vm, for one call. */
static void set_vm(struct file *file, struct vm *vm)
{
	void (*fn)(struct file *file, struct vm *vm);

	fn = symbol_get(group_set_vm);
	if (!fn)
		return;
	fn(file, vm);
	symbol_put(group_set_vm);
}

static struct vfio_file *find_file(struct vfio_dev *vfio, struct file *file)
{
	struct vfio_file *vf;

	list_for_each_entry(vf, &vfio->files, node) {
		if (vf->file == file)
			return vf;
	}
	return NULL;
}

/* Holds: vfio->lock. Gets: the group's file, for the list. */
static int add_group(struct vfio_dev *vfio, struct vm *vm, struct file *file)
{
	struct vfio_file *vf;

	if (!is_group(file))
		return -EINVAL;
	if (find_file(vfio, file))
		return -EEXIST;
	vf = kzalloc(sizeof(*vf), GFP_KERNEL_ACCOUNT);
	if (!vf)
		return -ENOMEM;
	vf->file = get_file(file);
	list_add(&vf->node, &vfio->files);
	set_vm(file, vm);
	return 0;
}

/* Puts: the list's reference to the group's file. */
static void drop_file(struct vfio_file *vf)
{
	set_vm(vf->file, NULL);
	list_del(&vf->node);
	fput(vf->file);
	kfree(vf);
}

static int del_group(struct vfio_dev *vfio, struct file *file)
{
	struct vfio_file *vf = find_file(vfio, file);

	if (!vf)
		return -ENOENT;
	drop_file(vf);
	return 0;
}

static int vfio_dev_has_attr(struct vm_device *dev,
			     const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_DEV_VFIO_GROUP)
		return -ENXIO;
	if (attr->attr != KVM_DEV_VFIO_GROUP_ADD &&
	    attr->attr != KVM_DEV_VFIO_GROUP_DEL)
		return -ENXIO;
	return 0;
}

/* Takes: vfio->lock. Gets: the group's file, for this call. */
static int vfio_dev_set_attr(struct vm_device *dev,
			     const struct kvm_device_attr *attr)
{
	struct vfio_dev *vfio = dev->private;
	int r = vfio_dev_has_attr(dev, attr);
	struct file *file;
	s32 fd;

	if (r)
		return r;
	if (get_user(fd, (s32 __user *)(unsigned long)attr->addr))
		return -EFAULT;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mutex_lock(&vfio->lock);
	if (attr->attr == KVM_DEV_VFIO_GROUP_ADD)
		r = add_group(vfio, dev->vm, file);
	else
		r = del_group(vfio, file);
	mutex_unlock(&vfio->lock);
	fput(file);
	return r;
}

static int vfio_dev_create(struct vm_device *dev)
{
	struct vm_device *other;
	struct vfio_dev *vfio;

	list_for_each_entry(other, &dev->vm->devices, node) {
		if (other->ops == dev->ops)
			return -EBUSY;
	}
	vfio = kzalloc(sizeof(*vfio), GFP_KERNEL_ACCOUNT);
	if (!vfio)
		return -ENOMEM;
	mutex_init(&vfio->lock);
	INIT_LIST_HEAD(&vfio->files);
	dev->private = vfio;
	return 0;
}

static void vfio_dev_end(struct vm_device *dev)
{
	struct vfio_dev *vfio = dev->private;
	struct vfio_file *vf, *next;

	step(vfio_dev_end, dev);
	list_for_each_entry_safe(vf, next, &vfio->files, node)
		drop_file(vf);
	kfree(vfio);
	kfree(dev);
}

const struct vm_device_ops vfio_dev_ops = {
	.name = "twill-vfio",
	.create = vfio_dev_create,
	.release = vfio_dev_end,
	.set_attr = vfio_dev_set_attr,
	.has_attr = vfio_dev_has_attr,
};
