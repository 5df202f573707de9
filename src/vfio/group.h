/* SPDX-License-Identifier: GPL-2.0-only */
/* Pass-through groups, as drivers and the core see them. */
#ifndef TWILL_GROUP_H
#define TWILL_GROUP_H

#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

struct file;
struct pt_device;
struct vm;

/**
 * struct group - what is lent to a guest as one piece
 * @lock: held while a device of the group is opened or closed. Taken outside
 *	vm->lock, never inside it
 * @vm_lock: guards @vm. Nothing is taken inside it
 * @vm: the machine that may use the group, or NULL
 * @opened: whether the group's file is open; guarded by @lock
 * @device: its device; Twill's groups have one each
 * @misc: its node under /dev/twill-vfio
 */
struct group {
	struct mutex lock;
	spinlock_t vm_lock;
	struct vm *vm;
	bool opened;
	struct pt_device *device;
	struct miscdevice misc;
};

struct pt_device_ops {
	int (*open)(struct pt_device *device);	/* group->lock is held */
	void (*close)(struct pt_device *device);
};

/**
 * struct pt_device - a device that can be lent to a guest
 * @name: by which the VMM asks the group for it
 * @ops: its driver
 * @group: the group it is in
 * @vm: the machine that uses it, from the first open to the last close, when
 *	it holds a reference; else NULL. Guarded by group->lock
 * @open_count: files that are open on it; guarded by group->lock
 * @put_vm: how to let go of @vm; holds a reference to that function's module
 */
struct pt_device {
	const char *name;
	const struct pt_device_ops *ops;
	struct group *group;
	struct vm *vm;
	unsigned int open_count;
	void (*put_vm)(struct vm *vm);
};

int group_register(struct group *group);
void group_unregister(struct group *group);
bool group_file(struct file *file);
void group_set_vm(struct file *file, struct vm *vm);

#endif
