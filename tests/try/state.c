// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM can read and write of a vCPU, and what it is told when it asks
 * for too much: each request with good arguments and bad ones.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY 0x200000

static int kvm, vm, vcpu;
static uint8_t *memory;

static int say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %ld\n", what, r);
	return r;
}

#define TRY(fd, request, arg) \
	say(#request, ioctl(fd, request, (void *)(uintptr_t)(arg)))

static void make(void)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };
	uint64_t addr = 0xfffbc000;

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)memory;
	TRY(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	TRY(vm, KVM_SET_TSS_ADDR, 0xffffffff);
	TRY(vm, KVM_SET_IDENTITY_MAP_ADDR, &addr);
	TRY(vm, KVM_SET_IDENTITY_MAP_ADDR, 8);
	TRY(vm, KVM_SET_USER_MEMORY_REGION, &region);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	TRY(vm, KVM_SET_IDENTITY_MAP_ADDR, &addr);
}

static void try_msrs(void)
{
	static const struct { uint32_t index; uint64_t value; } good[] = {
		{ 0xc0000081, 0x0023001000000000 },	/* STAR */
		{ 0xc0000082, 0xffffffff80001000 },	/* LSTAR */
		{ 0xc0000102, 0x1234 },			/* KERNEL_GS_BASE */
		{ 0x174, 0x10 }, { 0x175, 0x2000 },	/* SYSENTER */
		{ 0x277, 0x0007010600070106 },		/* PAT */
		{ 0xc0000080, 0x901 },			/* EFER */
	};
	struct { struct kvm_msrs msrs; struct kvm_msr_entry e[300]; } m = {
		.msrs.nmsrs = sizeof(good) / sizeof(good[0]),
	};
	struct { struct kvm_msr_list list; uint32_t indices[1000]; } list = {
		.list.nmsrs = 0,
	};
	unsigned int i;

	TRY(kvm, KVM_GET_MSR_INDEX_LIST, &list);
	printf("enough room is told: %d\n", list.list.nmsrs > 10);
	TRY(kvm, KVM_GET_MSR_INDEX_LIST, &list);
	TRY(kvm, KVM_GET_MSR_INDEX_LIST, 8);
	for (i = 0; i < m.msrs.nmsrs; i++) {
		m.e[i].index = good[i].index;
		m.e[i].data = good[i].value;
	}
	TRY(vcpu, KVM_SET_MSRS, &m);
	for (i = 0; i < m.msrs.nmsrs; i++)
		m.e[i].data = 0;
	TRY(vcpu, KVM_GET_MSRS, &m);
	for (i = 0; i < m.msrs.nmsrs; i++)
		printf("  %x: %llx\n", m.e[i].index, m.e[i].data);
	m.e[1].data = 0x8000000000000000;	/* not an address */
	TRY(vcpu, KVM_SET_MSRS, &m);
	m.e[2].index = 0x12345678;
	TRY(vcpu, KVM_GET_MSRS, &m);
	m.msrs.nmsrs = 256;
	TRY(vcpu, KVM_GET_MSRS, &m);
	TRY(vcpu, KVM_GET_MSRS, 8);
	TRY(vcpu, KVM_SET_MSRS, 8);
}

static void try_debugregs(void)
{
	struct kvm_debugregs d = { .db = { 1, 2, 3, 0x44445555 },
				   .dr6 = 0xffff0ff0, .dr7 = 0x400 };

	TRY(vcpu, KVM_SET_DEBUGREGS, &d);
	memset(&d, 0x11, sizeof(d));
	TRY(vcpu, KVM_GET_DEBUGREGS, &d);
	printf("  %llx %llx %llx %llx\n", d.db[0], d.db[3], d.dr6, d.dr7);
	d.dr7 |= 1ULL << 32;
	TRY(vcpu, KVM_SET_DEBUGREGS, &d);
	d.dr7 = 0x400;
	d.flags = 1;
	TRY(vcpu, KVM_SET_DEBUGREGS, &d);
	TRY(vcpu, KVM_SET_DEBUGREGS, 8);
}

