/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine whose pages come when the program likes, for any hypervisor that
 * speaks KVM's ABI. Its guest, in 32 bits, touches page after page; where it is
 * told that one is absent it leaves that one out, and counts it until it has
 * come. KVM tells only machines that have its interrupt controller in the kernel.
 */
#ifndef LATE_H
#define LATE_H

#include <asm/kvm_para.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Guest-physical addresses, which are the linear ones too. */
#define LATE_GDT	0x800
#define LATE_IDT	0x1000
#define LATE_DIRECTORY	0x2000
#define LATE_NEWS	0x3000		/* struct kvm_vcpu_pv_apf_data */
#define LATE_ABSENT	0x3040		/* pages that it was told of, to come */
#define LATE_HAS_APIC	0x3044
#define LATE_TOLD	0x3048		/* pages that it was ever told of */
#define LATE_LOW	0x4000UL	/* bytes of this, always there */
#define LATE_STACK	LATE_LOW
#define LATE_PAGES	0x40000000UL

#define LATE_PAGE	4096UL
#define LATE_VECTOR	0x30

/* The port it writes to: each is touched; all have come; a fault of its own. */
enum late_port { LATE_TOUCHED = 0x10, LATE_COME, LATE_FAULT };

asm(".pushsection .rodata\n"
    "	.code32\n"
    "late_guest:\n"
    "1:	mov	%al, (%edi)\n"
    "	add	$4096, %edi\n"
    "	dec	%esi\n"
    "	jnz	1b\n"
    "	out	%al, $0x10\n"
    "2:	cli\n"
    "	cmpl	$0, 0x3040\n"
    "	je	3f\n"
    "	sti\n"
    "	hlt\n"
    "	jmp	2b\n"
    "3:	out	%al, $0x11\n"
    "	.org	late_guest + 0x100\n"	/* a page fault */
    "	cmpl	$1, 0x3000\n"
    "	jne	4f\n"
    "	movl	$0, 0x3000\n"
    "	incl	0x3040\n"
    "	incl	0x3048\n"
    "	add	$4, %esp\n"
    "	addl	$2, (%esp)\n"		/* over the MOV */
    "	iret\n"
    "4:	out	%al, $0x12\n"
    "	.org	late_guest + 0x180\n"	/* the interrupt */
    "	push	%eax\n"
    "	push	%ecx\n"
    "	push	%edx\n"
    "	cmpl	$-1, 0x3004\n"		/* of none in particular */
    "	je	5f\n"
    "	decl	0x3040\n"
    "5:	movl	$0, 0x3004\n"
    "	mov	$0x4b564d07, %ecx\n"	/* MSR_KVM_ASYNC_PF_ACK */
    "	mov	$1, %eax\n"
    "	xor	%edx, %edx\n"
    "	wrmsr\n"
    "	cmpl	$0, 0x3044\n"
    "	je	6f\n"
    "	movl	$0, 0xfee000b0\n"	/* the end of the interrupt */
    "6:	pop	%edx\n"
    "	pop	%ecx\n"
    "	pop	%eax\n"
    "	iret\n"
    "late_guest_end:\n"
    "	.code64\n"
    "	.popsection");
extern const uint8_t late_guest[], late_guest_end[];

struct late {
	int vm, vcpu, faults;
	struct kvm_run *run;
	size_t run_size, size;		/* in bytes; of the pages */
	uint8_t *low, *pages;
};

static inline int late_ask(int fd, const char *what, unsigned long request,
			   void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(1, "%s", what);
	return r;
}

