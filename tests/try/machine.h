/* SPDX-License-Identifier: GPL-2.0-only */
/* What most programs here begin with: a machine of one vCPU, and its modes. */
#ifndef MACHINE_H
#define MACHINE_H

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

#define CODE 0x1000
#define GDT 0x2000
#define IDT 0x3000
#define HANDLERS 0x4000

/* A program, which ends with HLT. */
#define GUEST(name, bits, code)				\
	asm(".pushsection .rodata\n"			\
	"	.code" #bits "\n"			\
	#name ":\n" code "\n	hlt\n"			\
	#name "_end:\n"					\
	"	.code64\n"				\
	"	.popsection");				\
	extern const uint8_t name[], name##_end[]

static int kvm;

static inline void open_kvm(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
}

static inline int ask(int fd, const char *what, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(1, "%s", what);
	return r;
}

#define ASK(fd, request, arg) \
	ask(fd, #request, request, (void *)(uintptr_t)(arg))

static inline void set_slot(int vm, int id, uint64_t gpa, uint64_t size,
			    const void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	ASK(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static inline struct kvm_run *map_run(int vcpu)
{
	struct kvm_run *run = mmap(NULL, ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
				   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (run == MAP_FAILED)
		err(1, "the vCPU's pages");
	return run;
}

struct machine {
	int vm, vcpu;
	size_t size;
	uint8_t *memory;
	struct kvm_run *run;
};

/* SIZE bytes of memory at 0, and in it, at CODE, a program. */
static inline struct machine make(size_t size, const uint8_t *from,
				  const uint8_t *to)
{
	struct machine m = { .size = size, .vm = ASK(kvm, KVM_CREATE_VM, 0) };

	ASK(m.vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	m.vcpu = ASK(m.vm, KVM_CREATE_VCPU, 0);
	m.run = map_run(m.vcpu);
	m.memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m.memory == MAP_FAILED)
		err(1, "memory");
	set_slot(m.vm, 0, 0, size, m.memory);
	memcpy(m.memory + CODE, from, to - from);
	return m;
}

static inline void unmake(const struct machine *m)
{
	munmap(m->run, ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	munmap(m->memory, m->size);
	close(m->vcpu);
	close(m->vm);
}

/* What a guest can be told of its processor. */
static inline struct kvm_cpuid2 *offered(void)
{
	static _Thread_local struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[100];
	} cpuid;

	cpuid.head.nent = 100;
	ASK(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
	return &cpuid.head;
}

/* Real mode, from address 0. */
static inline void real_mode(struct kvm_sregs *s)
{
	s->cs.base = s->cs.selector = 0;
}

/* Segments of 4 GiB, for code of 32 or 64 bits. */
static inline void protected_mode(struct kvm_sregs *s, int bits)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 0xb, .present = 1,
		.db = bits == 32, .l = bits == 64, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;

	data.type = 3;
	data.l = 0;
	data.db = 1;
	data.selector = 0;
	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->cr0 |= 1;
}

/* Three tables at TABLES, by which the first 2 MiB are mapped to themselves. */
static inline void long_mode(struct kvm_sregs *s, uint8_t *memory,
			     uint64_t tables)
{
	uint64_t *table = (uint64_t *)(memory + tables);

	table[0] = tables + 0x1007;
	table[512] = tables + 0x2007;
	table[1024] = 0x87;
	protected_mode(s, 64);
	s->cr0 |= 0x80000000;
	s->cr3 = tables;
	s->cr4 = 0x620;
	s->efer = 0x500;
}

/*
 * Handlers for exceptions: number n is a HLT at HANDLERS + n, so that where a
 * guest has halted says which it was. IST is the stack's number, or 0.
 */
static inline void set_handlers(struct kvm_sregs *s, uint8_t *memory, int bits,
				uint64_t ist)
{
	uint64_t *table = (uint64_t *)(memory + IDT);
	unsigned int i;

	for (i = 0; i < 32; i++)
		table[bits == 64 ? 2 * i : i] =
			(HANDLERS + i) | 8 << 16 | ist << 32 | 0x8e0000000000;
	memset(memory + HANDLERS, 0xf4, 32);
	*(uint64_t *)(memory + GDT + 8) = bits == 64 ?
		0x00af9b000000ffff : 0x00cf9b000000ffff;
	s->idt.base = IDT;
	s->idt.limit = 0x1ff;
	s->gdt.base = GDT;
	s->gdt.limit = 15;
}

#endif
