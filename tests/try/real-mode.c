// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest program for /dev/kvm: a guest of a dozen bytes in real mode
 * adds two numbers, prints the sum on the serial port, and halts.
 *
 * It uses the requests of the article "Using the KVM API" (LWN, 2015) and no
 * others, and believes nothing: every answer is checked.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define GUEST_ADDR 0x1000
#define SERIAL 0x3f8

static const uint8_t code[] = {
	0xba, 0xf8, 0x03,	/* mov $0x3f8, %dx */
	0x00, 0xd8,		/* add %bl, %al */
	0x04, '0',		/* add $'0', %al */
	0xee,			/* out %al, (%dx) */
	0xb0, '\n',		/* mov $'\n', %al */
	0xee,			/* out %al, (%dx) */
	0xf4,			/* hlt */
};

/* An ioctl that must not fail. */
static int ask(int fd, const char *what, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(1, "%s", what);
	return r;
}

#define ASK(fd, request, arg) ask(fd, #request, request, (void *)(arg))

static int open_kvm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version;

	if (kvm < 0)
		err(1, "/dev/kvm");
	version = ASK(kvm, KVM_GET_API_VERSION, 0);
	if (version != 12)
		errx(1, "KVM_GET_API_VERSION is %d, not 12", version);
	if (!ASK(kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY))
		errx(1, "no KVM_CAP_USER_MEMORY");
	return kvm;
}

/* One page of memory at GUEST_ADDR, with the code in it. */
static void add_memory(int vm)
{
	void *page = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.slot = 0,
		.guest_phys_addr = GUEST_ADDR,
		.memory_size = 0x1000,
		.userspace_addr = (uint64_t)(uintptr_t)page,
	};

	if (page == MAP_FAILED)
		err(1, "guest memory");
	memcpy(page, code, sizeof(code));
	ASK(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static struct kvm_run *map_run(int kvm, int vcpu)
{
	int size = ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run;

	if (size < (int)sizeof(*run))
		errx(1, "KVM_GET_VCPU_MMAP_SIZE is only %d", size);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	return run;
}

static void set_registers(int vcpu)
{
	struct kvm_regs regs = {
		.rip = GUEST_ADDR,
		.rax = 2,
		.rbx = 2,
		.rflags = 0x2,
	};
	struct kvm_sregs sregs;

	ASK(vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	ASK(vcpu, KVM_SET_SREGS, &sregs);
	ASK(vcpu, KVM_SET_REGS, &regs);
}

static void print(const struct kvm_run *run)
{
	if (run->io.direction != KVM_EXIT_IO_OUT || run->io.size != 1 ||
	    run->io.port != SERIAL || run->io.count != 1)
		errx(1, "KVM_EXIT_IO: direction %u, size %u, port 0x%x, count %u",
		     run->io.direction, run->io.size, run->io.port,
		     run->io.count);
	putchar(((const char *)run)[run->io.data_offset]);
}

int main(void)
{
	int kvm = open_kvm();
	int vm = ASK(kvm, KVM_CREATE_VM, 0);
	int vcpu;
	struct kvm_run *run;

	add_memory(vm);
	vcpu = ASK(vm, KVM_CREATE_VCPU, 0);
	run = map_run(kvm, vcpu);
	set_registers(vcpu);
	for (;;) {
		ASK(vcpu, KVM_RUN, 0);
		switch (run->exit_reason) {
		case KVM_EXIT_HLT:
			puts("KVM_EXIT_HLT");
			return 0;
		case KVM_EXIT_IO:
			print(run);
			break;
		case KVM_EXIT_FAIL_ENTRY:
			errx(1, "KVM_EXIT_FAIL_ENTRY: reason 0x%llx",
			     run->fail_entry.hardware_entry_failure_reason);
		case KVM_EXIT_INTERNAL_ERROR:
			errx(1, "KVM_EXIT_INTERNAL_ERROR: suberror 0x%x",
			     run->internal.suberror);
		default:
			errx(1, "exit_reason 0x%x", run->exit_reason);
		}
	}
}
