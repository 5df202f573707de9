// SPDX-License-Identifier: GPL-2.0-only
/* A pass-through device without hardware: a number. */
#include <linux/atomic.h>
#include <linux/module.h>
#include "bus.h"
#include "group.h"
#include "step.h"

struct null_device {
	struct pt_device device;
	struct bus_device at[NR_BUSES];
	atomic_t sum;
};

static void null_io(struct bus_device *dev, u64 addr, unsigned int size,
		    bool write, void *data)
{
	struct null_device *null = container_of(dev - dev->bus,
						struct null_device, at[0]);
	u32 value = 0, shift = (addr - dev->addr) * 8;

	if (write) {
		memcpy(&value, data, size);
		atomic_add(value << shift, &null->sum);
	} else {
		value = atomic_read(&null->sum) >> shift;
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

/* Holds: group->lock. Takes: vm->lock. */
static int null_open(struct pt_device *device)
{
	struct null_device *null = container_of(device, struct null_device,
						device);
	struct vm *vm = device->vm;
	int r;

	if (!vm)
		return -EINVAL;
	atomic_set(&null->sum, 0);
	r = join(vm, &null->at[BUS_PORTS]);
	if (r)
		return r;
	r = join(vm, &null->at[BUS_MEMORY]);
	if (r)
		leave(vm, &null->at[BUS_PORTS]);
	step(null_open, device);
	return r;
}

/* Holds: group->lock. Takes: vm->lock. */
static void null_close(struct pt_device *device)
{
	struct null_device *null = container_of(device, struct null_device,
						device);
	struct vm *vm = device->vm;

	leave(vm, &null->at[BUS_MEMORY]);
	leave(vm, &null->at[BUS_PORTS]);
	step(null_close, device);
}

static const struct pt_device_ops null_ops = {
	.open = null_open,
	.close = null_close,
};

static struct null_device null_device = {
	.device = { .name = "null", .ops = &null_ops },
	.at = {
		{ .bus = BUS_PORTS, .addr = 0x5c0, .len = 4, .io = null_io },
		{ .bus = BUS_MEMORY, .addr = 0xd0000000, .len = 4,
		  .io = null_io },
	},
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
