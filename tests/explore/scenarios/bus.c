// SPDX-License-Identifier: GPL-2.0-only
/* Devices of two drivers join and leave one machine's bus. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/vfio.h>
#include "twill.h"
#include "machine.h"

static int vm;
static int refused;

static void answer(struct bus_device *dev, u64 addr, unsigned int size,
		   bool write, void *data)
{
}

static struct bus_device one = { .addr = 0, .len = 4, .io = answer };
static struct bus_device two = { .addr = 4, .len = 4, .io = answer };
static struct bus_device also_one = { .addr = 3, .len = 2, .io = answer };

static void setup(void)
{
	vm = make_vm();
	refused = 0;
}

/* As a driver, which holds the machine. */
static void come_and_go(struct bus_device *dev)
{
	struct file *file = fget(vm);
	struct vm *machine = file->private_data;
	int r = bus_join(machine, dev);

	if (r)
		refused++;
	else
		bus_leave(machine, dev);
	fput(file);
}

static void first(void)
{
	come_and_go(&one);
}

static void second(void)
{
	come_and_go(&two);
}

static void none_is_left(void)
{
	struct file *file = fget(vm);
	struct vm *machine = file->private_data;

	u_assert(!refused && list_empty(&machine->bus[BUS_PORTS]));
	fput(file);
	u_close(vm);
}

static void join_only(struct bus_device *dev)
{
	struct file *file = fget(vm);

	if (bus_join(file->private_data, dev))
		refused++;
	fput(file);
}

static void one_for_good(void)
{
	join_only(&one);
}

static void overlap_for_good(void)
{
	join_only(&also_one);
}

static void one_of_them(void)
{
	u_assert(refused == 1);
	u_close(vm);
}

SCENARIO("join-vs-join", "two devices come to a machine's bus and go",
	 setup, none_is_left, first, second);
SCENARIO("join-vs-overlap", "two devices want the same address: one gets it",
	 setup, one_of_them, one_for_good, overlap_for_good);

/* The number's driver finds its port taken, then only its memory. */
static struct bus_device port = { .addr = 0x5c2, .len = 1, .io = answer };
static struct bus_device word = { .bus = BUS_MEMORY, .addr = 0xd0000000,
				  .len = 1, .io = answer };

static void try_beside(int group, struct bus_device *dev)
{
	struct file *file = fget(vm);
	struct vm *machine = file->private_data;

	u_assert(!bus_join(machine, dev));
	u_assert(u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null") == -EEXIST);
	bus_leave(machine, dev);
	u_assert(list_empty(&machine->bus[BUS_PORTS]));
	fput(file);
}

static void taken(void)
{
	int intro = make_intro(vm), group = u_open("/dev/twill-vfio/0");

	u_assert(!set_group(intro, KVM_DEV_VFIO_GROUP_ADD, group));
	try_beside(group, &port);
	try_beside(group, &word);
	u_close(u_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null"));
	u_close(intro);
	u_close(group);
}

SCENARIO("open-taken", "a device's addresses are taken when it is opened",
	 setup, none_is_left, taken);
