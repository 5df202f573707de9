// SPDX-License-Identifier: GPL-2.0-only
/*
 * To learn when an interrupt or an NMI can be delivered the hypervisor makes
 * the guest stop, by means that are the guest's. The guest must not find out.
 * Nor must the VMM find a trace of an entry that failed. (On Twill alone: under
 * QEMU KVM loses the shadow.)
 */
#include <stdbool.h>
#include "machine.h"

#define MEMORY 0x20000
#define STACK 0x9000
#define AT 0x2000		/* a page that nobody has touched */
#define TABLES 0x10000
#define TF 0x100
#define IF 0x200

static struct machine m;
static const uint8_t nothing[1];

static void set_vector(unsigned int nr, uint16_t ip)
{
	uint16_t entry[2] = { ip, 0 };

	memcpy(m.memory + nr * 4, entry, 4);
}

/* Handler n is a HLT at HANDLERS + 2 * n, and an IRET behind it. */
static void start(uint16_t rip, uint64_t flags)
{
	struct kvm_regs regs = { .rip = rip, .rsp = STACK, .rflags = flags | 2 };
	struct kvm_sregs sregs;
	unsigned int i;

	m = make(MEMORY, nothing, nothing);
	for (i = 0; i < 64; i++) {
		set_vector(i, HANDLERS + 2 * i);
		memcpy(m.memory + HANDLERS + 2 * i, "\xf4\xcf", 2);
	}
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	real_mode(&sregs);
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_SET_REGS, &regs);
}

static void expect(const char *what, unsigned long got, unsigned long want)
{
	if (got != want)
		errx(1, "%s: 0x%lx, not 0x%lx", what, got, want);
}

/* Run to the next HLT. Returns: of which handler; or -1. */
static int handler(struct kvm_regs *regs)
{
	ASK(m.vcpu, KVM_RUN, 0);
	expect("exit reason", m.run->exit_reason, KVM_EXIT_HLT);
	ASK(m.vcpu, KVM_GET_REGS, regs);
	return regs->rip < HANDLERS ? -1 : ((int)regs->rip - HANDLERS) / 2;
}

struct frame {
	uint16_t ip, cs, flags;
};

static struct frame *frame(const struct kvm_regs *regs)
{
	return (struct frame *)(m.memory + regs->rsp);
}

/* What an exception, or else a PUSHF, has pushed. */
static unsigned int flags(const struct kvm_regs *regs, int nr)
{
	return nr < 0 ? frame(regs)->ip : frame(regs)->flags;
}

