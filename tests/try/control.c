// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests read and write CR0 and CR4, in each form that an instruction has for
 * it, with good values and bad ones. What is left of it each guest leaves in
 * RAX, RBX, RCX and RDX. With an argument: what KVM does otherwise without the
 * processor's help. It forgets the upper half of a value, and does not come back
 * from a guest that wants long mode without PAE.
 */
#include "machine.h"

#define MEMORY 0x200000
#define TABLES 0x10000
#define STACK 0x8000
#define CACHE_OFF 0x60000000	/* CR0.CD and NW, as after reset */

#define FORMS(wide)					\
	"	mov	%cr0, %" wide "ax\n"		\
	"	smsw	%ebx\n"				\
	"	smsw	%cx\n"				\
	"	smsw	0x600\n"			\
	"	movw	$10, 0x602\n"			\
	"	lmsw	0x602\n"			\
	"	clts\n"					\
	"	mov	%cr0, %" wide "dx\n"		\
	"	mov	0x600, %si\n"			\
	"	mov	$14, %di\n"			\
	"	lmsw	%di\n"				\
	"	smsw	%" wide "di\n"
GUEST(forms64, 64, FORMS("r"));
GUEST(forms32, 32, FORMS("e"));
GUEST(forms16, 16, FORMS("e"));

/* CR0: the caches off, and on again; what is written is read. */
GUEST(caches, 64,
	"	mov	%cr0, %rax\n"
	"	mov	%rax, %r9\n"
	"	or	%rdi, %r9\n"
	"	mov	%r9, %cr0\n"
	"	mov	%cr0, %rbx\n"
	"	btr	$29, %r9\n"
	"	btr	$30, %r9\n"
	"	mov	%r9, %cr0\n"
	"	mov	%cr0, %rcx\n"
	"	smsw	%rdx\n");

/* One register, one value. */
GUEST(flip0, 64,
	"	mov	%cr0, %rax\n"
	"	xor	%rdi, %rax\n"
	"	mov	%rax, %cr0\n"
	"	mov	%cr0, %rbx\n");
GUEST(flip4, 64,
	"	mov	%cr4, %r12\n"
	"	xor	%rdi, %r12\n"
	"	mov	%r12, %cr4\n"
	"	mov	%cr4, %rbx\n");

/* Ring 3 may read the low half, and write nothing. */
GUEST(ring3_smsw, 64, "	smsw	%eax\n");
GUEST(ring3_clts, 64, "	clts\n");
GUEST(ring3_lmsw, 64, "	lmsw	%ax\n");
GUEST(ring3_read, 64, "	mov	%cr0, %rax\n");
GUEST(ring3_write, 64, "	mov	%rax, %cr4\n");

/* From 32 bits to long mode; %edi goes into CR4, %ebp into CR0 besides PE. */
GUEST(enter_long, 32,
	"	mov	%edi, %cr4\n"
	"	mov	$0x10000, %eax\n"
	"	mov	%eax, %cr3\n"
	"	mov	$0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	bts	$8, %eax\n"
	"	wrmsr\n"
	"	mov	%cr0, %eax\n"
	"	or	%ebp, %eax\n"
	"	mov	%eax, %cr0\n"
	"	rdmsr\n"
	"	mov	%eax, %ebx\n"
	"	mov	%cr0, %eax\n"
	"	btr	$31, %eax\n"
	"	mov	%eax, %cr0\n"
	"	rdmsr\n"
	"	mov	%cr0, %edx\n");

enum { REAL = 16, PROTECTED = 32, LONG = 64 };

/* Real mode with a code segment that protected mode has left: 32 bits. */
#define UNREAL 17