#define LATE_ASK(fd, request, arg) \
	late_ask(fd, #request, request, (void *)(uintptr_t)(arg))

static inline void *late_map(size_t size, int flags, int fd)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

static inline void late_slot(int vm, int id, uint64_t gpa, uint64_t size,
			     void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	LATE_ASK(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static inline void late_gate(struct late *l, unsigned int vector, uint32_t to)
{
	uint32_t gate[2] = { 8 << 16 | to, 0x8e00 };

	memcpy(l->low + LATE_IDT + 8 * vector, gate, sizeof(gate));
}

/* Everything is mapped to itself, in pieces of 4 MiB. */
static inline void late_write_low(struct late *l)
{
	uint64_t code = 0x00cf9b000000ffff;
	uint32_t i, entry;

	memcpy(l->low, late_guest, late_guest_end - late_guest);
	memcpy(l->low + LATE_GDT + 8, &code, sizeof(code));
	late_gate(l, 14, 0x100);
	late_gate(l, LATE_VECTOR, 0x180);
	for (i = 0; i < 1024; i++) {
		entry = i << 22 | 0x83;
		memcpy(l->low + LATE_DIRECTORY + 4 * i, &entry, sizeof(entry));
	}
}

static inline void late_set_mode(int vcpu)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 0xb, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_sregs s;

	LATE_ASK(vcpu, KVM_GET_SREGS, &s);
	s.cs = s.ds = s.es = s.ss = code;
	s.ds.type = s.es.type = s.ss.type = 3;
	s.idt.base = LATE_IDT;
	s.idt.limit = 0x1ff;
	s.gdt.base = LATE_GDT;
	s.gdt.limit = 15;
	s.cr3 = LATE_DIRECTORY;
	s.cr4 = 0x10;
	s.cr0 |= 0x80000001;
	LATE_ASK(vcpu, KVM_SET_SREGS, &s);
}

static inline void late_switch_apic_on(int vcpu)
{
	struct kvm_lapic_state apic;

	LATE_ASK(vcpu, KVM_GET_LAPIC, &apic);
	apic.regs[0xf1] |= 1;
	LATE_ASK(vcpu, KVM_SET_LAPIC, &apic);
}

/* A machine with one vCPU and N pages, of DEVICE. Nothing is absent yet. */
static inline struct late late_make(int device, unsigned int n)
{
	struct late l = { .size = n * LATE_PAGE, .faults = -1 };
	int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	bool apic;

	l.vm = LATE_ASK(device, KVM_CREATE_VM, 0);
	l.low = late_map(LATE_LOW, anonymous, -1);
	l.pages = late_map(l.size, anonymous, -1);
	late_write_low(&l);
	late_slot(l.vm, 0, 0, LATE_LOW, l.low);
	late_slot(l.vm, 1, LATE_PAGES, l.size, l.pages);
	apic = !ioctl(l.vm, KVM_CREATE_IRQCHIP, 0);
	l.low[LATE_HAS_APIC] = apic;
	l.vcpu = LATE_ASK(l.vm, KVM_CREATE_VCPU, 0);
	l.run_size = LATE_ASK(device, KVM_GET_VCPU_MMAP_SIZE, 0);
	l.run = late_map(l.run_size, MAP_SHARED, l.vcpu);
	late_set_mode(l.vcpu);
	if (apic)
		late_switch_apic_on(l.vcpu);
	return l;
}

static inline void late_unmake(struct late *l)
{
	munmap(l->run, l->run_size);
	close(l->vcpu);
	close(l->vm);
	close(l->faults);
	munmap(l->low, LATE_LOW);
	munmap(l->pages, l->size);
}

/* From now on no page is there before late_give(). */
static inline void late_take_away(struct late *l)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)l->pages, l->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	l->faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (l->faults < 0)
		err(1, "userfaultfd");
	LATE_ASK(l->faults, UFFDIO_API, &api);
	LATE_ASK(l->faults, UFFDIO_REGISTER, &range);
	madvise(l->pages, l->size, MADV_DONTNEED);
}

/* Returns: as KVM_SET_MSRS, that is, 1 if the value was accepted. */
static inline int late_set_msr(const struct late *l, uint32_t index,
			       uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { { .nmsrs = 1 }, { .index = index, .data = value } };

	return ioctl(l->vcpu, KVM_SET_MSRS, &msr);
}

static inline bool late_tell(const struct late *l)
{
	return late_set_msr(l, MSR_KVM_ASYNC_PF_INT, LATE_VECTOR) == 1 &&
	       late_set_msr(l, MSR_KVM_ASYNC_PF_EN, LATE_NEWS |
			    KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
			    KVM_ASYNC_PF_DELIVERY_AS_INT) == 1;
}

/* About to touch N pages from number FIRST on. */
static inline void late_begin(const struct late *l, unsigned int first,
			      unsigned int n)
{
	struct kvm_regs regs = {
		.rflags = 0x202, .rsp = LATE_STACK, .rax = 7,
		.rdi = LATE_PAGES + first * LATE_PAGE, .rsi = n,
	};

	LATE_ASK(l->vcpu, KVM_SET_REGS, &regs);
}

/* Returns: the port that the guest comes to; or -1, and errno. */
static inline int late_run(const struct late *l)
{
	if (ioctl(l->vcpu, KVM_RUN, 0))
		return -1;
	if (l->run->exit_reason != KVM_EXIT_IO)
		errx(1, "exit reason %u", l->run->exit_reason);
	return l->run->io.port;
}

/* Returns: the address of a page that is wanted; NULL, none within MS. */
static inline void *late_wanted(const struct late *l, int ms)
{
	struct pollfd file = { .fd = l->faults, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&file, 1, ms) != 1 ||
	    read(l->faults, &msg, sizeof(msg)) != sizeof(msg))
		return NULL;
	return (void *)(msg.arg.pagefault.address & -LATE_PAGE);
}

static inline void late_give(const struct late *l, void *page)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)page, LATE_PAGE },
	};

	if (ioctl(l->faults, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST)
		err(1, "UFFDIO_ZEROPAGE");
}

#endif
