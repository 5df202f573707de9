/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine of 8 MiB for the programs about memory. One vCPU is asked: it does
 * an instruction or two and halts. Its memory begins where 2 MiB begin, and is
 * in pages until a program asks for more.
 */
#ifndef FLAT_H
#define FLAT_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

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

#define GUEST(name, code)				\
	asm(".pushsection .rodata\n"			\
	"	.code32\n"				\
	#name ":\n" code "\n"				\
	#name "_end:\n"					\
	"	.code64\n"				\
	"	.popsection");				\
	extern const uint8_t name[], name##_end[]

GUEST(loads, "mov (%ebx), %eax; hlt");
GUEST(stores, "mov %eax, (%ebx); hlt");
GUEST(sweeps, "1: mov (%ebx), %eax; add $4096, %ebx; cmp %ecx, %ebx; jb 1b; hlt");

struct vcpu {
	int fd;
	struct kvm_run *run;
};

static int kvm, vm;
static uint8_t *memory;
static struct vcpu asked;

static int ask(int fd, const char *what, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(1, "%s", what);
	return r;
}

#define ASK(fd, request, arg) \
	ask(fd, #request, request, (void *)(uintptr_t)(arg))

static void set_slot(int id, uint64_t gpa, uint64_t size, const void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	ASK(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Protected mode, without paging: an address is a guest-physical one. */
static void make_vcpu(struct vcpu *v, int id)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 0xb, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_sregs sregs;

	v->fd = ASK(vm, KVM_CREATE_VCPU, id);
	v->run = mmap(NULL, ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		      PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	must(v->run != MAP_FAILED);
	ASK(v->fd, KVM_GET_SREGS, &sregs);
	data.type = 3;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
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

#define LOADS 0x1000
#define STORES 0x1100
#define SWEEPS 0x1200
#define load(gpa)	guest(LOADS, gpa, 0, 0)
#define store(gpa, value)	guest(STORES, gpa, value, 0)

static void start(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	memory = mmap(NULL, MEMORY + LARGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED);
	memory = (uint8_t *)(((uintptr_t)memory + LARGE - 1) & -LARGE);
	must(!madvise(memory, MEMORY, MADV_NOHUGEPAGE));
	vm = ASK(kvm, KVM_CREATE_VM, 0);
	ASK(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	set_slot(0, 0, MEMORY, memory);
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
