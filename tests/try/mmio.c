// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that touch a device in memory, and strings between ports and memory,
 * in 16, 32 and 64 bits. Every exit is printed; a device reads back what was
 * written, or a pattern. The flags and RAX are printed after each instruction
 * that may change them.
 */
#include "machine.h"

#define MEMORY 0x40000
#define TABLES 0x10000
#define DEVICE 0x40000		/* where the memory ends */

/* What the flags are goes to port 0x10, what RAX is to port 0x11. */
#define SHOW16 "pushf; mov %eax, %ebp; pop %ax; and $0x8d5, %ax;" \
	"out %ax, $0x10; mov %ebp, %eax; out %eax, $0x11;"
#define SHOW64 "pushf; mov %rax, %rbp; pop %rax; and $0x8d5, %ax;" \
	"out %ax, $0x10; mov %rbp, %rax; out %eax, $0x11;"

/* DS is 0x4000, so that its base is the device's address. */
GUEST(real, 16,
      "mov $0x11223344, %eax; mov %al, 1; mov %ax, 2; mov %eax, 4;"
      "mov 4, %eax; mov %ah, 9; movb $0x55, 7; movw $0x6677, 8;"
      "mov $4, %bx; mov $4, %si; mov (%bx,%si), %ah;" SHOW16
      "add %eax, 4;" SHOW16 "cmpb $0x55, 7;" SHOW16
      "mov $6, %di; mov $0x4000, %ax; mov %ax, %es; xor %di, %di;"
      "mov $3, %cx; rep stosb %al, %es:(%di)");
GUEST(flat, 64,
      "mov $0x40010, %ebx; mov $0x1122334455667788, %rax;"
      "mov %rax, (%rbx); mov (%rbx), %rcx; mov %ah, 1(%rbx);"
      "movb $0xfe, 2(%rbx); movq $-2, 8(%rbx);"
      "movzbl 2(%rbx), %eax;" SHOW64 "movsbl 2(%rbx), %eax;" SHOW64
      "movsbq 2(%rbx), %rax;" SHOW64 "movslq 8(%rbx), %rax;" SHOW64
      "movzwl 8(%rbx), %eax;" SHOW64
      "xor %eax, %eax; mov 2(%rbx), %ah;" SHOW64
      "orl $0x80, 4(%rbx);" SHOW64 "andl $0x7fff, 4(%rbx);" SHOW64
      "xorb $0xff, 4(%rbx);" SHOW64 "mov $0x80, %eax; test %eax, 4(%rbx);"
      SHOW64 "cmp 4(%rbx), %rax;" SHOW64 "sub %eax, 4(%rbx);" SHOW64
      "lock incq 8(%rbx);" SHOW64 "decb 2(%rbx);" SHOW64 "negw 2(%rbx);"
      SHOW64 "notl 8(%rbx);" SHOW64 "stc; adc %eax, (%rbx);" SHOW64
      "sbb %al, (%rbx);" SHOW64 "xchg %eax, (%rbx);" SHOW64
      "mov %eax, place(%rip);"
      "mov 0x40018, %eax;" SHOW64
      "btsl $3, (%rbx);" SHOW64
      ".set	place, . + 0x3f000 - (. - flat)");
GUEST(strings, 64,
      "mov $0x40000, %esi; mov $0x5000, %edi; mov $3, %ecx; cld; rep movsl;"
      "mov $0x5000, %esi; mov $0x40020, %edi; mov $2, %ecx; rep movsb;"
      "mov $0x40000, %esi; mov $0x40040, %edi; movsq;"
      "mov $0x40010, %edi; mov $0x1234abcd, %eax; std; mov $2, %ecx;"
      "rep stosw; cld; mov $0x40000, %esi; xor %eax, %eax; lodsb;" SHOW64
      "rep lodsb; mov $0x77, %dx;"
      "mov $0x5ffe, %edi; mov $4, %ecx; rep insb;"
      "mov $0x5ffe, %esi; mov $4, %ecx; rep outsb;"
      "mov $0x40030, %edi; insl; mov $0x40030, %esi; outsw;"
      "mov $0, %ecx; rep outsb; mov %edi, %eax;" SHOW64
      "mov %esi, %eax;" SHOW64);