static void set_up(const struct machine *m, int mode, uint64_t cr0,
		   uint64_t rdi)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsp = STACK,
				 .rdi = rdi, .rbp = cr0 };
	struct kvm_sregs s;

	ASK(m->vcpu, KVM_GET_SREGS, &s);
	s.cr0 = 0x30;
	if (mode == REAL || mode == UNREAL) {
		real_mode(&s);
		s.cs.db = mode == UNREAL;
		s.efer = s.cr4 = 0;
	} else if (mode == LONG) {
		long_mode(&s, m->memory, TABLES);
	} else {
		long_mode(&s, m->memory, TABLES);
		protected_mode(&s, 32);
		s.cr0 = 0x31;
		s.cr4 = s.efer = 0;
	}
	memset(m->memory + IDT, 0, 0x200);
	if (mode != REAL && mode != UNREAL)
		set_handlers(&s, m->memory, mode, 0);
	if (mode != PROTECTED)
		s.cr0 |= cr0;
	ASK(m->vcpu, KVM_SET_SREGS, &s);
	ASK(m->vcpu, KVM_SET_REGS, &regs);
}

/* Run it; say how it ended. Returns: whether it came to its own HLT. */
static int run(const struct machine *m, const uint8_t *from, const uint8_t *to,
	       struct kvm_regs *r)
{
	memcpy(m->memory + CODE, from, to - from);
	ASK(m->vcpu, KVM_RUN, 0);
	ASK(m->vcpu, KVM_GET_REGS, r);
	if (m->run->exit_reason != KVM_EXIT_HLT) {
		printf("  exit %u at %llx\n", m->run->exit_reason, r->rip);
		return 0;
	}
	if (r->rip > HANDLERS && r->rip <= HANDLERS + 32)
		return -(int)(r->rip - HANDLERS - 1);
	return r->rip == CODE + (uint64_t)(to - from);
}

static void say(const struct machine *m, const char *what, int end,
		const struct kvm_regs *r)
{
	struct kvm_sregs s;

	ASK(m->vcpu, KVM_GET_SREGS, &s);
	if (end == 1)
		printf("%s: %llx %llx %llx %llx, %llx %llx;", what, r->rax,
		       r->rbx, r->rcx, r->rdx, r->rsi, r->rdi);
	else if (end < 0)
		printf("%s: exception %d;", what, -end);
	else
		printf("%s: ended at %llx;", what, r->rip);
	printf(" cr0 %llx cr4 %llx efer %llx\n", s.cr0, s.cr4, s.efer);
}

