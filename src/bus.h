/* SPDX-License-Identifier: GPL-2.0-only */
/* What a device in the kernel must know to be asked by the guest. */
#ifndef TWILL_BUS_H
#define TWILL_BUS_H

#include <linux/list.h>
#include <linux/types.h>

struct vm;

enum bus_kind { BUS_PORTS, BUS_MEMORY, NR_BUSES };

/**
 * struct bus_device - addresses that a device in the kernel answers
 * @node: in its machine's list, which vm->lock guards against other changes
 * @bus: which of the two kinds of address
 * @addr: the first
 * @len: how many
 * @io: answer one access, all of which lies within. May sleep; a vCPU's thread
 *	calls it with vm->srcu held for reading, and may not wait in it for
 *	anything that is held while a device leaves
 */
struct bus_device {
	struct list_head node;
	enum bus_kind bus;
	u64 addr;
	u64 len;
	void (*io)(struct bus_device *dev, u64 addr, unsigned int size,
		   bool write, void *data);
};

int bus_join(struct vm *vm, struct bus_device *dev);
void bus_leave(struct vm *vm, struct bus_device *dev);
bool bus_io(struct vm *vm, enum bus_kind bus, u64 addr, unsigned int size,
	    bool write, void *data);

#endif
