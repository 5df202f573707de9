/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine of one vCPU whose runs are timed, for any hypervisor with KVM's ABI. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <err.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "../vm/late.h"

#define PAGE 4096UL
#define MIB (1UL << 20)
#define CODE_SIZE (16 * PAGE)		/* slot 0, at guest address 0 */
#define DATA 0x40000000UL		/* slot 1 */
#define DATA_SIZE (64 * MIB)
#define HUGE (2 * MIB)

struct machine {
	int vm, vcpu;
	void *code;
	struct kvm_run *run;
};

static int kvm;				/* the device */
static int run_size;
static int samples, divisor;

#define ASK LATE_ASK

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void sample(const char *row, double value)
{
	printf("%s %.0f\n", row, value);
}

/* All of it is there before a guest touches it: a fault is the table's alone. */
static void *memory(size_t size, size_t align, int advice)
{
	char *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	p += -(uintptr_t)p & (align - 1);
	madvise(p, size, advice);
	memset(p, 1, size);
	return p;
}

static void set_segment(struct kvm_segment *seg, int type)
{
	*seg = (struct kvm_segment) {
		.limit = 0xffffffff, .selector = 8, .type = type,
		.present = 1, .s = 1, .db = 1, .g = 1,
	};
}

/* A machine with one vCPU, about to run CODE at address 0. */
static struct machine make(void *memory, const void *code, size_t size)
{
	struct kvm_sregs sregs;
	struct machine m = { .code = memory };

	memcpy(m.code, code, size);
	m.vm = ASK(kvm, KVM_CREATE_VM, 0);
	late_slot(m.vm, 0, 0, CODE_SIZE, m.code);
	m.vcpu = ASK(m.vm, KVM_CREATE_VCPU, 0);
	m.run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     m.vcpu, 0);
	if (m.run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	sregs.cr0 |= 1;
	set_segment(&sregs.cs, 11);
	set_segment(&sregs.ds, 3);
	sregs.es = sregs.ss = sregs.ds;
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	return m;
}

static void unmake(struct machine *m)
{
	munmap(m->run, run_size);
	close(m->vcpu);
	close(m->vm);
}

static void begin(struct machine *m, uint64_t edi, uint64_t esi, uint64_t edx)
{
	struct kvm_regs regs = {
		.rflags = 2, .rdi = edi, .rsi = esi, .rdx = edx,
	};

	ASK(m->vcpu, KVM_SET_REGS, &regs);
}

static void run(struct machine *m, unsigned int reason)
{
	ASK(m->vcpu, KVM_RUN, 0);
	if (m->run->exit_reason != reason)
		errx(1, "exit reason %u, not %u", m->run->exit_reason, reason);
}

/* Run to the end. Returns: nanoseconds. */
static double timed(struct machine *m, uint64_t edi, uint64_t esi, uint64_t edx)
{
	double start;

	begin(m, edi, esi, edx);
	start = now();
	run(m, KVM_EXIT_HLT);
	return now() - start;
}

#endif
