/* SPDX-License-Identifier: GPL-2.0-only */
/* The least of all guests: it looks at one place in its memory, and ends. */
#ifndef GUEST_H
#define GUEST_H

#include <linux/kvm.h>
#include "scenario.h"

#ifdef ON_KERNEL
#define PHYS_BITS 40		/* of an address, so that the place may be far */

static inline int give_cpuid(int vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[2];
	} table = {
		.head.nent = 2,
		.entry = { { .function = 0x80000000, .eax = 0x80000008 },
			   { .function = 0x80000008, .eax = PHYS_BITS } },
	};

	return u_ioctl(vcpu, KVM_SET_CPUID2, &table);
}

/*
 * Its page tables are said to lie there: for its first instruction the
 * processor looks into them, finds nothing, and shuts down.
 */
static inline int look(int vcpu, unsigned long at)
{
	struct kvm_sregs s;
	int r = give_cpuid(vcpu) ?: u_ioctl(vcpu, KVM_GET_SREGS, &s);

	if (r)
		return r;
	s.cr0 = 0x80000001;		/* PG, PE */
	s.cr3 = at;
	s.cr4 = 0x20;			/* PAE */
	s.efer = 0x500;			/* LMA, LME */
	s.cs.l = 1;
	return u_ioctl(vcpu, KVM_SET_SREGS, &s) ?: u_ioctl(vcpu, KVM_RUN, 0);
}
#else
#include "arch/model/model.h"

static inline int look(int vcpu, unsigned long at)
{
	struct model_script s = { .n = 1, .op = {
		{ .kind = MODEL_TOUCH, .gpa = at },
	} };

	return u_ioctl(vcpu, MODEL_SET_SCRIPT, &s) ?:
	       u_ioctl(vcpu, KVM_RUN, 0);
}
#endif

#endif
