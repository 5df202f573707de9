// SPDX-License-Identifier: GPL-2.0-only
/* The requests that the fuzzer knows, and the arguments that it makes up. */
#define _GNU_SOURCE
#include <asm/kvm_para.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include "fuzz.h"

uint64_t chance(struct shape *s)
{
	uint64_t z = s->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t below(struct shape *s, uint64_t n)
{
	return chance(s) % n;
}

bool one_in(struct shape *s, unsigned int n)
{
	return !below(s, n);
}

uint64_t odd_value(struct shape *s)
{
	switch (below(s, 8)) {
	case 0:	return 0;
	case 1:	return below(s, 20);
	case 2:	return -1ULL >> below(s, 64);
	case 3:	return 1ULL << below(s, 64);
	case 4:	return (1ULL << below(s, 64)) - 1;
	case 5:	return below(s, 64) << 12;
	case 6:	return chance(s) & 0xffffffff;
	}
	return chance(s);
}

void fill(struct shape *s, uint8_t *at, size_t size)
{
	bool noise = one_in(s, 4);
	uint64_t value;
	size_t i;

	for (i = 0; i < size; i += 8) {
		value = noise ? chance(s) : one_in(s, 3) ? odd_value(s) : 0;
		memcpy(at + i, &value, size - i < 8 ? size - i : 8);
	}
}

static const char *const instructions[] = {
	"\x0f\xa2", "\xf4", "\xe6\x10", "\xe4\x10", "\xee", "\xec", "\x6e",
	"\x6c", "\xf3\x6e", "\xf3\x6c", "\x0f\x32", "\x0f\x30", "\xcf",
	"\x0f\x01\xd9", "\x0f\x01\xd8", "\x0f\x01\xd1", "\x0f\x01\xd0",
	"\x0f\x01\xdc", "\x0f\x01\xdd", "\x0f\x01\x1e", "\x0f\x01\x16",
	"\x0f\x22\xc0", "\x0f\x22\xd8", "\x0f\x20\xc0",
	"\x0f\x21\xf0", "\x0f\x21\xf8", "\xcc", "\xcd\x20", "\xce", "\xfb",
	"\xfa", "\x9c", "\x9d", "\x8e\xd0", "\x17", "\xa0\xff\xff\x10",
	"\xa2\xff\xff\x10", "\x88\x07", "\x8a\x07", "\xc6\x07\x05",
	"\xf3\xaa", "\xf3\xa4", "\xa5", "\xab", "\x48\x89\x07", "\x66\x89\x07",
	"\x0f\xb6\x07", "\x81\x07", "\x0f\x0b", "\x0f\x31", "\x0f\x33",
	"\x0f\x09", "\x0f\x08", "\x0f\x01\xc8", "\x0f\x01\xc9", "\x90",
	"\x0f\xae\x07", "\x0f\xae\x0f", "\x0f\xc7\x0f", "\x50", "\x58",
	"\xeb\xf0", "\xeb\x10", "\x74\xf0", "\xe8", "\xc3", "\x66\xea",
	"\x0f\x00\xd8", "\x0f\x01\x3f", "\xd9\x07", "\x0f\x6f\x07",
};

void soup(struct shape *s, uint8_t *page)
{
	size_t i = 0, n = sizeof(instructions) / sizeof(instructions[0]);

	while (i < PAGE - 4) {
		const char *insn = instructions[below(s, n)];
		size_t length = strlen(insn);

		if (one_in(s, 6)) {
			page[i++] = chance(s);
			continue;
		}
		memcpy(page + i, insn, length);
		i += length;
	}
	/* No MOV to a debug register, none to CR4: see defuse(). */
	for (i = 0; i + 2 < PAGE; i++) {
		if (page[i] == 0x0f && (page[i + 1] == 0x23 ||
					(page[i + 1] == 0x22 &&
					 (page[i + 2] & 0x38) == 0x20)))
			page[i] = 0x90;
	}
}

#define PG (1ULL << 31)
#define LME (1ULL << 8)

/*
 * QEMU 7.2 does not give the host its CR0 back, and so its paging, when a guest
 * is left that has EFER.LME set, and neither CR0.PG nor CR4.PAE: that CPU then
 * runs astray, and the rest stalls. (cpu_x86_update_cr0() leaves at its test of
 * PAE, which looks at the guest's CR4, because helper_vmexit() restores CR4
 * after CR0.) Processors have no such mistake; a guest can bring it about under
 * KVM too. So, no LME without paging.
 */
static void no_early_long_mode(unsigned long nr, void *argument)
{
	struct kvm_sregs *r = argument;
	struct kvm_msrs *m = argument;
	uint32_t i;

	if (nr == KVM_SET_SREGS && !(r->cr0 & PG))
		r->efer &= ~LME;
	for (i = 0; nr == KVM_SET_MSRS && i < 256; i++) {
		if (m->entries[i].index == 0xc0000080)
			m->entries[i].data &= ~LME;
	}
}

/*
 * QEMU 7.2 aborts ("invalid tss type") when an interrupt takes a 32-bit guest to
 * an inner ring, and TR's type is not that of an available TSS. VMRUN does not
 * look at it. A busy one Twill hides (the chapter on the vCPU tells), KVM not.
 */
static void a_task_register(unsigned long nr, void *argument)
{
	struct kvm_sregs *r = argument;

	if (nr == KVM_SET_SREGS) {
		r->tr.type = 9;
		r->tr.present = 1;
		r->tr.unusable = 0;
	}
}

void defuse(unsigned long nr, void *argument)
{
	struct kvm_debugregs debugregs;
	struct kvm_signal_mask mask;
	uint64_t set;

	no_early_long_mode(nr, argument);
	a_task_register(nr, argument);
	/* A guest with a breakpoint armed can make QEMU 7.2 crash. */
	if (nr == KVM_SET_DEBUGREGS) {
		memcpy(&debugregs, argument, sizeof(debugregs));
		debugregs.dr7 &= ~0xffULL;
		memcpy(argument, &debugregs, sizeof(debugregs));
	}
	/* A run that holds back the signal that is to end it never ends. */
	if (nr == KVM_SET_SIGNAL_MASK) {
		memcpy(&mask, argument, sizeof(mask));
		memcpy(&set, argument + sizeof(mask), sizeof(set));
		set &= ~(1ULL << (SIGALRM - 1));
		if (mask.len == sizeof(set))
			memcpy(argument + sizeof(mask), &set, sizeof(set));
	}
}

static void any(struct shape *s)
{
	(void)s;	/* what fill() left there */
}

static void slots(struct shape *s)
{
	struct kvm_userspace_memory_region r = {
		.slot = below(s, 6), .memory_size = below(s, 17) * PAGE,
		.guest_phys_addr = below(s, 96) * PAGE,
		.userspace_addr = (uintptr_t)ARENA +
				  below(s, ARENA_PAGES) * PAGE,
	};

	/* What the guest may write must not be the fuzzer's own memory. */
	if (one_in(s, 4))
		r.guest_phys_addr = odd_value(s);
	if (one_in(s, 6))
		r.memory_size = odd_value(s) & ((1ULL << 46) - 1);
	/* KVM refuses what a processor of 40 bits cannot address. */
	if (s->alike) {
		r.guest_phys_addr &= (1ULL << 38) - 1;
		r.memory_size &= (1ULL << 38) - 1;
	}
	if (one_in(s, 12))
		r.flags = odd_value(s);
	if (one_in(s, 8))
		r.slot = odd_value(s);
	if (one_in(s, 6))
		r.userspace_addr += one_in(s, 2) ? 1ULL << 40 : 1ULL << 63;
	if (one_in(s, 12))
		r.userspace_addr += below(s, PAGE);
	memcpy(s->at, &r, sizeof(r));
}

static void change_a_little(struct shape *s, size_t size)
{
	unsigned int n = below(s, 5);

	while (n--) {
		size_t at = below(s, size);

		if (one_in(s, 2))
			s->at[at] = chance(s);
		else
			s->at[at] ^= 1 << below(s, 8);
	}
}

static void get(struct shape *s, unsigned long nr, size_t size)
{
	memset(s->at, 0, size);
	if (!s->alike)
		ioctl(s->fd, nr, s->at);
}

/* What is there, with a few bits of it changed. */
#define CHANGED(name, nr, type)						\
static void name(struct shape *s)					\
{									\
	get(s, nr, sizeof(type));					\
	change_a_little(s, sizeof(type));				\
}
CHANGED(fpu, KVM_GET_FPU, struct kvm_fpu)
CHANGED(xsave, KVM_GET_XSAVE, struct kvm_xsave)
CHANGED(events, KVM_GET_VCPU_EVENTS, struct kvm_vcpu_events)
CHANGED(debugregs, KVM_GET_DEBUGREGS, struct kvm_debugregs)

static void xcrs(struct shape *s)
{
	struct kvm_xcrs *x = (void *)s->at;

	x->nr_xcrs = one_in(s, 4) ? odd_value(s) : below(s, 3);
	x->flags = one_in(s, 8);
	x->xcrs[0].xcr = one_in(s, 4);
	x->xcrs[0].value = one_in(s, 2) ? below(s, 16) : odd_value(s);
}

static void regs(struct shape *s)
{
	struct kvm_regs *r = (void *)s->at;
	uint64_t *field = (void *)r;
	size_t i;

	for (i = 0; i < sizeof(*r) / 8; i++)
		field[i] = one_in(s, 4) ? odd_value(s) :
					  below(s, 96 * PAGE);
	r->rflags = one_in(s, 2) ? 2 : chance(s) & 0x3f7fd7;
	if (one_in(s, 2))
		r->rip = below(s, 4 * PAGE);
}

/*
 * Real mode, protected mode, with tables of four MiB, long mode. The tables map
 * no more than the first four MiB, where they are not themselves: no guest runs
 * through the page that its page directory is in. QEMU 10.0 hangs when one does,
 * at the first instruction that begins there and ends in the next page, and with
 * the CPU hangs the host. (While it translates, tb_gen_code() has locked the
 * code's page; to look up the next one, ptw_translate() makes the directory's
 * writable, and waits in tb_invalidate_phys_range_fast() for the same lock.) A
 * guest can do that to KVM too.
 */
static void set_mode(struct shape *s, struct kvm_sregs *r)
{
	unsigned int mode = below(s, 4);
	struct kvm_segment *seg = &r->cs;
	int i;

	r->cr0 = mode ? 0x31 : 0x30;
	r->cr4 = r->efer = 0;
	r->cr3 = TABLES_AT;
	if (mode >= 2)
		r->cr0 |= 0x80000000;
	if (mode == 2)
		r->cr4 = 0x10;
	if (mode == 3) {
		r->cr4 = 0x20;
		r->efer = 0x500;
		r->cr3 = TABLES_AT + PAGE;
	}
	for (i = 0; i < 6; i++) {
		seg[i].base = 0;
		seg[i].limit = mode ? 0xffffffff : 0xffff;
		seg[i].type = i ? 3 : 11;
		seg[i].present = seg[i].s = 1;
		seg[i].db = seg[i].g = !!mode;
	}
	r->cs.l = mode == 3;
	r->cs.db = mode == 1 || mode == 2;
}

static void sregs(struct shape *s)
{
	struct kvm_sregs *r = (void *)s->at;

	get(s, KVM_GET_SREGS, sizeof(*r));
	if (s->alike || one_in(s, 2))
		set_mode(s, r);
	if (one_in(s, 3))
		r->apic_base = 0xfee00900;
	if (one_in(s, 4))
		r->cr8 = below(s, 20);
	if (one_in(s, 3))
		change_a_little(s, sizeof(*r));
}

static const uint32_t some_msrs[] = {
	0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000100, 0xc0000101, 0xc0000102, 0x174, 0x175, 0x176, 0x277, 0x10,
	0x1b, 0xc0000103, 0x8b, 0xc0010117,
};

/* KVM has them only for machines with an interrupt controller. */
static void agreement_on_pages(struct shape *s, struct kvm_msr_entry *msr)
{
	static const uint32_t index[] = {
		MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_ACK,
	};

	msr->index = index[below(s, 3)];
	msr->data = msr->index == MSR_KVM_ASYNC_PF_EN ?
		    below(s, ARENA_PAGES) * PAGE | below(s, 16) : below(s, 256);
}

static void msrs(struct shape *s)
{
	struct kvm_msrs *m = (void *)s->at;
	uint32_t i;

	m->nmsrs = one_in(s, 8) ? odd_value(s) : below(s, 8);
	for (i = 0; i < m->nmsrs && i < 100; i++) {
		m->entries[i].index = one_in(s, 16) ? odd_value(s) :
			some_msrs[below(s, sizeof(some_msrs) / 4)];
		m->entries[i].data = odd_value(s);
		if (!s->alike && one_in(s, 4))
			agreement_on_pages(s, &m->entries[i]);
	}
}

static void cpuid(struct shape *s)
{
	struct kvm_cpuid2 *c = (void *)s->at;
	uint32_t i;

	c->nent = one_in(s, 6) ? odd_value(s) : below(s, 40);
	for (i = 0; i < c->nent && i < 100; i++) {
		c->entries[i].function = below(s, 32) |
					 (one_in(s, 2) ? 0x80000000 : 0);
		c->entries[i].index = below(s, 3);
		c->entries[i].flags = below(s, 8);
	}
}

static void list_room(struct shape *s)
{
	*(uint32_t *)s->at = one_in(s, 4) ? odd_value(s) : below(s, 300);
}

static void interrupt(struct shape *s)
{
	*(uint32_t *)s->at = one_in(s, 4) ? odd_value(s) : below(s, 260);
}

static void signal_mask(struct shape *s)
{
	*(uint32_t *)s->at = one_in(s, 4) ? below(s, 20) : 8;
}

static void mp_state(struct shape *s)
{
	*(uint32_t *)s->at = one_in(s, 4) ? odd_value(s) : below(s, 12);
}

static void identity(struct shape *s)
{
	*(uint64_t *)s->at = one_in(s, 2) ? 0xfffbc000 : odd_value(s);
}

static void device(struct shape *s)
{
	struct kvm_create_device *d = (void *)s->at;

	d->type = one_in(s, 4) ? odd_value(s) : KVM_DEV_TYPE_VFIO;
	d->flags = one_in(s, 4) ? odd_value(s) : 0;
}

static void attribute(struct shape *s)
{
	struct kvm_device_attr *a = (void *)s->at;
	int32_t *fd = (int32_t *)(a + 1);

	*fd = s->fds[below(s, KINDS) * KEPT + below(s, KEPT)];
	if (!one_in(s, 4))
		*fd = s->fds[GROUP * KEPT + below(s, KEPT)];
	a->flags = 0;
	a->group = one_in(s, 6) ? odd_value(s) : KVM_DEV_VFIO_GROUP;
	a->attr = one_in(s, 6) ? odd_value(s) : 1 + below(s, 2);
	a->addr = one_in(s, 6) ? 8 * below(s, 3) : (uintptr_t)fd;
}

static void device_name(struct shape *s)
{
	strcpy((char *)s->at, one_in(s, 4) ? "nil" : "null");
}

#define R(name, kind, shape, type, makes) \
	{ #name, name, kind, shape, sizeof(type), makes }
#define N(name, kind, most, makes) { #name, name, kind, NULL, most, makes }

const struct request requests[] = {
	N(KVM_GET_API_VERSION, SYSTEM, 1, KINDS),
	N(KVM_CREATE_VM, SYSTEM, 1, MACHINE),
	N(KVM_CHECK_EXTENSION, SYSTEM, 260, KINDS),
	N(KVM_GET_VCPU_MMAP_SIZE, SYSTEM, 1, KINDS),
	R(KVM_GET_SUPPORTED_CPUID, SYSTEM, list_room, struct kvm_cpuid2, KINDS),
	R(KVM_GET_MSR_INDEX_LIST, SYSTEM, list_room, struct kvm_msr_list,
	  KINDS),
	N(KVM_CREATE_VCPU, MACHINE, 16, VCPU),
	N(KVM_CREATE_VCPU, MACHINE, 3, VCPU),
	N(KVM_CHECK_EXTENSION, MACHINE, 260, KINDS),
	R(KVM_SET_USER_MEMORY_REGION, MACHINE, slots,
	  struct kvm_userspace_memory_region, KINDS),
	R(KVM_SET_USER_MEMORY_REGION, MACHINE, slots,
	  struct kvm_userspace_memory_region, KINDS),
	R(KVM_CREATE_DEVICE, MACHINE, device, struct kvm_create_device,
	  DEVICE),
	N(KVM_SET_TSS_ADDR, MACHINE, 0x200000000, KINDS),
	R(KVM_SET_IDENTITY_MAP_ADDR, MACHINE, identity, uint64_t, KINDS),
	N(KVM_RUN, VCPU, 1, KINDS),
	N(KVM_RUN, VCPU, 1, KINDS),
	N(KVM_RUN, VCPU, 1, KINDS),
	R(KVM_GET_REGS, VCPU, any, struct kvm_regs, KINDS),
	R(KVM_SET_REGS, VCPU, regs, struct kvm_regs, KINDS),
	R(KVM_SET_REGS, VCPU, regs, struct kvm_regs, KINDS),
	R(KVM_GET_SREGS, VCPU, any, struct kvm_sregs, KINDS),
	R(KVM_SET_SREGS, VCPU, sregs, struct kvm_sregs, KINDS),
	R(KVM_SET_SREGS, VCPU, sregs, struct kvm_sregs, KINDS),
	R(KVM_GET_FPU, VCPU, any, struct kvm_fpu, KINDS),
	R(KVM_SET_FPU, VCPU, fpu, struct kvm_fpu, KINDS),
	R(KVM_GET_MSRS, VCPU, msrs, struct kvm_msrs, KINDS),
	R(KVM_SET_MSRS, VCPU, msrs, struct kvm_msrs, KINDS),
	R(KVM_SET_CPUID2, VCPU, cpuid, struct kvm_cpuid2, KINDS),
	R(KVM_GET_CPUID2, VCPU, list_room, struct kvm_cpuid2, KINDS),
	R(KVM_GET_MP_STATE, VCPU, any, struct kvm_mp_state, KINDS),
	R(KVM_SET_MP_STATE, VCPU, mp_state, struct kvm_mp_state, KINDS),
	R(KVM_GET_VCPU_EVENTS, VCPU, any, struct kvm_vcpu_events, KINDS),
	R(KVM_SET_VCPU_EVENTS, VCPU, events, struct kvm_vcpu_events, KINDS),
	R(KVM_GET_DEBUGREGS, VCPU, any, struct kvm_debugregs, KINDS),
	R(KVM_SET_DEBUGREGS, VCPU, debugregs, struct kvm_debugregs, KINDS),
	R(KVM_GET_XSAVE, VCPU, any, struct kvm_xsave, KINDS),
	R(KVM_SET_XSAVE, VCPU, xsave, struct kvm_xsave, KINDS),
	R(KVM_GET_XCRS, VCPU, any, struct kvm_xcrs, KINDS),
	R(KVM_SET_XCRS, VCPU, xcrs, struct kvm_xcrs, KINDS),
	R(KVM_INTERRUPT, VCPU, interrupt, struct kvm_interrupt, KINDS),
	N(KVM_NMI, VCPU, 1, KINDS),
	N(KVM_GET_TSC_KHZ, VCPU, 1, KINDS),
	R(KVM_SET_SIGNAL_MASK, VCPU, signal_mask, uint64_t, KINDS),
	R(KVM_TRANSLATE, VCPU, any, struct kvm_translation, KINDS),
	R(KVM_SET_DEVICE_ATTR, DEVICE, attribute, struct kvm_device_attr,
	  KINDS),
	R(KVM_GET_DEVICE_ATTR, DEVICE, attribute, struct kvm_device_attr,
	  KINDS),
	R(KVM_HAS_DEVICE_ATTR, DEVICE, attribute, struct kvm_device_attr,
	  KINDS),
	R(VFIO_GROUP_GET_DEVICE_FD, GROUP, device_name, uint64_t, PASSED),
};

const unsigned int request_count = sizeof(requests) / sizeof(requests[0]);

/* At its place, before the end of what is mapped, or across it; not aligned. */
static uint8_t *place(struct shape *s, size_t size)
{
	uint8_t *end = s->scratch + SCRATCH_SIZE;

	if (size > SCRATCH_SIZE)
		return s->scratch;
	switch (below(s, 16)) {
	case 0:	return s->scratch + below(s, SCRATCH_SIZE - size);
	case 1:	return end - size;
	case 2:	return end - (below(s, size + 1) & ~7UL);
	}
	return s->scratch + 64;
}

uint64_t make_argument(struct shape *s, unsigned int which)
{
	const struct request *r = &requests[which];
	size_t size;

	if (!r->shape)
		return one_in(s, 12) ? odd_value(s) :
		       below(s, s->alike ? r->size : r->size * 5 / 4);
	/* Shaped in the middle, where there is room, then moved. */
	size = r->size < 64 ? 64 : r->size;
	s->at = s->scratch + PAGE;
	fill(s, s->at, size);
	if (!one_in(s, 6))
		r->shape(s);
	defuse(r->nr, s->at);
	if (one_in(s, 16))
		return one_in(s, 2) ? below(s, 0x10000) :
		       odd_value(s) | 0x80000000;
	if (one_in(s, 16))
		return 0;
	if (one_in(s, 6)) {
		uint8_t *to = place(s, r->size), *end = s->scratch +
							SCRATCH_SIZE;

		size = end - to < (ptrdiff_t)r->size ? (size_t)(end - to) :
						       r->size;
		memmove(to, s->at, size);
		s->at = to;
	}
	return (uintptr_t)s->at;
}
