// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that spins is a thread that works: its time is the guest's, a timer
 * of CPU time runs out and ends the visit, and nothing but a signal does. (A
 * second process on the same CPU takes it away from the guest often enough.)
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "machine.h"

GUEST(spins, 16, "1: jmp 1b");

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static int make_vcpu(void)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct machine m = make(0x2000, spins, spins_end);
	struct kvm_sregs sregs;

	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	real_mode(&sregs);
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_SET_REGS, &regs);
	return m.vcpu;
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
	open_kvm();
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