static void try_vectors(void)
{
	struct kvm_xsave x, y;
	struct kvm_xcrs c;
	struct kvm_fpu f;

	TRY(vcpu, KVM_GET_FPU, &f);
	printf("  fcw %x\n", f.fcw);
	memset(&f, 0, sizeof(f));
	f.fcw = 0x37f;
	f.xmm[3][2] = 0xab;
	f.fpr[2][1] = 0xcd;
	TRY(vcpu, KVM_SET_FPU, &f);
	memset(&f, 0x11, sizeof(f));
	TRY(vcpu, KVM_GET_FPU, &f);
	printf("  fcw %x xmm %x st %x\n", f.fcw, f.xmm[3][2], f.fpr[2][1]);
	TRY(vcpu, KVM_GET_XSAVE, &x);
	printf("  mxcsr %x\n", x.region[6]);
	x.region[128] |= 3;			/* x87 and SSE are there */
	((uint8_t *)x.region)[160 + 5 * 16] = 0x77;
	TRY(vcpu, KVM_SET_XSAVE, &x);
	TRY(vcpu, KVM_GET_XSAVE, &y);
	printf("  the same: %d\n", !memcmp(&x, &y, 512));
	x.region[6] = 0xffffffff;		/* no such MXCSR */
	TRY(vcpu, KVM_SET_XSAVE, &x);
	TRY(vcpu, KVM_GET_XCRS, &c);
	printf("  %u: %llx\n", c.nr_xcrs, c.xcrs[0].value);
	c.xcrs[0].value = 2;			/* without x87 */
	TRY(vcpu, KVM_SET_XCRS, &c);
	c.nr_xcrs = 100;
	TRY(vcpu, KVM_SET_XCRS, &c);
}

static void translate(uint64_t linear)
{
	struct kvm_translation t = { .linear_address = linear };

	TRY(vcpu, KVM_TRANSLATE, &t);
	printf("  %llx: %d %llx\n", (unsigned long long)linear, t.valid,
	       t.physical_address);
}

static void try_translate(void)
{
	uint64_t *table = (uint64_t *)memory;
	uint32_t *directory = (uint32_t *)memory;
	struct kvm_sregs s;

	translate(0x12345);
	TRY(vcpu, KVM_GET_SREGS, &s);
	s.cs.selector = s.cs.base = 0;
	s.cr0 = 0x80000011;
	s.cr3 = 0;
	s.cr4 = 0x10;
	s.efer = 0;
	directory[0] = 0x1007;
	directory[1] = 0x400087;
	directory[0x400 + 5] = 0xabc007;
	TRY(vcpu, KVM_SET_SREGS, &s);
	translate(0x5123);
	translate(0x6123);
	translate(0x412345);
	memset(memory, 0, 0x2000);
	s.cr4 = 0x20;			/* three levels */
	table[1] = 0x1001;
	table[512] = 0x8000000000200087;
	table[513] = 0x2007;
	table[1024 + 7] = 0x123456007;
	TRY(vcpu, KVM_SET_SREGS, &s);
	translate(0x40012345);
	translate(0x40207fff);
	translate(0x40208000);
	translate(0x80000000);
	s.efer = 0x500;			/* four levels */
	table[511] = 0x1007;
	table[512 + 510] = 0x40000087;
	TRY(vcpu, KVM_SET_SREGS, &s);
	translate(0xffffffff80001234);
	translate(0x7fffffffffff);
}

static void try_cpuid(void)
{
	struct { struct kvm_cpuid2 c; struct kvm_cpuid_entry2 e[300]; } t;

	memset(&t, 0, sizeof(t));
	TRY(kvm, KVM_GET_SUPPORTED_CPUID, &t);
	t.c.nent = 300;
	TRY(kvm, KVM_GET_SUPPORTED_CPUID, &t);
	printf("  some: %d\n", t.c.nent > 5 && t.c.nent < 300);
	TRY(vcpu, KVM_SET_CPUID2, &t);
	t.c.nent = 1;
	TRY(vcpu, KVM_GET_CPUID2, &t);
	t.c.nent = 300;
	TRY(vcpu, KVM_SET_CPUID2, &t);
	TRY(vcpu, KVM_GET_CPUID2, &t);
	TRY(vcpu, KVM_GET_CPUID2, 8);
	TRY(vcpu, KVM_SET_CPUID2, 8);
}

/* Registers that cannot be so. */
static void try_sregs(void)
{
	static const struct {
		const char *what;
		uint64_t cr0, cr3, cr4, efer, apic_base;
		int l;
	} bad[] = {
		{ "PG without PE", 0x80000010, 0, 0, 0, 0, 0 },
		{ "NW without CD", 0x20000010, 0, 0, 0, 0, 0 },
		{ "CR0 bit 32", 0x100000010, 0, 0, 0, 0, 0 },
		{ "CR4 bit 31", 0x10, 0, 1U << 31, 0, 0, 0 },
		{ "CR4.VMXE", 0x10, 0, 0x2000, 0, 0, 0 },
		{ "long without PAE", 0x80000011, 0, 0, 0x500, 0, 0 },
		{ "LME and PG but not LMA", 0x80000011, 0, 0x20, 0x100, 0, 0 },
		{ "LMA but not PG", 0x11, 0, 0x20, 0x500, 0, 0 },
		{ "L outside of long mode", 0x11, 0, 0, 0, 0, 1 },
		{ "CR3 beyond memory", 0x80000011, 1ULL << 60, 0x20, 0x500, 0,
		  1 },
		{ "APIC base bit 0", 0x10, 0, 0, 0, 0xfee00001, 0 },
		{ "APIC base bit 60", 0x10, 0, 0, 0, 1ULL << 60, 0 },
		{ "nothing wrong", 0x80000011, 0, 0x20, 0x500, 0xfee00900, 1 },
	};
	struct kvm_sregs s;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ioctl(vcpu, KVM_GET_SREGS, &s))
			err(1, "KVM_GET_SREGS");
		s.cr0 = bad[i].cr0;
		s.cr3 = bad[i].cr3;
		s.cr4 = bad[i].cr4;
		s.efer = bad[i].efer;
		s.apic_base = bad[i].apic_base;
		s.cs.l = bad[i].l;
		say(bad[i].what, ioctl(vcpu, KVM_SET_SREGS, &s));
	}
	s.cr8 = 5;
	TRY(vcpu, KVM_SET_SREGS, &s);
	s.cr8 = 16;
	TRY(vcpu, KVM_SET_SREGS, &s);
	TRY(vcpu, KVM_GET_SREGS, &s);
	printf("  cr8 %llx\n", s.cr8);
}

