// SPDX-License-Identifier: GPL-2.0-only
/*
 * One guest in each mode that a VMM can start a processor in: real, protected,
 * protected with paging, and long mode. Each prints the name of its mode,
 * writes 42 to memory and halts with 42 in RAX.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY 0x200000
#define CODE 0x1000
#define TABLES 0x10000
#define NAME 0x2000
#define PORT 0xe9
#define RESULT 0x400

#define GUEST(bits)				\
	asm(".pushsection .rodata\n"		\
	"	.code" #bits "\n"		\
	"guest" #bits ":\n"			\
	"	mov	$0x2000, %esi\n"	\
	"1:	lodsb\n"			\
	"	test	%al, %al\n"		\
	"	jz	2f\n"			\
	"	out	%al, $0xe9\n"		\
	"	jmp	1b\n"			\
	"2:	mov	$42, %eax\n"		\
	"	mov	%eax, 0x400\n"		\
	"	hlt\n"				\
	"guest" #bits "_end:\n"			\
	"	.code64\n"			\
	"	.popsection");			\
	extern const uint8_t guest##bits[], guest##bits##_end[]

GUEST(16);
GUEST(32);
GUEST(64);

enum { REAL, PROTECTED, PAGED, LONG };

static const char * const names[] = {
	"real mode\n", "protected mode\n", "protected mode with paging\n",
	"long mode\n",
};

static int ask(int fd, const char *what, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(1, "%s", what);
	return r;
}

#define ASK(fd, request, arg) \
	ask(fd, #request, request, (void *)(uintptr_t)(arg))

static void load(uint8_t *memory, int mode)
{
	const uint8_t *from = mode == REAL ? guest16 :
			      mode == LONG ? guest64 : guest32;
	const uint8_t *to = mode == REAL ? guest16_end :
			    mode == LONG ? guest64_end : guest32_end;

	memcpy(memory + CODE, from, to - from);
	memcpy(memory + NAME, names[mode], strlen(names[mode]) + 1);
}

static void set_segments(struct kvm_sregs *sregs, int mode)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 0xb, .present = 1,
		.db = mode != LONG, .l = mode == LONG, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;

	data.type = 3;
	data.l = 0;
	data.db = 1;
	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->cr0 |= 1;
}

static void set_paging(struct kvm_sregs *sregs, uint8_t *memory, int mode)
{
	uint32_t *directory = (uint32_t *)(memory + TABLES);
	uint64_t *table = (uint64_t *)(memory + TABLES);

	sregs->cr3 = TABLES;
	sregs->cr0 |= 0x80000000;
	if (mode == PAGED) {
		sregs->cr4 = 0x10;	/* pages of 4 MiB */
		directory[0] = 0x87;
		return;
	}
	sregs->cr4 = 0x20;		/* entries of 64 bits */
	sregs->efer = 0x500;
	table[0] = TABLES + 0x1007;
	table[512] = TABLES + 0x2007;
	table[1024] = 0x87;
}

static void set_registers(int vcpu, uint8_t *memory, int mode)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	ASK(vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (mode >= PROTECTED)
		set_segments(&sregs, mode);
	if (mode >= PAGED)
		set_paging(&sregs, memory, mode);
	ASK(vcpu, KVM_SET_SREGS, &sregs);
	ASK(vcpu, KVM_SET_REGS, &regs);
}

static void run_to_halt(int vcpu, const struct kvm_run *run)
{
	struct kvm_regs regs;

	for (;;) {
		ASK(vcpu, KVM_RUN, 0);
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != PORT)
			break;
		putchar(((const char *)run)[run->io.data_offset]);
	}
	ASK(vcpu, KVM_GET_REGS, &regs);
	if (run->exit_reason != KVM_EXIT_HLT || regs.rax != 42)
		errx(1, "exit reason %u at 0x%llx, rax 0x%llx",
		     run->exit_reason, regs.rip, regs.rax);
}

static void try(int kvm, int mode)
{
	int vm = ASK(kvm, KVM_CREATE_VM, 0);
	int vcpu = ASK(vm, KVM_CREATE_VCPU, 0);
	int size = ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, vcpu, 0);
	uint8_t *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory,
	};

	if (run == MAP_FAILED || memory == MAP_FAILED)
		err(1, "mmap");
	ASK(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	ASK(vm, KVM_SET_USER_MEMORY_REGION, &region);
	load(memory, mode);
	set_registers(vcpu, memory, mode);
	run_to_halt(vcpu, run);
	if (memory[RESULT] != 42)
		errx(1, "42 has not come to memory");
	munmap(run, size);
	munmap(memory, MEMORY);
	close(vcpu);
	close(vm);
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int mode;

	if (kvm < 0)
		err(1, "/dev/kvm");
	for (mode = REAL; mode <= LONG; mode++)
		try(kvm, mode);
	return 0;
}
