// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that a VMM and its guest both reach: what they are in a new
 * machine, who sees what the other wrote, and what CPUID promises of them. With
 * an argument: what KVM does otherwise.
 */
#include "machine.h"

#define MEMORY 0x200000
#define TABLES 0x10000

#define MSR_TSC 0x10
#define MSR_APIC_BASE 0x1b
#define MSR_TSC_ADJUST 0x3b
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

static int msr(int vcpu, unsigned long request, uint32_t index, uint64_t *value)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry entry; } m = {
		.head.nmsrs = 1, .entry.index = index, .entry.data = *value,
	};
	int r = ioctl(vcpu, request, &m);

	*value = m.entry.data;
	return r;
}

static int set_msr(int vcpu, uint32_t index, uint64_t value)
{
	return msr(vcpu, KVM_SET_MSRS, index, &value);
}

/* All ones where there is no such register. */
static uint64_t get_msr(int vcpu, uint32_t index)
{
	uint64_t value = 0;

	return msr(vcpu, KVM_GET_MSRS, index, &value) == 1 ? value : ~0ULL;
}

/* WRMSR and RDMSR; what is read goes to RSI and RDI. */
GUEST(write_and_read, 64,
	"	wrmsr\n"
	"	rdmsr\n"
	"	mov	%rax, %rsi\n"
	"	mov	%rdx, %rdi\n");

/* As the guest: true where WRMSR and RDMSR both went well. */
static int guest_writes(const struct machine *m, uint32_t index, uint64_t value,
			uint64_t *read)
{
	struct kvm_regs r = { .rip = CODE, .rflags = 2, .rsp = 0x8000,
			      .rcx = index, .rax = (uint32_t)value,
			      .rdx = value >> 32 };
	struct kvm_sregs s;

	memcpy(m->memory + CODE, write_and_read,
	       write_and_read_end - write_and_read);
	ASK(m->vcpu, KVM_GET_SREGS, &s);
	long_mode(&s, m->memory, TABLES);
	set_handlers(&s, m->memory, 64, 0);
	ASK(m->vcpu, KVM_SET_SREGS, &s);
	ASK(m->vcpu, KVM_SET_REGS, &r);
	ASK(m->vcpu, KVM_RUN, 0);
	ASK(m->vcpu, KVM_GET_REGS, &r);
	*read = r.rdi << 32 | r.rsi;
	return m->run->exit_reason == KVM_EXIT_HLT &&
	       r.rip < HANDLERS;
}

static void guest_says(const struct machine *m, uint32_t index, uint64_t value)
{
	uint64_t read;

	if (guest_writes(m, index, value, &read))
		printf("guest %x %llx: %llx\n", index,
		       (unsigned long long)value, (unsigned long long)read);
	else
		printf("guest %x %llx: #GP\n", index,
		       (unsigned long long)value);
}

static void try_new(const struct machine *m, const struct machine *other)
{
	printf("APIC base %llx, of the second %llx\n",
	       (unsigned long long)get_msr(m->vcpu, MSR_APIC_BASE),
	       (unsigned long long)get_msr(other->vcpu, MSR_APIC_BASE));
}

/* The guest's own clock. */
GUEST(reads_time, 64,
	"	rdtsc\n"
	"	shl	$32, %rdx\n"
	"	or	%rdx, %rax\n");

static uint64_t time_of(const struct machine *m)
{
	struct kvm_regs r = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs s;

	memcpy(m->memory + CODE, reads_time, reads_time_end - reads_time);
	ASK(m->vcpu, KVM_GET_SREGS, &s);
	long_mode(&s, m->memory, TABLES);
	ASK(m->vcpu, KVM_SET_SREGS, &s);
	ASK(m->vcpu, KVM_SET_REGS, &r);
	ASK(m->vcpu, KVM_RUN, 0);
	ASK(m->vcpu, KVM_GET_REGS, &r);
	return r.rax;
}

/* As far apart as it takes to read them, and a tenth of a second. */
static int together(const struct machine *m, const struct machine *other)
{
	uint64_t slack = ioctl(m->vcpu, KVM_GET_TSC_KHZ, 0) * 100ULL;
	uint64_t before = time_of(m), between = time_of(other);
	uint64_t after = time_of(m);

	return before <= between + slack && between <= after + slack;
}

