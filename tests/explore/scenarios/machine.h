/* SPDX-License-Identifier: GPL-2.0-only */
/* What most scenarios begin with: a machine, a vCPU, its memory, a group. */
#ifndef MACHINE_H
#define MACHINE_H

#include <linux/kvm.h>
#include "scenario.h"

#define PAGE 4096

static inline int make_vm(void)
{
	int node = u_open("/dev/twill"), vm;

	u_assert(node >= 0);
	vm = u_ioctl(node, KVM_CREATE_VM, 0);
	u_assert(vm >= 0);
	u_close(node);
	return vm;
}

static inline int make_vcpu(int vm, int id)
{
	int vcpu = u_ioctl(vm, KVM_CREATE_VCPU, id);

	u_assert(vcpu >= 0);
	return vcpu;
}

static inline int set_slot(int vm, int slot, unsigned long at,
			   unsigned long size, const void *memory)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (unsigned long)memory,
	};

	return u_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

/* The pseudo-device that introduces groups to the machine. */
static inline int make_intro(int vm)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	u_assert(!u_ioctl(vm, KVM_CREATE_DEVICE, &d));
	return d.fd;
}

static inline int set_group(int intro, int attr, int group)
{
	struct kvm_device_attr a = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = attr,
		.addr = (unsigned long)&group,
	};

	return u_ioctl(intro, KVM_SET_DEVICE_ATTR, &a);
}

#endif
