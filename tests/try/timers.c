// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that spins is a thread that works: its time is the guest's, a timer
 * of CPU time runs out and ends the visit, and nothing but a signal does. (A
 * second process on the same CPU takes it away from the guest often enough.)
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
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static int make_vcpu(void)
{
	static const uint8_t code[] = { 0xeb, 0xfe };	/* 1: jmp 1b */
	struct kvm_userspace_memory_region region = { .memory_size = 0x1000 };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	void *memory = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu;

	region.userspace_addr = (uintptr_t)memory;
	memcpy(memory, code, sizeof(code));
	if (vm < 0 || ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000))
		err(1, "a machine");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ||
	    ioctl(vcpu, KVM_GET_SREGS, &sregs))
		err(1, "a vCPU");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu, KVM_SET_REGS, &regs))
		err(1, "its registers");
	return vcpu;
}

/* Ticks of the clock that were a guest's: the 43rd field. */
static long guest_time(void)
{
	char line[1000], *at;
	FILE *f = fopen("/proc/self/stat", "r");
	unsigned int i;

	if (!f || !fgets(line, sizeof(line), f))
		err(1, "/proc/self/stat");
	fclose(f);
	at = strrchr(line, ')');
	for (i = 2; i < 43; i++)
		at = strchr(at + 1, ' ');
	return atol(at);
}

static void share_the_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "sched_setaffinity");
}

int main(void)
{
	struct itimerval timer = { .it_value.tv_usec = 300000 };
	struct sigaction action = { .sa_handler = on_signal };
	struct rlimit limit = { .rlim_cur = 1, .rlim_max = RLIM_INFINITY };
	int vcpu, r;
	pid_t other;

	share_the_cpu();
	other = fork();
	if (!other) {
		alarm(60);
		for (;;)
			;
	}
	vcpu = make_vcpu();
	alarm(30);
	sigaction(SIGPROF, &action, NULL);
	sigaction(SIGXCPU, &action, NULL);
	setitimer(ITIMER_PROF, &timer, NULL);
	r = ioctl(vcpu, KVM_RUN, 0);
	printf("a timer: %s, signals: %d\n", r ? strerror(errno) : "-", handled);
	setrlimit(RLIMIT_CPU, &limit);
	r = ioctl(vcpu, KVM_RUN, 0);
	printf("a limit: %s, signals: %d\n", r ? strerror(errno) : "-", handled);
	printf("some of it was the guest's: %d\n", guest_time() > 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return handled != 2;
}