/* STI, and a fault for the page of the next instruction: in its shadow. */
static void try_window(const char *what, const char *code, size_t n, int want,
		       unsigned int opens_at)
{
	struct kvm_regs regs;

	start(AT - 1, 0);
	m.memory[AT - 1] = 0xfb;
	memcpy(m.memory + AT, code, n);
	m.run->request_interrupt_window = 1;
	ASK(m.vcpu, KVM_RUN, 0);
	if (m.run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN) {
		ASK(m.vcpu, KVM_GET_REGS, &regs);
		expect(what, regs.rip, opens_at);
		m.run->request_interrupt_window = 0;
		expect(what, handler(&regs), want);
	} else {
		ASK(m.vcpu, KVM_GET_REGS, &regs);
		expect(what, regs.rip, HANDLERS + 2 * want + 1);
	}
	expect(what, flags(&regs, want) & (TF | IF), IF);
	unmake(&m);
}
#define WINDOW(code, want, at) \
	try_window(#code, code, sizeof(code) - 1, want, at)

/*
 * STI and HLT are one step, even where the page of the HLT has to be fetched
 * between them: the window opens at the HLT, and not before it.
 */
static void try_halt(void)
{
	start(AT - 1, 0);
	memcpy(m.memory + AT - 1, "\xfb\xf4", 2);
	m.run->request_interrupt_window = 1;
	ASK(m.vcpu, KVM_RUN, 0);
	expect("STI, HLT", m.run->exit_reason, KVM_EXIT_HLT);
	ASK(m.vcpu, KVM_RUN, 0);
	expect("then", m.run->exit_reason, KVM_EXIT_IRQ_WINDOW_OPEN);
	unmake(&m);
}

static void wait_for_nmi(uint8_t shadow, uint8_t masked)
{
	struct kvm_vcpu_events events;

	ASK(m.vcpu, KVM_GET_VCPU_EVENTS, &events);
	events.nmi.pending = 1;
	events.nmi.masked = masked;
	events.interrupt.shadow = shadow;
	ASK(m.vcpu, KVM_SET_VCPU_EVENTS, &events);
}

/*
 * An NMI waits for the end of a shadow. It comes at offset NMI, and at the end
 * the guest is in handler LAST, or in none, and TRAP is the trap flag pushed.
 * An old reason in DR6 is not taken for ours, and is still there afterwards.
 */
static void try_nmi(const char *what, const char *code, size_t n,
		    unsigned int nmi, int last, unsigned int trap)
{
	struct kvm_debugregs debug;
	struct kvm_regs regs;

	start(AT, 0);
	ASK(m.vcpu, KVM_GET_DEBUGREGS, &debug);
	debug.dr6 |= 1;
	ASK(m.vcpu, KVM_SET_DEBUGREGS, &debug);
	memcpy(m.memory + AT, code, n);
	*frame(&(struct kvm_regs){ .rsp = STACK }) =
		(struct frame){ AT + 8, 0, TF | 2 };
	wait_for_nmi(KVM_X86_SHADOW_INT_MOV_SS, 0);
	expect(what, handler(&regs), 2);
	expect(what, frame(&regs)->ip, AT + nmi);
	expect(what, frame(&regs)->flags & TF, 0);
	ASK(m.vcpu, KVM_GET_DEBUGREGS, &debug);
	expect(what, debug.dr6, 0xffff0ff1);
	expect(what, handler(&regs), last);
	expect(what, flags(&regs, last) & TF, trap);
	unmake(&m);
}
#define NMI(code, ...) try_nmi(#code, code, sizeof(code) - 1, __VA_ARGS__)

/* The NMI's handler returns to a program that is being debugged. */
static void try_return(void)
{
	struct kvm_regs regs;

	start(AT, 0);
	memcpy(m.memory + AT, "\x90\x90\xf4", 3);
	ASK(m.vcpu, KVM_NMI, 0);
	ASK(m.vcpu, KVM_NMI, 0);
	expect("first NMI", handler(&regs), 2);
	frame(&regs)->flags |= TF;
	expect("second NMI", handler(&regs), 2);
	expect("its frame", frame(&regs)->ip, AT);
	expect("its frame's flags", frame(&regs)->flags & TF, TF);
	expect("the trap", handler(&regs), 1);
	expect("the trap's frame", frame(&regs)->ip, AT + 1);
	unmake(&m);
}

/* In long mode the NMI's handler is HLT and IRETQ. */
static void start_long(const char *code, size_t n)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	m = make(MEMORY, nothing, nothing);
	memcpy(m.memory + CODE, code, n);
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	long_mode(&sregs, m.memory, TABLES);
	set_handlers(&sregs, m.memory, 64, 0);
	memcpy(m.memory + HANDLERS + 3, "\x48\xcf", 2);
	sregs.efer |= 1;		/* SYSCALL is there */
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_SET_REGS, &regs);
}

static void to_halt(const char *what, struct kvm_regs *regs, uint64_t rip)
{
	ASK(m.vcpu, KVM_RUN, 0);
	expect("exit reason", m.run->exit_reason, KVM_EXIT_HLT);
	ASK(m.vcpu, KVM_GET_REGS, regs);
	expect(what, regs->rip, rip);
}

/* SYSCALL in a shadow, and the flags that it leaves in R11. */
static void try_syscall(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = {
		{ .nmsrs = 2 },
		{ { .index = 0xc0000081, .data = 8ULL << 32 },
		  { .index = 0xc0000082, .data = HANDLERS + 31 } },
	};
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	start_long("\x0f\x05", 2);
	ASK(m.vcpu, KVM_SET_MSRS, &msrs);
	wait_for_nmi(KVM_X86_SHADOW_INT_MOV_SS, 0);
	to_halt("the NMI's handler", &regs, HANDLERS + 3);
	expect("its frame", *(uint64_t *)(m.memory + regs.rsp), CODE);
	to_halt("the system call", &regs, HANDLERS + 32);
	expect("its flags", regs.r11 & TF, 0);
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	expect("EFER", sregs.efer & 1, 1);
	unmake(&m);
}