GUEST(exchanges, 64,
      "mov $0x40010, %ebx; mov $0x14131211, %eax; mov $0x55667788, %ecx;"
      "cmpxchg %ecx, (%rbx);" SHOW64 "cmpxchg %ecx, 4(%rbx);" SHOW64
      "lock cmpxchg %cl, 8(%rbx);" SHOW64 "cmpxchg %rcx, 8(%rbx);" SHOW64
      "lock xadd %ecx, 8(%rbx); mov %rcx, %rax;" SHOW64
      "xadd %ch, 1(%rbx); mov %rcx, %rax;" SHOW64
      "cmp %eax, %eax; setz 1(%rbx); setnz 2(%rbx); setg 3(%rbx);"
      "mov $-1, %rax; cmp %eax, %eax; cmovne (%rbx), %eax;" SHOW64
      "cmp %eax, %eax; cmove (%rbx), %rax;" SHOW64
      "push (%rbx); pop %rax;" SHOW64 "pushw 2(%rbx); pop %ax;" SHOW64
      "push %rcx; pop 8(%rbx); mov %esp, %eax;" SHOW64
      "movnti %rcx, 0x10(%rbx); movbe 0x10(%rbx), %eax;" SHOW64
      "movbe %rax, 0x18(%rbx); movbe 0x18(%rbx), %ecx; mov %rcx, %rax;" SHOW64
      "mov $37, %ecx; bts %ecx, (%rbx);" SHOW64 "bt %ecx, (%rbx);" SHOW64
      "mov $-3, %rcx; btc %rcx, 0x20(%rbx);" SHOW64
      "btr %cx, 0x20(%rbx);" SHOW64 "btcw $7, (%rbx);" SHOW64);
GUEST(compares, 64,
      "mov $0x40000, %esi; mov $0x5000, %edi; mov $4, %ecx; repe cmpsb;"
      "mov %ecx, %eax;" SHOW64 "mov $4, %ecx; repne cmpsb;"
      "mov %ecx, %eax;" SHOW64 "cmpsq; mov %esi, %eax;" SHOW64
      "mov $0x40000, %edi; mov $4, %eax; mov $10, %ecx; repne scasb;"
      "mov %ecx, %eax;" SHOW64 "repe scasw; mov %edi, %eax;" SHOW64
      "mov $0x5000, %esi; mov $0x40000, %edi; std; cmpsl; cld;"
      "mov %edi, %eax;" SHOW64);
/* Two pages: an operand half in memory and half in the device, and all in it. */
GUEST(borders, 64,
      "mov $0x3ffff, %ebx; movl $0x04030201, (%rbx); mov (%rbx), %eax;" SHOW64
      "mov $0x40ffe, %ebx; mov %eax, (%rbx); addl $1, (%rbx);" SHOW64);

static uint8_t device[0x2000];
static struct kvm_run *run;

static void memory_io(int vcpu)
{
	uint32_t at = run->mmio.phys_addr - DEVICE;
	unsigned long long data = 0;
	struct kvm_regs regs;

	ASK(vcpu, KVM_GET_REGS, &regs);
	if (at > sizeof(device) - 8)
		errx(1, "device at 0x%llx", run->mmio.phys_addr);
	if (run->mmio.is_write)
		memcpy(device + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, device + at, run->mmio.len);
	memcpy(&data, run->mmio.data, run->mmio.len);
	/* A write in two parts: KVM has moved on before the first. */
	if (at >= 0xffe || run->mmio.len == 3)
		regs.rip = 0;
	printf("%llx: %s %x/%u %llx\n", regs.rip,
	       run->mmio.is_write ? "write" : "read", at, run->mmio.len, data);
}

static void port_io(void)
{
	static uint8_t next = 'a';
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t i, value;

	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		value = 0;
		if (run->io.direction == KVM_EXIT_IO_IN)
			memset(data, next++, run->io.size);
		memcpy(&value, data, run->io.size);
		printf("port %x %s/%u %x\n", run->io.port,
		       run->io.direction == KVM_EXIT_IO_IN ? "in" : "out",
		       run->io.size, value);
	}
}

static void go(int vcpu)
{
	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0)
			err(1, "KVM_RUN");
		if (run->exit_reason == KVM_EXIT_MMIO) {
			memory_io(vcpu);
		} else if (run->exit_reason == KVM_EXIT_IO) {
			port_io();
		} else {
			break;
		}
	}
	printf("exit %u", run->exit_reason);
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		printf(" %u", run->internal.suberror);
	putchar('\n');
}

static void try(const char *name, const uint8_t *from, const uint8_t *to,
		int bits)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = 0x8000, .rflags = 2 };
	struct machine m = make(MEMORY, from, to);
	struct kvm_sregs sregs;
	unsigned int i;

	printf("%s\n", name);
	run = m.run;
	for (i = 0; i < sizeof(device); i++)
		device[i] = i + 1;
	/* MOVBE is refused to a guest that has not been told of it. */
	ASK(m.vcpu, KVM_SET_CPUID2, offered());
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	real_mode(&sregs);
	sregs.ds.base = DEVICE;
	sregs.ds.selector = DEVICE >> 4;
	if (bits == 64)
		long_mode(&sregs, m.memory, TABLES);
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_SET_REGS, &regs);
	go(m.vcpu);
	unmake(&m);
}

#define TRY(guest, bits) try(#guest, guest, guest##_end, bits)

int main(void)
{
	open_kvm();
	alarm(30);
	TRY(real, 16);
	TRY(flat, 64);
	TRY(strings, 64);
	TRY(exchanges, 64);
	TRY(compares, 64);
	TRY(borders, 64);
	return 0;
}
