// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest for two seconds that has XCR0 and a DR6 of its own, and
 * stops all the time. (It does not run on CPU 0: the NMIs come from there.)
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include "../vmm.h"

static void on_alarm(int sig)
{
	(void)sig;
}

int main(void)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xeb, 0xfc };
	struct kvm_debugregs debug = { .db = { 0x12345678 },
				       .dr6 = 0xffff0ff1, .dr7 = 0x400 };
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 1 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct machine m = make(code, sizeof(code));
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	must(!ioctl(m.vcpu, KVM_SET_DEBUGREGS, &debug));
	must(!ioctl(m.vcpu, KVM_SET_XCRS, &xcrs));
	must(!sched_setaffinity(0, sizeof(cpus), &cpus));
	must(!sigaction(SIGALRM, &action, NULL));
	alarm(2);
	fails(ioctl(m.vcpu, KVM_RUN, 0), EINTR);
	return 0;
}
