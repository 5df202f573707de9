// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a machine, with a vCPU, and holds it in the background.
 * usage: hold [DEVICE]
 *
 * KVM patches the scheduler (preempt_notifier_key) when its first machine
 * comes and when its last one goes, and other places for a vCPU. Under QEMU
 * 7.2 CPUs that meet the breakpoint which the kernel puts there meanwhile may
 * never leave exc_int3: about one run in fifty of tests/try/events.c hung so.
 * With a machine held there is one patching, and try.sh and bench.py have it
 * done while only one CPU is online.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/dev/kvm";
	int vm = ioctl(open(device, O_RDWR), KVM_CREATE_VM, 0UL);

	if (ioctl(vm, KVM_CREATE_VCPU, 0UL) < 0)
		err(125, "cannot make a machine by %s", device);
	switch (fork()) {
	case -1:
		err(125, "fork");
	case 0:
		close(0);
		close(1);
		close(2);
		pause();
	}
	return 0;
}