#define TRY(m, guest, mode, cr0, rdi) do {				\
	struct kvm_regs r_;						\
									\
	set_up(m, mode, cr0, rdi);					\
	say(m, #guest " " #cr0 " " #rdi,				\
	    run(m, guest, guest##_end, &r_), &r_);			\
} while (0)

static void try_forms(const struct machine *m)
{
	TRY(m, forms64, LONG, 0, 0);
	TRY(m, forms64, LONG, CACHE_OFF, 0);
	TRY(m, forms32, PROTECTED, 0, 0);
	TRY(m, forms16, REAL, 0, 0);
	TRY(m, forms16, REAL, CACHE_OFF, 0);
	TRY(m, forms32, UNREAL, CACHE_OFF, 0);
	TRY(m, caches, LONG, 0, 0x40000000);
	TRY(m, caches, LONG, 0, CACHE_OFF);
	TRY(m, caches, LONG, CACHE_OFF, 0);
}

static void try_values(const struct machine *m)
{
	TRY(m, flip0, LONG, 0, 0x20000000);		/* NW without CD */
	TRY(m, flip0, LONG, 0, 0x1fc0);			/* forgotten */
	TRY(m, flip0, LONG, 0, 0x10);			/* ET stays */
	TRY(m, flip0, LONG, 0, 0x80000000);		/* PG, in 64 bits */
	TRY(m, flip0, LONG, 0, 0x80000001);
	TRY(m, flip0, LONG, 0, 1);			/* PE, under PG */
	TRY(m, flip0, LONG, CACHE_OFF, 0x50000);	/* WP and AM */
	TRY(m, flip4, LONG, 0, 0x20);			/* PAE */
	TRY(m, enter_long, PROTECTED, 0x80000000, 0x20);
	TRY(m, enter_long, PROTECTED, 0xc0000000, 0x20);	/* and CD */
}

#define FAULTS(m, guest, mode, cr0, rdi) do {				\
	struct kvm_regs r_;						\
									\
	set_up(m, mode, cr0, rdi);					\
	if (run(m, guest, guest##_end, &r_) != -13)			\
		errx(1, #guest " " #cr0 " " #rdi ": no #GP");		\
} while (0)

/*
 * QEMU looks at the lower half to see whether a write of CR0 changes much. Long
 * mode without PAE is a unit test's: the exit from such a guest takes the CPU
 * from its host (tests/vm/fuzz-args.c).
 */
static void try_alone(const struct machine *m)
{
	FAULTS(m, flip0, LONG, 0, 0x100010000);
	FAULTS(m, flip0, LONG, CACHE_OFF, 0x8000000000000000);
	FAULTS(m, flip4, LONG, 0, 0x100000000);
}

/* Which bits of CR4 can this guest flip, of those that were told it? */
static void try_cr4(const struct machine *m, const char *what)
{
	struct kvm_regs r;
	int bit, end;

	printf("CR4, %s:", what);
	for (bit = 0; bit < 32; bit++) {
		set_up(m, LONG, 0, 1ULL << bit);
		end = run(m, flip4, flip4_end, &r);
		if (end == 1)
			printf(" %d", bit);
		else if (end != -13)
			printf(" %d:%d", bit, end);
	}
	printf("\n");
}

static void ring3(const struct machine *m, const char *what, const uint8_t *from,
		  const uint8_t *to, uint64_t cr0)
{
	struct kvm_regs r;
	struct kvm_sregs s;
	int end;

	set_up(m, LONG, cr0, 0);
	((uint64_t *)(m->memory + TABLES))[0] |= 4;
	ASK(m->vcpu, KVM_GET_SREGS, &s);
	s.cs.dpl = s.ss.dpl = 3;
	s.cs.selector |= 3;
	s.ss.selector = 3;
	s.tr.base = 0x9000;		/* and a stack for the exception */
	s.tr.limit = 0x67;
	s.tr.type = 11;
	s.tr.present = 1;
	*(uint64_t *)(m->memory + 0x9004) = STACK;
	ASK(m->vcpu, KVM_SET_SREGS, &s);
	end = run(m, from, to, &r);
	printf("ring 3, %s: %d %llx\n", what, end, r.rax);
}

#define RING3(m, guest, cr0) ring3(m, #guest, guest, guest##_end, cr0)

/* What the guest is told of its processor, without some of it. */
static void tell(const struct machine *m, uint32_t ebx, uint32_t ecx,
		 uint32_t ecx1)
{
	struct kvm_cpuid2 *cpuid = offered();
	unsigned int i;

	for (i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == 7 && !e->index) {
			e->ebx &= ~ebx;
			e->ecx &= ~ecx;
		}
		if (e->function == 1)
			e->ecx &= ~ecx1;
	}
	ASK(m->vcpu, KVM_SET_CPUID2, cpuid);
}

#define PCID (1U << 17)
#define XSAVE (1U << 26)

int main(int argc, char **argv)
{
	struct machine m;

	(void)argv;
	open_kvm();
	alarm(60);
	m = make(MEMORY, flip4, flip4_end);
	tell(&m, 0, 1 << 16, PCID);
	if (argc > 1) {
		try_alone(&m);
		return 0;
	}
	try_forms(&m);
	try_values(&m);
	try_cr4(&m, "all but LA57 and PCID");
	RING3(&m, ring3_smsw, 0);
	RING3(&m, ring3_smsw, CACHE_OFF);
	RING3(&m, ring3_clts, CACHE_OFF);
	RING3(&m, ring3_lmsw, CACHE_OFF);
	RING3(&m, ring3_read, CACHE_OFF);
	RING3(&m, ring3_write, CACHE_OFF);
	unmake(&m);

	m = make(MEMORY, flip4, flip4_end);
	tell(&m, ~0U, ~0U, PCID | XSAVE);
	try_cr4(&m, "nothing");
	unmake(&m);
	return 0;
}
