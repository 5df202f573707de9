// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest at its highest privilege tries what would show it the host, or give
 * it the host's hardware. Each try is a few instructions and a HLT; handler n
 * of the guest is a HLT of its own, so that where the guest halted says which
 * exception there was. (On Twill alone: KVM plays some of these.)
 */
#include "machine.h"

#define MEMORY 0x200000
#define TABLES 0x10000
#define STACK 0x9000

enum {
	GOES_ON = -1, ASKS = -2, SHUTS_DOWN = -3, ASKS_MEMORY = -4,
	GIVES_UP = -5, OTHER = -6,
};

enum { UD = 6, GP = 13, PF = 14 };

struct try {
	const char *what;
	const uint8_t *from, *to;
	int expect;
	uint64_t rax, mask;	/* what RAX & MASK must be, where it goes on */
};

#define TRY(n, text, code, expect, rax, mask)		\
	GUEST(try##n, 64, code);				\
	static const struct try t##n = {		\
		text, try##n, try##n##_end, expect, rax, mask }
#define RDMSR(index) "mov $" #index ", %ecx; rdmsr"
#define WRMSR(index) "mov $" #index ", %ecx; xor %eax, %eax; cdq; wrmsr"

TRY(0, "vmrun", "mov $0x5000, %eax; vmrun", UD, 0, 0);
TRY(1, "vmload", "mov $0x5000, %eax; vmload", UD, 0, 0);
TRY(2, "vmsave", "mov $0x5000, %eax; vmsave", UD, 0, 0);
TRY(3, "stgi", "stgi", UD, 0, 0);
TRY(4, "clgi", "clgi", UD, 0, 0);
TRY(5, "skinit", "mov $0x5000, %eax; skinit", UD, 0, 0);
TRY(6, "invlpga", "xor %eax, %eax; xor %ecx, %ecx; invlpga", UD, 0, 0);
TRY(7, "monitor", "xor %ecx, %ecx; mov $5, %eax; monitor", GOES_ON, 5, ~0ULL);
TRY(8, "mwait", "mov $5, %eax; xor %ecx, %ecx; mwait", GOES_ON, 5, ~0ULL);
TRY(9, "rdpmc", "xor %ecx, %ecx; rdpmc", GP, 0, 0);
TRY(10, "rsm", "rsm", UD, 0, 0);
TRY(11, "rdmsr VM_CR", RDMSR(0xc0010114), GP, 0, 0);
TRY(12, "rdmsr VM_HSAVE_PA", RDMSR(0xc0010117), GP, 0, 0);
TRY(13, "wrmsr VM_HSAVE_PA", WRMSR(0xc0010117), GP, 0, 0);
TRY(14, "rdmsr SMBASE", RDMSR(0xc0010111), GP, 0, 0);
TRY(15, "rdmsr x2APIC", RDMSR(0x802), GP, 0, 0);
TRY(16, "wrmsr x2APIC ICR", WRMSR(0x830), GP, 0, 0);
TRY(17, "wrmsr MTRR, which remembers and does nothing",
    "mov $0x200, %ecx; mov $6, %eax; cdq; wrmsr; xor %eax, %eax; rdmsr",
    GOES_ON, 6, ~0ULL);
TRY(18, "rdmsr out of the map's ranges", RDMSR(0x40000000), GP, 0, 0);
TRY(19, "rdmsr EFER: no SVME", RDMSR(0xc0000080), GOES_ON, 0, 0x1000);
TRY(20, "wrmsr EFER with SVME",
    RDMSR(0xc0000080) "; or $0x1000, %eax; wrmsr", GP, 0, 0);
TRY(21, "wrmsr LSTAR with no address",
    "mov $0xc0000082, %ecx; xor %eax, %eax; mov $0x80000000, %edx; wrmsr",
    GP, 0, 0);
TRY(22, "cpuid: no SVM", "mov $0x80000001, %eax; cpuid; mov %ecx, %eax",
    GOES_ON, 0, 4);
TRY(23, "cpuid: nothing about SVM", "mov $0x8000000a, %eax; cpuid;"
    "or %ebx, %eax; or %ecx, %eax; or %edx, %eax", GOES_ON, 0, ~0ULL);
TRY(24, "vmmcall: no such", "xor %eax, %eax; vmmcall", GOES_ON, -1000ULL,
    ~0ULL);
TRY(25, "invd", "mov $5, %eax; invd", GOES_ON, 5, ~0ULL);
TRY(26, "wbinvd", "mov $5, %eax; wbinvd", GOES_ON, 5, ~0ULL);
TRY(27, "in from the keyboard", "in $0x60, %al", ASKS, 0, 0);
TRY(28, "out to the last port", "mov $0xffff, %edx; out %eax, %dx", ASKS, 0, 0);
TRY(29, "xsetbv without x87", "mov %cr4, %rax; or $0x40000, %eax;"
    "mov %rax, %cr4; xor %eax, %eax; cdq; xor %ecx, %ecx; xsetbv", GP, 0, 0);
TRY(30, "a frame that is not there", "mov 0x200000, %rax", ASKS_MEMORY, 0, 0);
TRY(31, "a frame far away", "movabs 0x8000000000, %al", ASKS_MEMORY, 0, 0);
TRY(32, "no table of handlers", "lidt 0x5000; ud2", SHUTS_DOWN, 0, 0);
TRY(33, "a vector register, new", "movq %xmm9, %rax", GOES_ON, 0, ~0ULL);
TRY(34, "a debug register, new", "mov %dr3, %rax", GOES_ON, 0, ~0ULL);
TRY(35, "rdtscp: our own TSC_AUX", "rdtscp; mov %ecx, %eax", GOES_ON, 0, ~0ULL);
TRY(36, "a device by an unknown instruction",
    "mov $0x200000, %ebx; cmpxchg8b (%rbx)", GIVES_UP, 0, 0);
TRY(37, "handlers on a device", "movw $0x1ff, 0x5000; movl $0x200000, 0x5002;"
    "lidt 0x5000; ud2", GIVES_UP, 0, 0);
TRY(38, "a frame on a device", "mov $0x200100, %esp; ud2", GIVES_UP, 0, 0);
TRY(39, "an NMI's end without an NMI",
    "push $0; push $0x9000; push $2; push $8; lea 1f(%rip), %rax; push %rax;"
    "iretq; 1: mov $5, %eax", GOES_ON, 5, ~0ULL);

static const struct try * const tries[] = {
	&t0, &t1, &t2, &t3, &t4, &t5, &t6, &t7, &t8, &t9, &t10, &t11, &t12,
	&t13, &t14, &t15, &t16, &t17, &t18, &t19, &t20, &t21, &t22, &t23, &t24,
	&t25, &t26, &t27, &t28, &t29, &t30, &t31, &t32, &t33, &t34, &t35, &t36,
	&t37, &t38, &t39,
};

static int failed;

/* Beside the first 2 MiB, the second, and 2 MiB at 512 GiB. */
static void set_tables(uint8_t *memory)
{
	uint64_t *table = (uint64_t *)(memory + TABLES);

	table[1] = TABLES + 0x3007;
	table[1025] = 0x200087;
	table[1536] = TABLES + 0x4007;
	table[2048] = 0x8000000087;
}

static void set_registers(const struct machine *m)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	ASK(m->vcpu, KVM_GET_SREGS, &sregs);
	long_mode(&sregs, m->memory, TABLES);
	set_handlers(&sregs, m->memory, 64, 0);
	ASK(m->vcpu, KVM_SET_SREGS, &sregs);
	ASK(m->vcpu, KVM_SET_REGS, &regs);
}

