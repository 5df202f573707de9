// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest for two seconds that has XCR0 and a DR6 of its own, and
 * stops all the time. (It does not run on CPU 0: the NMIs come from there.)
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static void on_alarm(int sig)
{
	(void)sig;
}

int main(void)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xeb, 0xfc };
	struct kvm_userspace_memory_region region = { .memory_size = 0x1000 };
	struct kvm_debugregs debug = { .db = { 0x12345678 },
				       .dr6 = 0xffff0ff1, .dr7 = 0x400 };
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 1 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	cpu_set_t cpus;
	void *memory = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int kvm = open("/dev/twill", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);

	region.userspace_addr = (uintptr_t)memory;
	memcpy(memory, code, sizeof(code));
	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ||
	    ioctl(vcpu, KVM_GET_SREGS, &sregs))
		err(1, "a vCPU");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu, KVM_SET_REGS, &regs) ||
	    ioctl(vcpu, KVM_SET_DEBUGREGS, &debug) ||
	    ioctl(vcpu, KVM_SET_XCRS, &xcrs) ||
	    sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    sigaction(SIGALRM, &action, NULL))
		err(1, "its registers");
	alarm(2);
	if (ioctl(vcpu, KVM_RUN, 0) != -1 || errno != EINTR)
		err(1, "KVM_RUN");
	return 0;
}
