// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests and threads of the host use the registers that the hardware does not
 * exchange between them: vectors, XCR0, PKRU, TSC_AUX. There are more of both
 * than CPUs, so each meets the other's leavings. Each checks its own.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY 0x200000
#define CODE 0x1000
#define TABLES 0x10000
#define PORT 0x80
#define THREADS 3	/* of each kind */
#define ROUNDS 2000

/*
 * The guest: everything is zero at first; then, for ever, a number goes into
 * both halves of YMM7, time passes, and it is still there; PKRU and XCR0 get
 * values that the host would not survive, time passes, and they are there.
 * After each 64 turns it says so. It halts where something is not right.
 */
asm(".pushsection .rodata\n"
	"guest:\n"
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
	"wrong:	hlt\n"
	"guest_end:\n"
	".popsection");
extern const uint8_t guest[], guest_end[];

static atomic_int reports;

static int ask(int fd, const char *what, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0 && !(request == KVM_RUN && errno == EINTR))
		err(1, "%s", what);
	return r;
}

#define ASK(fd, request, arg) \
	ask(fd, #request, request, (void *)(uintptr_t)(arg))

/* Long mode, the first 2 MiB mapped to themselves, XSAVE and keys on. */
static void set_registers(int vcpu, uint8_t *memory)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 0xb,
		.present = 1, .l = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_regs regs = { .rip = CODE, .rsp = CODE, .rflags = 2 };
	struct kvm_sregs sregs;
	uint64_t *table = (uint64_t *)(memory + TABLES);

	table[0] = TABLES + 0x1007;
	table[512] = TABLES + 0x2007;
	table[1024] = 0x87;
	data.type = 3;
	data.l = 0;
	data.db = 1;
	ASK(vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = TABLES;
	sregs.cr4 = 0x440620;
	sregs.cr0 = 0x80010033;
	sregs.efer = 0x500;
	ASK(vcpu, KVM_SET_SREGS, &sregs);
	ASK(vcpu, KVM_SET_REGS, &regs);
}

static void *run_guest(void *arg)
{
	int kvm = (intptr_t)arg;
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
	struct kvm_regs regs;

	if (run == MAP_FAILED || memory == MAP_FAILED)
		err(1, "mmap");
	memcpy(memory + CODE, guest, guest_end - guest);
	ASK(vm, KVM_SET_USER_MEMORY_REGION, &region);
	set_registers(vcpu, memory);
	while (!ASK(vcpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_IO)
		reports++;
	ASK(vcpu, KVM_GET_REGS, &regs);
	errx(1, "guest: exit reason %u at 0x%llx, rax 0x%llx",
	     run->exit_reason, regs.rip, regs.rax);
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
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	pthread_t host[THREADS], other;
	int i;

	if (kvm < 0)
		err(1, "/dev/kvm");
	alarm(100);	/* where the guests make no progress */
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&other, NULL, run_guest,
				   (void *)(intptr_t)kvm) ||
		    pthread_create(&host[i], NULL, run_host, NULL))
			errx(1, "no threads");
	for (i = 0; i < THREADS; i++)
		pthread_join(host[i], NULL);
	puts("apart");
	return 0;
}
