// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests of a VMM of 32 bits: made by the system call that such a
 * program makes, with everything below 4 GiB.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY 0x10000

static long ioctl32(int fd, unsigned int request, const void *arg)
{
	long r;

	asm volatile("int $0x80" : "=a" (r) :
		     "a" (54L), "b" ((long)fd), "c" ((long)request), "d" (arg) :
		     "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static long say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerror(-r));
	else
		printf("%s: %s\n", what, "done");
	return r;
}

#define TRY(fd, request, arg) \
	say(#request, ioctl32(fd, request, (void *)(uintptr_t)(arg)))

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR), vm, vcpu;
	static struct kvm_userspace_memory_region region;
	static struct kvm_device_attr attr;
	static struct kvm_sregs sregs;
	static struct kvm_regs regs;
	struct kvm_run *run;
	uint8_t *memory;

	if (kvm < 0)
		err(1, "/dev/kvm");
	TRY(kvm, KVM_GET_API_VERSION, 0);
	TRY(kvm, KVM_GET_API_VERSION, 1);
	vm = TRY(kvm, KVM_CREATE_VM, 0);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	region.memory_size = MEMORY;
	region.userspace_addr = (uintptr_t)memory;
	TRY(vm, KVM_SET_USER_MEMORY_REGION, &region);
	TRY(vm, KVM_SET_USER_MEMORY_REGION, 8);
	TRY(vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY);
	TRY(vm, KVM_SET_DEVICE_ATTR, &attr);
	vcpu = TRY(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, TRY(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	TRY(vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = sregs.cs.selector = 0;
	TRY(vcpu, KVM_SET_SREGS, &sregs);
	memcpy(memory, "\xb0\x2a\xf4", 3);	/* mov $42,%al ; hlt */
	regs.rflags = 2;
	TRY(vcpu, KVM_SET_REGS, &regs);
	TRY(vcpu, KVM_RUN, 0);
	TRY(vcpu, KVM_GET_REGS, &regs);
	printf("exit %u, %llu\n", run->exit_reason, regs.rax & 0xff);
	return 0;
}
