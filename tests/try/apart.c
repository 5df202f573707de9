// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests and threads of the host use the registers that the hardware does not
 * exchange between them: vectors, XCR0, PKRU, TSC_AUX. There are more of both
 * than CPUs, so each meets the other's leavings. Each checks its own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include "machine.h"

#define MEMORY 0x200000
#define TABLES 0x10000
#define THREADS 3	/* of each kind */
#define ROUNDS 2000

/*
 * The guest: everything is zero at first; then, for ever, a number goes into
 * both halves of YMM7, time passes, and it is still there; PKRU and XCR0 get
 * values that the host would not survive, time passes, and they are there.
 * After each 64 turns it says so. It halts where something is not right.
 */
GUEST(guest, 64,
	"	or	%rcx, %rax\n"
	"	or	%rbx, %rax\n"
	"	or	%rsi, %rax\n"
	"	or	%rdi, %rax\n"
	"	or	%rbp, %rax\n"
	"	or	%r8, %rax\n"
	"	or	%r15, %rax\n"
	"	movq	%xmm0, %rcx\n"
	"	or	%rcx, %rax\n"
	"	movq	%xmm15, %rcx\n"
	"	or	%rcx, %rax\n"
	"	jnz	wrong\n"
	"	xor	%ebx, %ebx\n"
	"turn:\n"
	"	xor	%ecx, %ecx\n"
	"	xor	%edx, %edx\n"
	"	mov	$7, %eax\n"
	"	xsetbv\n"
	"	inc	%ebx\n"
	"	movd	%ebx, %xmm7\n"
	"	vbroadcastss %xmm7, %ymm7\n"
	"	mov	$30000, %ecx\n"
	"1:	loop	1b\n"
	"	vextractf128 $1, %ymm7, %xmm8\n"
	"	movd	%xmm8, %eax\n"
	"	cmp	%eax, %ebx\n"
	"	jne	wrong\n"
	"	movd	%xmm7, %eax\n"
	"	cmp	%eax, %ebx\n"
	"	jne	wrong\n"
	"	xor	%ecx, %ecx\n"
	"	mov	$0x55555550, %eax\n"
	"	wrpkru\n"
	"	mov	$1, %eax\n"
	"	xsetbv\n"
	"	mov	$5000, %ecx\n"
	"2:	loop	2b\n"
	"	test	$63, %ebx\n"
	"	jnz	3f\n"
	"	out	%al, $0x80\n"
	"3:	xgetbv\n"
	"	cmp	$1, %eax\n"
	"	jne	wrong\n"
	"	rdpkru\n"
	"	cmp	$0x55555550, %eax\n"
	"	jne	wrong\n"
	"	rdtscp\n"
	"	or	%ecx, %ecx\n"
	"	jz	turn\n"
	"wrong:");

static atomic_int reports;

/* With XSAVE and keys on. */
static void set_registers(const struct machine *m)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	ASK(m->vcpu, KVM_GET_SREGS, &sregs);
	long_mode(&sregs, m->memory, TABLES);
	sregs.cr4 |= 0x440000;
	sregs.cr0 = 0x80010033;
	ASK(m->vcpu, KVM_SET_SREGS, &sregs);
	ASK(m->vcpu, KVM_SET_REGS, &regs);
}

static void *run_guest(void *arg)
{
	struct machine m = make(MEMORY, guest, guest_end);
	struct kvm_regs regs;

	(void)arg;
	/* Where XSETBV stops the guest, as on QEMU 10, its CPUID is asked. */
	ASK(m.vcpu, KVM_SET_CPUID2, offered());
	set_registers(&m);
	while (!ASK(m.vcpu, KVM_RUN, 0) && m.run->exit_reason == KVM_EXIT_IO)
		reports++;
	ASK(m.vcpu, KVM_GET_REGS, &regs);
	errx(1, "guest: exit reason %u at 0x%llx, rax 0x%llx",
	     m.run->exit_reason, regs.rip, regs.rax);
}

static uint32_t rdpkru(void)
{
	uint32_t value, high;

	asm volatile("rdpkru" : "=a" (value), "=d" (high) : "c" (0));
	return value;
}

static void check_registers(uint32_t pkru)
{
	uint32_t xcr0, aux;

	asm volatile("xgetbv" : "=a" (xcr0) : "c" (0) : "rdx");
	asm volatile("rdtscp" : "=c" (aux) : : "rax", "rdx");
	if ((xcr0 & 7) != 7)
		errx(1, "host: XCR0 is 0x%x", xcr0);
	if (rdpkru() != pkru)
		errx(1, "host: PKRU is 0x%x and was 0x%x", rdpkru(), pkru);
	if ((aux & 0xfff) >= sysconf(_SC_NPROCESSORS_CONF))
		errx(1, "host: TSC_AUX is 0x%x", aux);
}

static void *run_host(void *arg)
{
	uint64_t number[4] = { (uintptr_t)&arg }, low[4], high[4];
	uint32_t pkru = rdpkru();
	int i;

	for (i = 0; i < ROUNDS || reports < THREADS; i++) {
		number[i & 3] = number[~i & 3] * 6364136223846793005 + i;
		asm volatile("vmovdqu	%2, %%ymm7\n"
			     "	vmovdqu	%2, %%ymm15\n"
			     "	mov	$30000, %%ecx\n"
			     "1:	loop	1b\n"
			     "	vmovdqu	%%ymm7, %0\n"
			     "	vmovdqu	%%ymm15, %1\n"
			     : "=m" (low), "=m" (high) : "m" (number)
			     : "rcx", "xmm7", "xmm15");
		if (memcmp(low, number, sizeof(number)) ||
		    memcmp(high, number, sizeof(number)))
			errx(1, "host: vectors lost in round %d", i);
		check_registers(pkru);
	}
	return NULL;
}

int main(void)
{
	pthread_t host[THREADS], other;
	int i;

	open_kvm();
	alarm(200);	/* where the guests make no progress */
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&other, NULL, run_guest, NULL) ||
		    pthread_create(&host[i], NULL, run_host, NULL))
			errx(1, "no threads");
	for (i = 0; i < THREADS; i++)
		pthread_join(host[i], NULL);
	puts("apart");
	return 0;
}