static void try_tsc(const struct machine *m, const struct machine *other)
{
	uint64_t far = 1ULL << 40;

	printf("new: together %d\n", together(m, other));
	set_msr(m->vcpu, MSR_TSC, 0);
	usleep(400000);
	set_msr(other->vcpu, MSR_TSC, 0);
	printf("0 and 0: together %d\n", together(m, other));
	set_msr(m->vcpu, MSR_TSC, far);
	printf("far: together %d\n", together(m, other));
	usleep(400000);
	set_msr(other->vcpu, MSR_TSC, far);
	printf("far and far: together %d, %d\n", together(m, other),
	       time_of(other) > far);
	set_msr(other->vcpu, MSR_TSC, time_of(m));
	printf("what the first has: together %d\n", together(m, other));
	set_msr(other->vcpu, MSR_TSC, 1);
	printf("1: together %d\n", together(m, other));
	set_msr(m->vcpu, MSR_TSC, 0);
	printf("0, as the other: together %d, %d\n", together(m, other),
	       time_of(m) < far);
}

static void must(int good, const char *what)
{
	if (!good)
		errx(1, "%s", what);
}

/*
 * A guest's own write is for its own vCPU. (Where the host's counter is not to
 * be relied on, as under QEMU, KVM makes the guest's up from its clock at the
 * next run, and the write is forgotten.)
 */
static void try_alone(const struct machine *m, const struct machine *other)
{
	uint64_t far = 1ULL << 40, read;

	set_msr(m->vcpu, MSR_TSC, far);
	set_msr(other->vcpu, MSR_TSC, far);
	must(together(m, other), "far and far");
	must(guest_writes(m, MSR_TSC, 5, &read) && read < far, "it reads 5");
	must(!together(m, other), "its own alone");
	must((int64_t)get_msr(m->vcpu, MSR_TSC_ADJUST) < 0, "adjusted");
	must(guest_writes(m, MSR_TSC_ADJUST, 0, &read) && !read, "to nothing");
	must(together(m, other), "adjusted back");
	set_msr(m->vcpu, MSR_TSC_ADJUST, far);
	must(together(m, other), "the VMM's write changes no time");
	must(guest_writes(m, MSR_TSC_ADJUST, far, &read) && read == far,
	     "the same again");
	must(together(m, other), "changes nothing");
}

static void try_sysenter(const struct machine *m)
{
	uint64_t wide = 0xffff888012345678;

	guest_says(m, MSR_SYSENTER_ESP, wide);
	guest_says(m, MSR_SYSENTER_EIP, wide);
	printf("VMM: %llx\n",
	       (unsigned long long)get_msr(m->vcpu, MSR_SYSENTER_ESP));
	set_msr(m->vcpu, MSR_SYSENTER_ESP, wide);
	printf("set: %llx\n",
	       (unsigned long long)get_msr(m->vcpu, MSR_SYSENTER_ESP));
}

/* Registers that say how memory is cached, and which banks found errors. */
static void try_kept(const struct machine *m)
{
	static const struct { uint32_t index; uint64_t value; } write[] = {
		{ 0xfe, 0 }, { 0x2ff, 0xc06 }, { 0x2ff, 0x1000 }, { 0x2ff, 2 },
		{ 0x250, 0x0606060606060606 }, { 0x250, 2 }, { 0x258, 6 },
		{ 0x26f, 0x0101010101010101 }, { 0x270, 0 },
		{ 0x200, 0xfee00006 }, { 0x200, 0x106 }, { 0x200, 1ULL << 60 },
		{ 0x201, 0xffff0800 }, { 0x201, 0x400 }, { 0x20f, 0x800 },
		{ 0x210, 0 },
		{ 0x179, 1 }, { 0x17a, 5 },
		{ 0x400, ~0ULL }, { 0x400, 5 }, { 0x401, 0 }, { 0x401, 1 },
		{ 0x402, 0x1234 }, { 0x47f, 7 }, { 0x480, 0 },
	};
	unsigned int i;

	printf("caps: %llx %llx\n", (unsigned long long)get_msr(m->vcpu, 0xfe),
	       (unsigned long long)get_msr(m->vcpu, 0x179));
	for (i = 0; i < sizeof(write) / sizeof(write[0]); i++) {
		guest_says(m, write[i].index, write[i].value);
		printf("VMM %d: %llx\n",
		       set_msr(m->vcpu, write[i].index, write[i].value),
		       (unsigned long long)get_msr(m->vcpu, write[i].index));
	}
}

static uint32_t *word(struct kvm_cpuid2 *cpuid, uint32_t leaf, uint32_t index,
		      int reg)
{
	unsigned int i;

	for (i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == leaf && e->index == index)
			return &e->eax + reg;
	}
	errx(1, "CPUID %x is not offered", leaf);
}

enum { EAX, EBX, ECX, EDX };

