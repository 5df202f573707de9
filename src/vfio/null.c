// SPDX-License-Identifier: GPL-2.0-only
/* A pass-through device without hardware: a number. */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "bus.h"
#include "group.h"
#include "step.h"

struct number {
	struct bus_device at[NR_BUSES];
	atomic_t sum;
};

static struct number *number;	/* guarded by the group's lock */

static void null_io(struct bus_device *dev, u64 addr, unsigned int size,
		    bool write, void *data)
{
	struct number *n = container_of(dev - dev->bus, struct number, at[0]);
	u32 value = 0, shift = (addr - dev->addr) * 8;

	if (write) {
		memcpy(&value, data, size);
		atomic_add(value << shift, &n->sum);
	} else {
		value = atomic_read(&n->sum) >> shift;
		memcpy(data, &value, size);
	}
}

/* Gets: the symbol bus_join, for the call. */
static int join(struct vm *vm, struct bus_device *dev)
{
	int (*fn)(struct vm *vm, struct bus_device *dev);
	int r;

	fn = symbol_get(bus_join);
	if (!fn)
		return -ENODEV;
	r = fn(vm, dev);
	symbol_put(bus_join);
	return r;
}

/* Gets: the symbol bus_leave, for the call. */
static void leave(struct vm *vm, struct bus_device *dev)
{
	void (*fn)(struct vm *vm, struct bus_device *dev);

	fn = symbol_get(bus_leave);
	if (!fn)
		return;
	fn(vm, dev);
	symbol_put(bus_leave);
}

static const struct number new_number = {
	.at = {
		{ .bus = BUS_PORTS, .addr = 0x5c0, .len = 4, .io = null_io },
		{ .bus = BUS_MEMORY, .addr = 0xd0000000, .len = 4,
		  .io = null_io },
	},
};

static int join_both(struct vm *vm, struct number *n)
{
	int r = join(vm, &n->at[BUS_PORTS]);

	if (r)
		return r;
	r = join(vm, &n->at[BUS_MEMORY]);
	if (r)
		leave(vm, &n->at[BUS_PORTS]);
	return r;
}

/* Holds: group->lock. Takes: vm->lock. */
static int null_open(struct pt_device *device)
{
	int r;

	if (!device->vm)
		return -EINVAL;
	number = kmemdup(&new_number, sizeof(new_number), GFP_KERNEL_ACCOUNT);
	if (!number)
		return -ENOMEM;
	r = join_both(device->vm, number);
	if (r)
		kfree(number);
	step(null_open, device);
	return r;
}

/* Holds: group->lock. Takes: vm->lock. */
static void null_close(struct pt_device *device)
{
	leave(device->vm, &number->at[BUS_MEMORY]);
	leave(device->vm, &number->at[BUS_PORTS]);
	kfree(number);
	step(null_close, device);
}

static const struct pt_device_ops null_ops = {
	.open = null_open,
	.close = null_close,
};

static struct pt_device null_device = { .name = "null", .ops = &null_ops };

static struct group null_group = {
	.device = &null_device,
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
