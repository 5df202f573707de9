/* SPDX-License-Identifier: GPL-2.0-only */
/* A small VMM for payloads of the tests' machine: one vCPU in real mode. */
#ifndef VMM_H
#define VMM_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define MEM (16 * PAGE)
#define RUN_SIZE (2 * PAGE)

/* Whatever does not hold ends the test, and says where. */
#define must(cond) do {							\
	if (!(cond)) {							\
		printf("%s:%d: %s does not hold (errno %d, %s)\n",	\
		       __FILE_NAME__, __LINE__, #cond, errno,		\
		       strerror(errno));				\
		exit(1);						\
	}								\
} while (0)
#define fails(call, err) must((call) == -1 && errno == (err))

struct machine {
	int dev, vm, vcpu;
	uint8_t *mem;
	struct kvm_run *run;
};

static inline int slot(int vm, int id, uint64_t gpa, uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* A machine in real mode, about to run CODE at address 0. */
static inline struct machine make(const void *code, size_t size)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	struct machine m;

	m.dev = open("/dev/twill", O_RDWR | O_CLOEXEC);
	must(m.dev >= 0);
	must(ioctl(m.dev, KVM_GET_VCPU_MMAP_SIZE, 0) == RUN_SIZE);
	m.vm = ioctl(m.dev, KVM_CREATE_VM, 0);
	must(m.vm >= 0);
	m.mem = mmap(NULL, MEM, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(m.mem != MAP_FAILED);
	memcpy(m.mem, code, size);
	must(!slot(m.vm, 0, 0, MEM, m.mem));
	m.vcpu = ioctl(m.vm, KVM_CREATE_VCPU, 0);
	must(m.vcpu >= 0);
	m.run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     m.vcpu, 0);
	must(m.run != MAP_FAILED);
	must(!ioctl(m.vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = sregs.cs.selector = 0;
	must(!ioctl(m.vcpu, KVM_SET_SREGS, &sregs));
	must(!ioctl(m.vcpu, KVM_SET_REGS, &regs));
	return m;
}

static inline void unmake(struct machine *m)
{
	must(!munmap(m->run, RUN_SIZE));
	must(!close(m->vcpu) && !close(m->vm) && !close(m->dev));
	must(!munmap(m->mem, MEM));
}

static inline void back_to(struct machine *m, uint64_t rip)
{
	struct kvm_regs regs = { .rflags = 2, .rip = rip };

	must(!ioctl(m->vcpu, KVM_SET_REGS, &regs));
}

/* VICTIM writes a byte to READY when it may be killed, sooner or later. */
static inline void kill_each(int rounds, void (*victim)(int round, int ready))
{
	int ready[2], status;
	pid_t pid;
	char c;

	must(!pipe2(ready, O_CLOEXEC));
	while (rounds--) {
		pid = fork();
		must(pid >= 0);
		if (!pid)
			victim(rounds, ready[1]);
		must(read(ready[0], &c, 1) == 1);
		usleep(rounds % 32 * 300);
		must(!kill(pid, SIGKILL));
		must(waitpid(pid, &status, 0) == pid);
		must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	close(ready[0]);
	close(ready[1]);
}

/* hlt; and jmp to itself */
static const uint8_t halt[] = { 0xf4 };
static const uint8_t for_ever[] = { 0xeb, 0xfe };

#endif
