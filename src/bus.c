// SPDX-License-Identifier: GPL-2.0-only
/* Ports, and addresses without memory, that devices in the kernel answer. */
#include <linux/module.h>
#include <linux/rculist.h>
#include "twill.h"

/**
 * bus_io() - let a device in the kernel answer the guest
 * @vm: the guest's machine
 * @bus: ports or memory
 * @addr: which it spoke to
 * @size: bytes
 * @write: whether it wrote
 * @data: what it wrote, or where to put the answer
 *
 * Returns: whether a device answered; else the access is the VMM's.
 * Context: may sleep.
 * Takes: vm->srcu for reading.
 */
bool bus_io(struct vm *vm, enum bus_kind bus, u64 addr, unsigned int size,
	    bool write, void *data)
{
	int idx = srcu_read_lock(&vm->srcu);
	struct bus_device *dev;
	bool found = false;

	list_for_each_entry_srcu(dev, &vm->bus[bus], node,
				 srcu_read_lock_held(&vm->srcu)) {
		if (addr >= dev->addr && addr - dev->addr + size <= dev->len) {
			dev->io(dev, addr, size, write, data);
			found = true;
			break;
		}
	}
	srcu_read_unlock(&vm->srcu, idx);
	return found;
}

/**
 * bus_join() - from now on this device answers
 * @vm: the machine, which the caller holds
 * @dev: all but its node is set; must stay until bus_leave() has returned
 *
 * Returns: 0, or EEXIST where another device has one of the addresses.
 * Context: may sleep.
 * Takes: vm->lock.
 */
int bus_join(struct vm *vm, struct bus_device *dev)
{
	struct bus_device *other;
	int r = 0;

	mutex_lock(&vm->lock);
	list_for_each_entry(other, &vm->bus[dev->bus], node) {
		if (dev->addr < other->addr + other->len &&
		    other->addr < dev->addr + dev->len)
			r = -EEXIST;
	}
	if (!r)
		list_add_rcu(&dev->node, &vm->bus[dev->bus]);
	mutex_unlock(&vm->lock);
	return r;
}
EXPORT_SYMBOL_GPL(bus_join);

/**
 * bus_leave() - this device answers no more
 * @vm: the machine that it joined
 * @dev: the device
 *
 * On return its @io does not run, and will not.
 *
 * Context: may sleep, and waits for accesses and faults that are under way.
 * Takes: vm->lock.
 */
void bus_leave(struct vm *vm, struct bus_device *dev)
{
	mutex_lock(&vm->lock);
	list_del_rcu(&dev->node);
	mutex_unlock(&vm->lock);
	step(bus_leave, dev);
	synchronize_srcu_expedited(&vm->srcu);
}
EXPORT_SYMBOL_GPL(bus_leave);
