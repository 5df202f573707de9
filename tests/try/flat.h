/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine of 8 MiB for the programs about memory. One vCPU is asked: it does
 * an instruction or two and halts. Its memory begins where 2 MiB begin, and is
 * in pages until a program asks for more.
 */
#ifndef FLAT_H
#define FLAT_H

#include <stdbool.h>
#include "machine.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#define PAGE 0x1000UL
#define LARGE 0x200000UL

/* The guest's memory: 2 MiB each, at the same place in ours. */
enum {
	LOW,		/* programs, and what the host leaves alone */
	PIECE = 0x200000,	/* used in eight places, far apart */
	PAGES = 0x400000,	/* of which sixteen are used */
	QUIET = 0x600000,	/* used only by the vCPU that is asked */
	MEMORY = 0x800000,
};

#define must(cond) do {							\
	if (!(cond))							\
		errx(1, "line %d: %s does not hold (%s)", __LINE__,	\
		     #cond, strerror(errno));				\
} while (0)

GUEST(loads, 32, "mov (%ebx), %eax");
GUEST(stores, 32, "mov %eax, (%ebx)");
GUEST(sweeps, 32,
      "1: mov (%ebx), %eax; add $4096, %ebx; cmp %ecx, %ebx; jb 1b");

struct vcpu {
	int fd;
	struct kvm_run *run;
};

static int vm;
static uint8_t *memory;
static struct vcpu asked;

/* Protected mode, without paging: an address is a guest-physical one. */
static void make_vcpu(struct vcpu *v, int id)
{
	struct kvm_sregs sregs;

	v->fd = ASK(vm, KVM_CREATE_VCPU, id);
	v->run = map_run(v->fd);
	ASK(v->fd, KVM_GET_SREGS, &sregs);
	protected_mode(&sregs, 32);
	ASK(v->fd, KVM_SET_SREGS, &sregs);
}

static inline uint32_t at(uint32_t gpa)
{
	return *(volatile uint32_t *)(memory + gpa);
}

static inline void put(uint32_t gpa, uint32_t value)
{
	*(volatile uint32_t *)(memory + gpa) = value;
}

/* The vCPU that is asked: RAX after a few instructions, or an errno, negative. */
static long guest(uint32_t where, uint32_t gpa, uint32_t value, uint32_t end)
{
	struct kvm_regs regs = {
		.rip = where, .rflags = 2, .rax = value, .rbx = gpa, .rcx = end,
	};

	ASK(asked.fd, KVM_SET_REGS, &regs);
	if (ioctl(asked.fd, KVM_RUN, 0))
		return -errno;
	must(asked.run->exit_reason == KVM_EXIT_HLT);
	ASK(asked.fd, KVM_GET_REGS, &regs);
	return regs.rax;
}

#define LOADS CODE
#define STORES 0x1100
#define SWEEPS 0x1200
#define load(gpa)	guest(LOADS, gpa, 0, 0)
#define store(gpa, value)	guest(STORES, gpa, value, 0)

static void start(void)
{
	open_kvm();
	memory = mmap(NULL, MEMORY + LARGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED);
	memory = (uint8_t *)(((uintptr_t)memory + LARGE - 1) & -LARGE);
	must(!madvise(memory, MEMORY, MADV_NOHUGEPAGE));
	vm = ASK(kvm, KVM_CREATE_VM, 0);
	ASK(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	set_slot(vm, 0, 0, MEMORY, memory);
	memcpy(memory + LOADS, loads, loads_end - loads);
	memcpy(memory + STORES, stores, stores_end - stores);
	memcpy(memory + SWEEPS, sweeps, sweeps_end - sweeps);
	make_vcpu(&asked, 0);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err(1, "%s", path);
	close(fd);
}

/* PIECE is mapped as one from now on. */
static void collapse(void)
{
	int tries = 1000;

	/* A page that is just being found for a guest is in the way. */
	while (madvise(memory + PIECE, LARGE, MADV_COLLAPSE) && --tries)
		must(errno == EAGAIN || errno == EBUSY || errno == ENOMEM);
	must(tries);
}

#endif