/* The NMI's handler returns to nowhere while the next NMI waits. */
static void try_bad_return(void)
{
	struct kvm_regs regs;
	const uint64_t *frames;

	start_long("\x48\xcf", 2);
	wait_for_nmi(0, 1);
	to_halt("the NMI's handler", &regs, HANDLERS + 3);
	frames = (const uint64_t *)(m.memory + regs.rsp);
	expect("the NMI's frame", frames[0], HANDLERS + 13);
	expect("the fault's frame", frames[6], CODE);
	expect("its flags", frames[8] & ~0x10000UL, 2);
	unmake(&m);
}

/*
 * The interrupt's frame has nowhere to go. No device can play that, least of
 * all by executing the instruction that was interrupted, which is INC %AX.
 */
static void try_delivery(bool soft)
{
	struct kvm_regs regs, after;
	struct kvm_interrupt irq = { .irq = 0x20 };
	void *more = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_sregs sregs;

	start(AT, IF);
	memcpy(m.memory + AT, soft ? "\xcd\x20" : "\x40\xf4", 2);
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	sregs.ss.selector = MEMORY >> 4;
	sregs.ss.base = MEMORY;
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_GET_REGS, &regs);
	if (!soft)
		ASK(m.vcpu, KVM_INTERRUPT, &irq);
	ASK(m.vcpu, KVM_RUN, 0);
	expect("exit reason", m.run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	expect("suberror", m.run->internal.suberror,
	       KVM_INTERNAL_ERROR_DELIVERY_EV);
	expect("where", m.run->internal.data[3] & ~0xfffUL, MEMORY + 0x8000);
	ASK(m.vcpu, KVM_GET_REGS, &after);
	if (memcmp(&regs, &after, sizeof(regs)))
		errx(1, "registers have changed");
	set_slot(m.vm, 1, MEMORY, 0x10000, more);
	expect("mended", handler(&regs), 0x20);
	expect("its frame", *(uint16_t *)(more + regs.rsp),
	       soft ? AT + 2 : AT);
	unmake(&m);
	munmap(more, 0x10000);
}

/* No processor enters this, and the VMM can still see what it was. */
static void try_refused(void)
{
	struct kvm_sregs sregs, after;
	struct kvm_interrupt irq = { .irq = 0x20 };
	struct kvm_vcpu_events events;
	struct kvm_regs regs, regs_after;

	start_long("\x90\xf4", 2);
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs.db = 1;		/* beside the bit for long mode */
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_GET_REGS, &regs);
	ASK(m.vcpu, KVM_INTERRUPT, &irq);
	ASK(m.vcpu, KVM_RUN, 0);
	expect("exit reason", m.run->exit_reason, KVM_EXIT_FAIL_ENTRY);
	ASK(m.vcpu, KVM_GET_REGS, &regs_after);
	ASK(m.vcpu, KVM_GET_SREGS, &after);
	sregs.interrupt_bitmap[0] = 1ULL << 0x20;
	if (memcmp(&regs, &regs_after, sizeof(regs)) ||
	    memcmp(&sregs, &after, sizeof(sregs)))
		errx(1, "registers have changed");
	sregs.cs.db = 0;
	memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
	ASK(m.vcpu, KVM_GET_VCPU_EVENTS, &events);
	events.interrupt.injected = 0;
	ASK(m.vcpu, KVM_SET_VCPU_EVENTS, &events);
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	to_halt("mended", &regs, CODE + 2);
	unmake(&m);
}

int main(void)
{
	open_kvm();
	alarm(30);
	try_halt();
	WINDOW("\x9c\x90\xf4", -1, AT + 1);		/* pushf */
	WINDOW("\xcd\x20", 0x20, 0);			/* int $0x20 */
	WINDOW("\xcc", 3, 0);				/* int3 */
	WINDOW("\x0f\x0b", 6, 0);			/* ud2 */
	NMI("\x90\xf4", 1, -1, 0);
	NMI("\x9c\xf4", 0, -1, 0);			/* pushf */
	NMI("\xcd\x20", 0, 0x20, 0);
	NMI("\xcc", 0, 3, 0);
	NMI("\x0f\x0b", 0, 6, 0);
	NMI("\x9d\x9c\xf4", 0, -1, 0);			/* popf; pushf */
	NMI("\xcf", 0, 1, TF);				/* iret */
	try_return();
	try_syscall();
	try_bad_return();
	try_delivery(false);
	try_delivery(true);
	try_refused();
	printf("nothing shows\n");
	return 0;
}