static void try_offer(void)
{
	struct kvm_cpuid2 *cpuid = offered();
	uint32_t edx = *word(cpuid, 1, 0, EDX);
	uint32_t too = *word(cpuid, 0x80000001, 0, EDX);

	printf("MCE %d APIC %d MTRR %d MCA %d, and again %d %d %d %d\n",
	       edx >> 7 & 1, edx >> 9 & 1, edx >> 12 & 1, edx >> 14 & 1,
	       too >> 7 & 1, too >> 9 & 1, too >> 12 & 1, too >> 14 & 1);
	printf("TSC_ADJUST %d PKU %d, XSAVE states %x\n",
	       *word(cpuid, 7, 0, EBX) >> 1 & 1,
	       *word(cpuid, 7, 0, ECX) >> 3 & 1,
	       *word(cpuid, 0xd, 0, EAX) & 0x207);
}

/* CR4 and XCR0 by request: what the guest was not told is not there. */
static void try_told(const struct machine *m, const char *what)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	struct kvm_sregs s;
	unsigned int bit;

	printf("%s: CR4", what);
	ASK(m->vcpu, KVM_GET_SREGS, &s);
	s.cr0 = 0x10;
	s.efer = s.cs.l = 0;
	for (bit = 0; bit < 32; bit++) {
		s.cr4 = 1U << bit;
		if (!ioctl(m->vcpu, KVM_SET_SREGS, &s))
			printf(" %u", bit);
	}
	printf(", XCR0");
	for (bit = 0; bit < 32; bit++) {
		xcrs.xcrs[0].value = 1U << bit | 1 | (bit == 2 ? 2 : 0);
		if (!ioctl(m->vcpu, KVM_SET_XCRS, &xcrs))
			printf(" %u", bit);
	}
	printf("\n");
	s.cr4 = 0;
	ASK(m->vcpu, KVM_SET_SREGS, &s);
	xcrs.xcrs[0].value = 1;
	ASK(m->vcpu, KVM_SET_XCRS, &xcrs);
}

/* Every state that the buffer has something of. */
static void show_xsave(const struct machine *m)
{
	struct kvm_xsave x;
	unsigned int i;

	ASK(m->vcpu, KVM_GET_XSAVE, &x);
	printf("XSAVE:");
	for (i = 0; i < sizeof(x.region) / sizeof(x.region[0]); i++)
		if (x.region[i])
			printf(" %u:%x", i, x.region[i]);
	printf("\n");
}

static void try_xsave(const struct machine *m)
{
	struct kvm_xsave x;

	ASK(m->vcpu, KVM_GET_XSAVE, &x);
	x.region[128] = 0x207;		/* x87, SSE, AVX, PKRU */
	x.region[144] = 0x1234;		/* YMM0, its upper half */
	x.region[672] = 0x55555550;	/* PKRU */
	printf("set: %d\n", ioctl(m->vcpu, KVM_SET_XSAVE, &x));
	show_xsave(m);
}

static struct machine tell(int avx, int pku)
{
	struct machine m = make(MEMORY, write_and_read, write_and_read_end);
	struct kvm_cpuid2 *cpuid = offered();

	*word(cpuid, 1, 0, ECX) &= ~(1 << 17);			/* PCID */
	*word(cpuid, 7, 0, ECX) &= ~(1 << 16);			/* LA57 */
	*word(cpuid, 0xd, 0, EAX) &= 0x207;
	if (!avx) {
		*word(cpuid, 0xd, 0, EAX) &= ~4;
		*word(cpuid, 7, 0, EBX) &= ~(1 << 7 | 1 << 20);	/* SMEP, SMAP */
	}
	if (!pku) {
		*word(cpuid, 0xd, 0, EAX) &= ~0x200;
		*word(cpuid, 7, 0, ECX) &= ~8;
	}
	ASK(m.vcpu, KVM_SET_CPUID2, cpuid);
	return m;
}

int main(int argc, char **argv)
{
	struct machine m, other;

	(void)argv;
	open_kvm();
	try_offer();
	m = tell(1, 1);
	other = m;
	other.vcpu = ASK(m.vm, KVM_CREATE_VCPU, 1);
	other.run = map_run(other.vcpu);
	ASK(other.vcpu, KVM_SET_CPUID2, offered());
	if (argc > 1) {
		try_alone(&m, &other);
		return 0;
	}
	try_new(&m, &other);
	try_tsc(&m, &other);
	try_sysenter(&m);
	try_kept(&m);
	try_told(&m, "all");
	show_xsave(&m);
	try_xsave(&m);
	munmap(other.run, ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(other.vcpu);
	unmake(&m);
	m = tell(1, 0);
	try_told(&m, "no PKU");
	try_xsave(&m);
	unmake(&m);
	m = tell(0, 0);
	try_told(&m, "no AVX, SMEP, SMAP");
	try_xsave(&m);
	unmake(&m);
	return 0;
}
