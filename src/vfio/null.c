// SPDX-License-Identifier: GPL-2.0-only
/* A pass-through device with no hardware and no memory: a number. */
#include <linux/module.h>
#include "twill.h"
#include "group.h"

#define NULL_PORT 0x5c0

struct null_device {
	struct pt_device device;
	struct window window;
	u32 sum;		/* guarded by vm->lock */
};

static void null_io(struct window *window, u16 port, unsigned int size,
		    bool write, void *data)
{
	struct null_device *null = container_of(window, struct null_device,
						window);
	u32 value = 0;

	if (write) {
		memcpy(&value, data, size);
		null->sum += value;
	} else {
		memcpy(data, &null->sum, size);
	}
}

/* Holds: group->lock. Takes: vm->lock. */
static int null_open(struct pt_device *device)
{
	struct null_device *null = container_of(device, struct null_device,
						device);
	struct vm *vm = device->vm;

	if (!vm)
		return -EINVAL;
	mutex_lock(&vm->lock);
	null->sum = 0;
	list_add(&null->window.node, &vm->windows);
	mutex_unlock(&vm->lock);
	step(null_open, device);
	return 0;
}

/* Holds: group->lock. Takes: vm->lock. */
static void null_close(struct pt_device *device)
{
	struct null_device *null = container_of(device, struct null_device,
						device);
	struct vm *vm = device->vm;

	mutex_lock(&vm->lock);
	list_del(&null->window.node);
	mutex_unlock(&vm->lock);
	step(null_close, device);
}

static const struct pt_device_ops null_ops = {
	.open = null_open,
	.close = null_close,
};

static struct null_device null_device = {
	.device = { .name = "null", .ops = &null_ops },
	.window = { .port = NULL_PORT, .count = 1, .io = null_io },
};

static struct group null_group = {
	.device = &null_device.device,
	.misc = { .name = "twill-vfio-0", .nodename = "twill-vfio/0" },
};

static int __init twill_vfio_init(void)
{
	return group_register(&null_group);
}

static void __exit twill_vfio_exit(void)
{
	group_unregister(&null_group);
}

module_init(twill_vfio_init);
module_exit(twill_vfio_exit);
MODULE_DESCRIPTION("Pass-through groups for Twill");
MODULE_LICENSE("GPL");
