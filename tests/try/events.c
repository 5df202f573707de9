// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts, NMIs and exceptions, as a VMM gives them and a guest sees them.
 * The guests are in real mode. What they do is printed as they do it, each a
 * letter on port 0xe9, and so is what the VMM sees and does.
 */
#include <pthread.h>
#include <signal.h>
#include "machine.h"

#define MEMORY 0x20000
#define STACK 0x9000	/* in a page that nobody has touched */
#define PORT 0xe9

/* A handler for interrupt 0x20 says i; for NMI, n, w, x; for #GP, g. */
GUEST(handlers, 16,
	"	mov	$'i', %al\n"
	"	out	%al, $0xe9\n"
	"	iretw\n"
	"	.org	handlers + 0x20\n"
	"	mov	$'n', %al\n"
	"	out	%al, $0xe9\n"
	"	mov	$'w', %al\n"
	"	out	%al, $0xe9\n"
	"	mov	$'x', %al\n"
	"	out	%al, $0xe9\n"
	"	iretw\n"
	"	.org	handlers + 0x40\n"
	"	mov	$'g', %al\n"
	"	out	%al, $0xe9\n"
	"	pop	%ax\n"
	"	add	$2, %ax\n"	/* over RDMSR and the like */
	"	push	%ax\n"
	"	iretw");

#define SAY(letter) "mov $'" letter "', %al; out %al, $0xe9;"

GUEST(sleeps, 16, SAY("a") "sti; hlt;" SAY("b"));
GUEST(is_busy, 16, SAY("a") SAY("b") "sti; nop;" SAY("c") "cli");
GUEST(is_deaf, 16, SAY("a") "cli; hlt;" SAY("b"));
GUEST(faults, 16, SAY("a") "mov $0x12345678, %ecx; rdmsr;" SAY("b")
      "wrmsr; sti; hlt");
GUEST(masks, 16, SAY("a") "cli;" SAY("b") SAY("c"));
GUEST(spins, 16, "1: jmp 1b");
GUEST(circles, 16, "1: cpuid; incw 0x7000; jmp 1b");

static struct machine m;

static void set_vector(unsigned int nr, uint16_t ip)
{
	uint16_t entry[2] = { ip, 0 };

	memcpy(m.memory + nr * 4, entry, 4);
}

static void start(const char *name, const uint8_t *from, const uint8_t *to)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	printf("\n%s: ", name);
	m = make(MEMORY, from, to);
	memcpy(m.memory + HANDLERS, handlers, handlers_end - handlers);
	set_vector(0x20, HANDLERS);
	set_vector(2, HANDLERS + 0x20);
	set_vector(13, HANDLERS + 0x40);
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	real_mode(&sregs);
	ASK(m.vcpu, KVM_SET_SREGS, &sregs);
	ASK(m.vcpu, KVM_SET_REGS, &regs);
}

#define START(guest) start(#guest, guest, guest##_end)

static void interrupt(unsigned int nr)
{
	struct kvm_interrupt irq = { .irq = nr };

	printf("[interrupt]");
	ASK(m.vcpu, KVM_INTERRUPT, &irq);
}

/* Run until something else than a letter; or until the letter LAST. */
static void go(char last)
{
	char letter;

	for (;;) {
		ASK(m.vcpu, KVM_RUN, 0);
		if (m.run->exit_reason != KVM_EXIT_IO || m.run->io.port != PORT)
			break;
		letter = ((const char *)m.run)[m.run->io.data_offset];
		putchar(letter);
		if (letter == last)
			return;
	}
	if (m.run->exit_reason == KVM_EXIT_HLT)
		printf("[halt, %sready]",
		       m.run->ready_for_interrupt_injection ? "" : "not ");
	else if (m.run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN)
		printf("[window]");
	else
		printf("[exit reason %u]", m.run->exit_reason);
}

static void show_events(void)
{
	struct kvm_vcpu_events events;

	ASK(m.vcpu, KVM_GET_VCPU_EVENTS, &events);
	printf("[exception %d, interrupt %d/0x%x, nmi %d/%d/%d]",
	       events.exception.injected, events.interrupt.injected,
	       events.interrupt.injected ? events.interrupt.nr : 0,
	       events.nmi.injected, events.nmi.pending, events.nmi.masked);
}

