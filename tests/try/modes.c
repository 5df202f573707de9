// SPDX-License-Identifier: GPL-2.0-only
/*
 * One guest in each mode that a VMM can start a processor in: real, protected,
 * protected with paging, and long mode. Each prints the name of its mode,
 * writes 42 to memory and halts with 42 in RAX.
 */
#include "machine.h"

#define MEMORY 0x200000
#define TABLES 0x10000
#define NAME 0x2000
#define PORT 0xe9
#define RESULT 0x400

/* It prints its mode's name, writes 42 to memory, and has 42 in RAX. */
#define SAYS						\
	"	mov	$0x2000, %esi\n"		\
	"1:	lodsb\n"				\
	"	test	%al, %al\n"			\
	"	jz	2f\n"				\
	"	out	%al, $0xe9\n"			\
	"	jmp	1b\n"				\
	"2:	mov	$42, %eax\n"			\
	"	mov	%eax, 0x400\n"

GUEST(guest16, 16, SAYS);
GUEST(guest32, 32, SAYS);
GUEST(guest64, 64, SAYS);

enum { REAL, PROTECTED, PAGED, LONG };

static const char * const names[] = {
	"real mode\n", "protected mode\n", "protected mode with paging\n",
	"long mode\n",
};

/* Pages of 4 MiB, the first mapped to itself. */
static void paged_mode(struct kvm_sregs *s, uint8_t *memory)
{
	*(uint32_t *)(memory + TABLES) = 0x87;
	protected_mode(s, 32);
	s->cr0 |= 0x80000000;
	s->cr3 = TABLES;
	s->cr4 = 0x10;
}

static void set_registers(const struct machine *m, int mode)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	/* 6.12's KVM refuses long mode where the CPUID has none. */
	ASK(m->vcpu, KVM_SET_CPUID2, offered());
	ASK(m->vcpu, KVM_GET_SREGS, &sregs);
	if (mode == REAL)
		real_mode(&sregs);
	else if (mode == PROTECTED)
		protected_mode(&sregs, 32);
	else if (mode == PAGED)
		paged_mode(&sregs, m->memory);
	else
		long_mode(&sregs, m->memory, TABLES);
	ASK(m->vcpu, KVM_SET_SREGS, &sregs);
	ASK(m->vcpu, KVM_SET_REGS, &regs);
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

static void try(int mode)
{
	struct machine m = mode == REAL ?
		make(MEMORY, guest16, guest16_end) : mode == LONG ?
		make(MEMORY, guest64, guest64_end) :
		make(MEMORY, guest32, guest32_end);

	strcpy((char *)m.memory + NAME, names[mode]);
	set_registers(&m, mode);
	run_to_halt(m.vcpu, m.run);
	if (m.memory[RESULT] != 42)
		errx(1, "42 has not come to memory");
	unmake(&m);
}

int main(void)
{
	int mode;

	open_kvm();
	for (mode = REAL; mode <= LONG; mode++)
		try(mode);
	return 0;
}