static int outcome(const struct kvm_run *run, uint64_t rip)
{
	switch (run->exit_reason) {
	case KVM_EXIT_HLT:
		return rip > HANDLERS ? (int)(rip - HANDLERS - 1) : GOES_ON;
	case KVM_EXIT_IO:
		return ASKS;
	case KVM_EXIT_SHUTDOWN:
		return SHUTS_DOWN;
	case KVM_EXIT_MMIO:
		return ASKS_MEMORY;
	case KVM_EXIT_INTERNAL_ERROR:
		return GIVES_UP;
	}
	return OTHER;
}

static void try(const struct try *t)
{
	struct machine m = make(MEMORY, t->from, t->to);
	struct kvm_regs regs;
	int got;

	set_tables(m.memory);
	ASK(m.vcpu, KVM_SET_CPUID2, offered());
	set_registers(&m);
	ASK(m.vcpu, KVM_RUN, 0);
	ASK(m.vcpu, KVM_GET_REGS, &regs);
	got = outcome(m.run, regs.rip);
	if (got != t->expect ||
	    (got == GOES_ON && (regs.rax & t->mask) != (t->rax & t->mask))) {
		printf("%s: %d, not %d (rip 0x%llx, rax 0x%llx)\n", t->what,
		       got, t->expect, regs.rip, regs.rax);
		failed = 1;
	}
	unmake(&m);
}

int main(void)
{
	unsigned int i;

	open_kvm();
	alarm(60);
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		try(tries[i]);
	printf("%u tries\n", i);
	return failed;
}