static void try_interrupts(void)
{
	START(sleeps);
	go(0);
	interrupt(0x20);
	go(0);
	unmake(&m);

	START(is_busy);
	go('a');
	m.run->request_interrupt_window = 1;
	go(0);
	m.run->request_interrupt_window = 0;
	interrupt(0x20);
	go(0);
	unmake(&m);

	START(is_deaf);			/* and is woken all the same */
	go(0);
	interrupt(0x20);
	go(0);
	unmake(&m);
}

static void try_nmis(void)
{
	START(masks);
	go('a');
	ASK(m.vcpu, KVM_NMI, 0);
	show_events();
	go('w');
	show_events();
	ASK(m.vcpu, KVM_NMI, 0);
	ASK(m.vcpu, KVM_NMI, 0);
	ASK(m.vcpu, KVM_NMI, 0);
	go('c');
	show_events();
	go(0);
	unmake(&m);

	START(masks);			/* two of three are kept, one is told */
	go('a');
	ASK(m.vcpu, KVM_NMI, 0);
	ASK(m.vcpu, KVM_NMI, 0);
	ASK(m.vcpu, KVM_NMI, 0);
	show_events();
	go('n');
	show_events();
	go(0);
	unmake(&m);
}

static void try_exceptions(void)
{
	struct kvm_vcpu_events events;

	START(faults);
	go(0);
	show_events();
	interrupt(0x20);
	show_events();
	go(0);
	ASK(m.vcpu, KVM_GET_VCPU_EVENTS, &events);
	events.exception.injected = 1;
	events.exception.nr = 32;
	if (ioctl(m.vcpu, KVM_SET_VCPU_EVENTS, &events) < 0)
		printf("[%s]", strerror(errno));
	events.exception.nr = 13;
	ASK(m.vcpu, KVM_SET_VCPU_EVENTS, &events);
	show_events();
	go('g');
	unmake(&m);
}

static void try_requests(void)
{
	struct kvm_interrupt irq = { .irq = 256 };
	struct kvm_sregs sregs;
	unsigned int i;

	START(is_deaf);
	if (ioctl(m.vcpu, KVM_INTERRUPT, &irq) < 0)
		printf("[256: %s]", strerror(errno));
	interrupt(0x41);
	ASK(m.vcpu, KVM_GET_SREGS, &sregs);
	for (i = 0; i < 256; i++)
		if (sregs.interrupt_bitmap[i / 64] >> (i % 64) & 1)
			printf("[bit 0x%x]", i);
	m.run->cr8 = 16;
	if (ioctl(m.vcpu, KVM_RUN, 0) < 0)
		printf("[cr8 of 16: %s]", strerror(errno));
	unmake(&m);
}

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled = 1;
}

/* A blocked signal is not blocked in the guest. */
static void try_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct { struct kvm_signal_mask mask; uint64_t set; } open = {
		.mask.len = 8,
	};
	sigset_t set;

	START(spins);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memset(open.mask.sigset, 0, 8);
	ASK(m.vcpu, KVM_SET_SIGNAL_MASK, &open);
	raise(SIGUSR1);
	printf("[handled before: %d]", handled);
	if (ioctl(m.vcpu, KVM_RUN, 0) < 0)
		printf("[%s]", strerror(errno));
	printf("[handled after: %d]", handled);
	sigprocmask(SIG_BLOCK, NULL, &set);
	printf("[blocked: %d]", sigismember(&set, SIGUSR1));
	open.mask.len = 4;
	if (ioctl(m.vcpu, KVM_SET_SIGNAL_MASK, &open) < 0)
		printf("[length 4: %s]", strerror(errno));
	unmake(&m);
}

/* Exits that are answered at once must not keep everybody else out. */
static void *take_back(void *main_thread)
{
	volatile uint16_t *count = (uint16_t *)(m.memory + 0x7000);
	int i;

	for (i = 0; i < 20; i++) {
		while (!*count)
			;
		madvise(m.memory + 0x7000, 0x1000, MADV_DONTNEED);
	}
	printf("[taken back %d times]", i);
	pthread_kill(*(pthread_t *)main_thread, SIGUSR2);
	return NULL;
}

static void try_circles(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), other;

	START(circles);
	sigaction(SIGUSR2, &action, NULL);
	pthread_create(&other, NULL, take_back, &self);
	if (ioctl(m.vcpu, KVM_RUN, 0) < 0)
		printf("[%s]", strerror(errno));
	pthread_join(other, NULL);
	unmake(&m);
}

int main(void)
{
	open_kvm();
	alarm(30);
	try_interrupts();
	try_nmis();
	try_exceptions();
	try_requests();
	try_signals();
	try_circles();
	putchar('\n');
	return 0;
}
