// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes two machines, with a vCPU, and holds them in the background: one with
 * an interrupt controller in the kernel, if there is one.
 * usage: hold [DEVICE]
 *
 * KVM patches the scheduler (preempt_notifier_key) when its first machine
 * comes and when its last one goes, and other places for a vCPU and for its
 * APIC. Under QEMU 7.2 CPUs that meet the breakpoint which the kernel puts there
 * meanwhile may never leave exc_int3: about one run in fifty of
 * tests/try/events.c hung so. With machines held there is one patching, and
 * try.sh and bench.py have it done while only one CPU is online.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/dev/kvm";
	int fd = open(device, O_RDWR), vm, i;

	for (i = 0; i < 2; i++) {
		vm = ioctl(fd, KVM_CREATE_VM, 0UL);
		if (i)
			ioctl(vm, KVM_CREATE_IRQCHIP, 0UL);
		if (ioctl(vm, KVM_CREATE_VCPU, 0UL) < 0)
			err(125, "cannot make a machine by %s", device);
	}
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