static void try_msr_values(void)
{
	static const struct { uint32_t index; uint64_t value; } value[] = {
		{ 0x175, 0x8000000012345678 },	/* SYSENTER_ESP */
		{ 0xc0000103, 0x100000005 },	/* TSC_AUX */
		{ 0xc0000080, 0x200 },		/* EFER: a reserved bit */
		{ 0xc0000080, 0x4d01 },		/* and FFXSR */
		{ 0xc0000082, 0x8000000000000 },	/* LSTAR */
		{ 0xc0000101, 0x8000000000000 },	/* GS base */
		{ 0x277, 2 },			/* PAT */
		{ 0x1b, 0xfee00001 },		/* APIC base */
		{ 0x1b, 0xfee00900 },
	};
	struct { struct kvm_msrs msrs; struct kvm_msr_entry e[1]; } m = {
		.msrs.nmsrs = 1,
	};
	unsigned int i;

	for (i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
		m.e[0].index = value[i].index;
		m.e[0].data = value[i].value;
		say("a value", ioctl(vcpu, KVM_SET_MSRS, &m));
		TRY(vcpu, KVM_GET_MSRS, &m);
		printf("  %x: %llx\n", m.e[0].index, m.e[0].data);
	}
}

/* What CPUID says of itself: OSXSAVE, APIC, and room for XSAVE. */
static void show_moving(void)
{
	static struct { struct kvm_cpuid2 c; struct kvm_cpuid_entry2 e[300]; } t;
	unsigned int i;

	t.c.nent = 300;
	TRY(vcpu, KVM_GET_CPUID2, &t);
	for (i = 0; i < t.c.nent; i++) {
		if (t.e[i].function == 1)
			printf("  OSXSAVE %d APIC %d\n",
			       t.e[i].ecx >> 27 & 1, t.e[i].edx >> 9 & 1);
		if (t.e[i].function == 0xd && t.e[i].index < 2)
			printf("  XSAVE %d\n", t.e[i].ebx);
	}
}

static void try_moving_cpuid(void)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	struct kvm_sregs s;

	TRY(vcpu, KVM_GET_SREGS, &s);
	show_moving();
	s.cr4 |= 0x40000;
	s.apic_base = 0;
	TRY(vcpu, KVM_SET_SREGS, &s);
	xcrs.xcrs[0].value = 7;
	TRY(vcpu, KVM_SET_XCRS, &xcrs);
	show_moving();
}

static void try_others(void)
{
	struct kvm_mp_state mp = { .mp_state = 77 };
	struct kvm_regs regs;

	TRY(vcpu, KVM_GET_MP_STATE, &mp);
	printf("  %u\n", mp.mp_state);
	TRY(vcpu, KVM_SET_MP_STATE, &mp);
	mp.mp_state = KVM_MP_STATE_HALTED;
	TRY(vcpu, KVM_SET_MP_STATE, &mp);
	TRY(vcpu, KVM_GET_REGS, &regs);
	printf("  rip %llx rflags %llx rdx %llx\n", regs.rip, regs.rflags,
	       regs.rdx & 0xf00);
	TRY(vcpu, KVM_KVMCLOCK_CTRL, 0);
	printf("a clock: %d\n", ioctl(vcpu, KVM_GET_TSC_KHZ, 0) > 0);
	TRY(vcpu, 0xaeee, 0);
	TRY(vm, 0xaeee, 0);
	TRY(kvm, 0xaeee, 0);
	TRY(vcpu, KVM_GET_REGS, 8);
	TRY(vcpu, KVM_SET_SREGS, 8);
	TRY(vcpu, KVM_GET_VCPU_EVENTS, 8);
	TRY(vcpu, KVM_TRANSLATE, 8);
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	alarm(30);
	make();
	try_others();
	try_cpuid();
	try_msrs();
	try_debugregs();
	try_vectors();
	try_translate();
	try_sregs();
	try_msr_values();
	try_moving_cpuid();
	return 0;
}
