// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that stop the guest and are done in the processor's place, each
 * with the trap flag set: a debugger in the guest finds itself behind it. One
 * line a guest, in long mode; handler n is a HLT of its own, so that where the
 * guest halted says which exception there was, and its frame is still on the
 * stack.
 */
#include "machine.h"

#define MEMORY 0x200000
#define TABLES 0x10000
#define STACK 0x9000
#define TF 0x100

struct guest {
	const char *name;
	const uint8_t *from, *to;
	uint64_t rcx, rdx;
};

#define TRAP(name, code) GUEST(trap_##name, 64, code)
TRAP(nop, "nop; nop");
TRAP(cpuid, "cpuid; nop");
TRAP(vmmcall, "vmmcall; nop");
TRAP(in, "in $0x80, %al; nop");
TRAP(out, "out %al, $0x80; nop");
TRAP(rdmsr, "rdmsr; nop");
TRAP(wrmsr, "wrmsr; nop");
TRAP(wbinvd, "wbinvd; nop");
TRAP(xsetbv, "xsetbv; nop");
TRAP(monitor, "monitor; nop");
TRAP(mwait, "mwait; nop");
TRAP(hlt, "hlt; nop");
TRAP(load, "mov 0x300000, %eax; nop");
TRAP(int, "int $3; nop");

/* RCX names EFER, LSTAR, or a register that there is not. */
static const struct guest traps[] = {
#define T(name, rcx, rdx) { #name, trap_##name, trap_##name##_end, rcx, rdx }
	T(nop, 0, 0), T(cpuid, 0, 0), T(vmmcall, 0, 0), T(in, 0, 0),
	T(out, 0, 0), T(rdmsr, 0xc0000080, 0), T(rdmsr, 0x12345, 0),
	T(wrmsr, 0xc0000082, 0), T(wrmsr, 0x12345, 0), T(wbinvd, 0, 0),
	T(xsetbv, 0, 0), T(monitor, 0, 0), T(mwait, 0, 0), T(hlt, 0, 0),
	T(load, 0, 0), T(int, 0, 0),
};

/* To 8, lower, higher, lower, and to what it cannot be. */
GUEST(lowers, 64, "mov $8, %eax; mov %rax, %cr8; mov $3, %eax; mov %rax, %cr8;"
      "mov $5, %al; mov %rax, %cr8; xor %eax, %eax; mov %rax, %cr8;"
      "mov $16, %al; mov %rax, %cr8");
GUEST(calls, 64, "vmmcall; out %al, $0x80");

static struct machine start(const uint8_t *from, const uint8_t *to,
			    struct kvm_sregs *sregs)
{
	struct machine m = make(MEMORY, from, to);
	uint64_t *table = (uint64_t *)(m.memory + TABLES);

	ASK(m.vcpu, KVM_SET_CPUID2, offered());
	ASK(m.vcpu, KVM_GET_SREGS, sregs);
	long_mode(sregs, m.memory, TABLES);
	table[1025] = 0x200087;		/* where there is no memory */
	set_handlers(sregs, m.memory, 64, 0);
	sregs->cr4 |= 0x40000;			/* XSETBV is there */
	ASK(m.vcpu, KVM_SET_SREGS, sregs);
	return m;
}

static struct kvm_regs set_regs(const struct machine *m, uint64_t flags)
{
	struct kvm_regs regs = {
		.rip = CODE, .rsp = STACK, .rflags = flags | 2, .rax = 1,
	};

	ASK(m->vcpu, KVM_SET_REGS, &regs);
	return regs;
}

/* Where the guest has halted, and where it was when it was interrupted. */
static void show_halt(const struct machine *m)
{
	struct kvm_debugregs debug;
	struct kvm_regs regs;
	const uint64_t *frame;
	int nr;

	ASK(m->vcpu, KVM_GET_REGS, &regs);
	ASK(m->vcpu, KVM_GET_DEBUGREGS, &debug);
	nr = (int)regs.rip - HANDLERS - 1;
	if (nr < 0 || nr > 31) {
		printf(" halt");
		return;
	}
	frame = (const uint64_t *)(m->memory + regs.rsp) + (nr == 13);
	printf(" #%d at +%d, flags 0x%x, dr6 0x%llx", nr,
	       (int)(frame[0] - CODE), (int)frame[2] & ~0x44, debug.dr6);
}

static void try_trap(const struct guest *g)
{
	struct kvm_sregs sregs;
	struct machine m = start(g->from, g->to, &sregs);
	struct kvm_regs regs = set_regs(&m, TF);
	int i;

	regs.rcx = g->rcx;
	regs.rdx = g->rdx;
	ASK(m.vcpu, KVM_SET_REGS, &regs);
	printf("%s:", g->name);
	for (i = 0; i < 3; i++) {
		ASK(m.vcpu, KVM_RUN, 0);
		if (m.run->exit_reason == KVM_EXIT_HLT)
			show_halt(&m);
		else
			printf(" exit %u", m.run->exit_reason);
		ASK(m.vcpu, KVM_GET_REGS, &regs);
		if (regs.rip > HANDLERS)
			break;
	}
	putchar('\n');
	unmake(&m);
}

/* A VMM that holds back interrupts hears when their turn has come. */
static void try_priority(void)
{
	struct kvm_sregs sregs;
	struct machine m = start(lowers, lowers_end, &sregs);

	set_regs(&m, 0);
	printf("cr8:");
	do {
		ASK(m.vcpu, KVM_RUN, 0);
		printf(" exit %u, %lld", m.run->exit_reason, m.run->cr8);
	} while (m.run->exit_reason == KVM_EXIT_SET_TPR);
	show_halt(&m);
	putchar('\n');
	unmake(&m);
}

/* A program may use ports if the guest's kernel lets it, but not call us. */
static void try_program(void)
{
	struct kvm_sregs sregs;
	struct machine m = start(calls, calls_end, &sregs);
	struct kvm_regs regs;

	sregs.cs.dpl = sregs.ss.dpl = 3;
	sregs.cs.selector |= 3;
	sregs.ss.selector |= 3;
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	set_regs(&m, 0x3000);
	ASK(m.vcpu, KVM_RUN, 0);
	ASK(m.vcpu, KVM_GET_REGS, &regs);
	printf("a program's vmmcall: exit %u, %lld\n", m.run->exit_reason,
	       regs.rax);
	unmake(&m);
}

int main(void)
{
	unsigned int i;

	open_kvm();
	alarm(30);
	for (i = 0; i < sizeof(traps) / sizeof(traps[0]); i++)
		try_trap(&traps[i]);
	try_priority();
	try_program();
	return 0;
}
