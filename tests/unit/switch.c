// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands in the processor's registers on each side of a crossing, and what
 * of a guest's registers the processor gets: chunks of the book, on a processor
 * that is a structure. QEMU's has not the registers that some of this is about,
 * or does not mind what is in them.
 */
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* The processor, and this CPU's variable of the kernel's. */
static struct cpu {
	u64 xcr0, xss, tsc_aux, debugctl, tsc;
	u64 dr[8];
	u32 pkru;
	bool x86_ibpb_exit_to_user;
	int writes;		/* of model-specific registers */
	int barriers;
} cpu, host;

enum { MSR_IA32_XSS, MSR_TSC_AUX, MSR_IA32_PRED_CMD };
#define PRED_CMD_IBPB 1
#define XCR_XFEATURE_ENABLED_MASK 0
#define XFEATURE_MASK_PKRU 0x200
#define X86_CR4_PKE 0x400000
#define DR6_RESERVED 0xffff0ff0

static void wrmsrl(int msr, u64 value)
{
	cpu.writes++;
	if (msr == MSR_IA32_XSS)
		cpu.xss = value;
	else if (msr == MSR_TSC_AUX)
		cpu.tsc_aux = value;
	else if (value == PRED_CMD_IBPB)
		cpu.barriers++;
}

static u64 get_debugctlmsr(void)
{
	return cpu.debugctl;
}

static void update_debugctlmsr(u64 value)
{
	cpu.writes++;
	cpu.debugctl = value;
}

static bool hw_breakpoint_active(void)
{
	return host.dr[7];
}

static void hw_breakpoint_restore(void)
{
	memcpy(cpu.dr, host.dr, 4 * sizeof(u64));
	cpu.dr[7] = host.dr[7];
}

#define xsetbv(index, value) (cpu.xcr0 = (value))
#define xgetbv(index) cpu.xcr0
#define read_pkru() cpu.pkru
#define write_pkru(value) (cpu.pkru = (value))
#define set_debugreg(value, nr) (cpu.dr[nr] = (value))
#define get_debugreg(to, nr) ((to) = cpu.dr[nr])
#define rdtsc() cpu.tsc
#define this_cpu_write(name, value) (cpu.name = (value))
#define cpu_feature_enabled(feature) (feature)
#define X86_FEATURE_IBPB_EXIT_TO_USER true
#define LINUX_VERSION_CODE 0
#define KERNEL_VERSION(a, b, c) 1

/* What the chunks know of a vCPU. */
struct vmcb {
	struct {
		u32 intercepts[6];
		u64 tsc_offset;
		u32 int_ctl;
	} control;
	struct vmcb_save_area {
		struct { u16 attrib; } cs;
		u64 cr0, cr2, cr3, cr4, efer, dr6, rax, rsp;
	} save;
};

struct events {
	int waiting;
};

enum { REG_RAX, REG_RSP };

struct arch_vcpu {
	struct vmcb *vmcb;
	u64 regs[2];
	struct events events;
	struct {
		struct vmcb vmcb;
		struct events events;
	} *asked;
	u64 xcr0, tsc_aux, dr[4], hidden_cr0, tsc_offset, nr_cpuid;
	u32 pkru;
	bool owns_dr, wants_ibpb;
	int last_cpu;
};

struct vcpu {
	struct arch_vcpu arch;
};

struct svm_cpu {
	u64 tsc_aux, xss, debugctl;
};

static u64 svm_host_xcr0;

#define SYSCORE_ARG void
#define switch_on(page) ((void)0)
#define switch_off(unused) ((void)0)
#include "sleep.h"
#include "compat.h"
#include "crossing.h"
#include "put-back.h"

#define BIT(n) (1U << (n))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define X86_CR0_PE BIT(0)
#define X86_CR0_MP BIT(1)
#define X86_CR0_EM BIT(2)
#define X86_CR0_TS BIT(3)
#define X86_CR0_ET BIT(4)
#define X86_CR0_NE BIT(5)
#define X86_CR0_WP BIT(16)
#define X86_CR0_AM BIT(18)
#define X86_CR0_NW BIT(29)
#define X86_CR0_CD BIT(30)
#define X86_CR0_PG BIT(31)
#define CR0_BITS 0xe005003f
#define X86_CR4_VME BIT(0)
#define X86_CR4_PVI BIT(1)
#define X86_CR4_TSD BIT(2)
#define X86_CR4_DE BIT(3)
#define X86_CR4_PSE BIT(4)
#define X86_CR4_PAE BIT(5)
#define X86_CR4_MCE BIT(6)
#define X86_CR4_PGE BIT(7)
#define X86_CR4_PCE BIT(8)
#define X86_CR4_OSFXSR BIT(9)
#define X86_CR4_OSXMMEXCPT BIT(10)
#define X86_CR4_UMIP BIT(11)
#define X86_CR4_FSGSBASE BIT(16)
#define X86_CR4_PCIDE BIT(17)
#define X86_CR4_OSXSAVE BIT(18)
#define X86_CR4_SMEP BIT(20)
#define X86_CR4_SMAP BIT(21)
#define X86_CR3_PCID_MASK 0xfff
#define V_TPR_MASK 0xf
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define SVM_SELECTOR_L_MASK BIT(9)
enum { INTERCEPT_CR0_READ, INTERCEPT_CR0_WRITE = 16 };

static void __assign_bit(int nr, unsigned long *map, bool on)
{
	*map = on ? *map | 1UL << nr : *map & ~(1UL << nr);
}

/* Features, which here are places in a table: has the host them, and who told? */
enum {
	X86_FEATURE_PCID, X86_FEATURE_XSAVE, X86_FEATURE_FSGSBASE,
	X86_FEATURE_SMEP, X86_FEATURE_SMAP, X86_FEATURE_UMIP, X86_FEATURE_PKU,
	X86_FEATURE_OSPKE, FEATURES,
};

static bool in_host[FEATURES], told[FEATURES];

#define CPUID_EBX 1
#define CPUID_ECX 2
#define boot_cpu_has(feature) in_host[feature]
#define cpuid_has(arch, leaf, reg, feature) told[feature]
#include "control.h"

static struct vmcb vmcb;
static struct vcpu vcpu;
static struct svm_cpu own;

/* A host with a value of its own in every register, and a guest. */
static void begin(void)
{
	int i;

	memset(&vmcb, 0, sizeof(vmcb));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&cpu, 0, sizeof(cpu));
	vcpu.arch.vmcb = &vmcb;
	vmcb.save.dr6 = DR6_RESERVED;
	cpu.xcr0 = svm_host_xcr0 = 7;
	own.xss = cpu.xss = 0x800;
	own.tsc_aux = cpu.tsc_aux = 5;
	cpu.pkru = 0x55555554;
	for (i = 0; i < 4; i++)
		cpu.dr[i] = 0x1000 + i;
	cpu.dr[6] = DR6_RESERVED;
	host = cpu;
	vcpu.arch.xcr0 = 1;
	vcpu.arch.tsc_aux = 77;
	vcpu.arch.pkru = 0x10;
}

static void visit(void)
{
	put_on_guest(&vcpu.arch, &own);
	take_off_guest(&vcpu.arch, &own, host.pkru);
}

START_TEST(registers_cross)
{
	begin();
	vcpu.arch.owns_dr = true;
	vcpu.arch.dr[2] = 0x2222;
	vmcb.save.cr4 = X86_CR4_PKE;
	cpu.dr[7] = host.dr[7] = 0x402;
	put_on_guest(&vcpu.arch, &own);
	ck_assert_uint_eq(cpu.xcr0, 1);
	ck_assert_uint_eq(cpu.xss, 0);
	ck_assert_uint_eq(cpu.tsc_aux, 77);
	ck_assert_uint_eq(cpu.pkru, 0x10);
	ck_assert_uint_eq(cpu.dr[2], 0x2222);
	ck_assert_uint_eq(cpu.dr[7], 0);
	/* The guest changes what it can reach. */
	cpu.xcr0 = 3;
	cpu.pkru = 0x20;
	cpu.dr[2] = 0x3333;
	cpu.dr[6] = vmcb.save.dr6 = DR6_RESERVED | 4;
	take_off_guest(&vcpu.arch, &own, host.pkru);
	ck_assert_uint_eq(vcpu.arch.xcr0, 3);
	ck_assert_uint_eq(vcpu.arch.pkru, 0x20);
	ck_assert_uint_eq(vcpu.arch.dr[2], 0x3333);
	cpu.writes = host.writes;
	cpu.x86_ibpb_exit_to_user = false;
	ck_assert_mem_eq(&cpu, &host, sizeof(cpu));
}
END_TEST

/* A guest that cannot see PKRU runs with the host's; and leaves it so. */
START_TEST(keys_cross_where_they_are_used)
{
	begin();
	put_on_guest(&vcpu.arch, &own);
	ck_assert_uint_eq(cpu.pkru, host.pkru);
	cpu.pkru = 0x30;
	take_off_guest(&vcpu.arch, &own, host.pkru);
	ck_assert_uint_eq(cpu.pkru, host.pkru);
	ck_assert_uint_eq(vcpu.arch.pkru, 0x10);
	/* One that has switched it on by XSETBV, unseen, keeps what it wrote. */
	put_on_guest(&vcpu.arch, &own);
	cpu.xcr0 |= XFEATURE_MASK_PKRU;
	cpu.pkru = 0x30;
	take_off_guest(&vcpu.arch, &own, host.pkru);
	ck_assert_uint_eq(cpu.pkru, host.pkru);
	put_on_guest(&vcpu.arch, &own);
	ck_assert_uint_eq(cpu.pkru, 0x30);
}
END_TEST

/* BTF is bit 1, the bus lock trap bit 2. */
START_TEST(a_guest_steps_by_instructions)
{
	begin();
	cpu.debugctl = host.debugctl = 6;
	put_on_guest(&vcpu.arch, &own);
	ck_assert_uint_eq(cpu.debugctl, 0);
	take_off_guest(&vcpu.arch, &own, host.pkru);
	ck_assert_uint_eq(cpu.debugctl, 6);
	/* An interrupt may change it between two visits. */
	cpu.debugctl = 2;
	visit();
	ck_assert_uint_eq(cpu.debugctl, 2);
	/* Mostly there is nothing in it, and then it costs nothing. */
	begin();
	own.xss = cpu.xss = 0;
	vcpu.arch.tsc_aux = own.tsc_aux;
	visit();
	ck_assert_int_eq(cpu.writes, 0);
}
END_TEST

START_TEST(branches_are_forgotten)
{
	begin();
	put_on_guest(&vcpu.arch, &own);
	ck_assert(!cpu.x86_ibpb_exit_to_user);
	take_off_guest(&vcpu.arch, &own, host.pkru);
	ck_assert(cpu.x86_ibpb_exit_to_user);
	ck_assert_int_eq(cpu.barriers, 0);
	vcpu.arch.wants_ibpb = true;
	put_on_guest(&vcpu.arch, &own);
	ck_assert_int_eq(cpu.barriers, 1);
	visit();
	ck_assert_int_eq(cpu.barriers, 1);
}
END_TEST

/* A guest's counter, by the instruction that nobody stops. */
static int64_t guest_tsc(void)
{
	put_on_guest(&vcpu.arch, &own);
	take_off_guest(&vcpu.arch, &own, host.pkru);
	return cpu.tsc + vmcb.control.tsc_offset;
}

START_TEST(time_does_not_go_back)
{
	int64_t before;

	begin();
	vcpu.arch.tsc_offset = -1000;
	cpu.tsc = 5000;
	ck_assert_int_eq(guest_tsc(), 4000);
	svm_sleep();
	cpu.tsc = 30;		/* it has begun anew */
	svm_wake();
	before = guest_tsc();
	ck_assert_int_ge(before, 4000);
	cpu.tsc += 10;
	ck_assert_int_eq(guest_tsc(), before + 10);
	svm_sleep();
	cpu.tsc += 500;		/* and this time not */
	svm_wake();
	ck_assert_int_eq(guest_tsc(), before + 510);
	svm_sleep();
	cpu.tsc = 1;		/* once more */
	svm_wake();
	ck_assert_int_ge(guest_tsc(), before + 510);
}
END_TEST

static bool stopped(int what)
{
	return vmcb.control.intercepts[0] >> what & 1;
}

/* A processor may stop at the read of any, where CR0's was to be stopped. */
START_TEST(each_control_register_is_read)
{
	begin();
	vmcb.save.cr0 = 0x10;
	vmcb.save.cr2 = 2;
	vmcb.save.cr3 = 3;
	vmcb.save.cr4 = 4;
	vmcb.control.int_ctl = 0x1000008;
	vcpu.arch.hidden_cr0 = 0x40000000;
	ck_assert_uint_eq(control_read(&vcpu, 0), 0x40000010);
	ck_assert_uint_eq(control_read(&vcpu, 2), 2);
	ck_assert_uint_eq(control_read(&vcpu, 3), 3);
	ck_assert_uint_eq(control_read(&vcpu, 4), 4);
	ck_assert_uint_eq(control_read(&vcpu, 8), 8);
}
END_TEST

/* CR0 of a guest in long mode; bits 29 and 30 are NW and CD. */
START_TEST(caches_stay_on)
{
	u64 on = 0x80050033, off = on | 0x60000000;

	begin();
	control_set_cr0(&vcpu.arch, off);
	ck_assert_uint_eq(vmcb.save.cr0, on);
	ck_assert_uint_eq(control_read(&vcpu, 0), off);
	ck_assert(stopped(INTERCEPT_CR0_READ) && stopped(INTERCEPT_CR0_WRITE));
	/* The guest sets TS, and the rest is as it was. */
	ck_assert(control_write(&vcpu, 0, off | 8));
	ck_assert_uint_eq(vmcb.save.cr0, on | 8);
	ck_assert_uint_eq(control_read(&vcpu, 0), off | 8);
	ck_assert(control_write(&vcpu, 0, on));
	ck_assert_uint_eq(vmcb.save.cr0, on);
	ck_assert_uint_eq(control_read(&vcpu, 0), on);
	ck_assert(!stopped(INTERCEPT_CR0_READ) &&
		  !stopped(INTERCEPT_CR0_WRITE));
	ck_assert(!control_write(&vcpu, 0, on | 0x20000000));
	ck_assert_uint_eq(control_read(&vcpu, 0), on);
}
END_TEST

/* Paging goes on with LME: the guest is in long mode, or it needs PAE first. */
START_TEST(long_mode_needs_pae)
{
	u64 off = X86_CR0_PE | X86_CR0_ET, on = off | X86_CR0_PG;

	begin();
	control_set_cr0(&vcpu.arch, off);
	vmcb.save.efer = EFER_LME;
	vmcb.save.cr4 = 0;
	vmcb.save.cs.attrib = 0;
	ck_assert(!control_write(&vcpu, 0, on));
	ck_assert_uint_eq(vmcb.save.cr0, off);
	ck_assert_uint_eq(vmcb.save.efer, EFER_LME);
	vmcb.save.cr4 = X86_CR4_PAE;
	ck_assert(control_write(&vcpu, 0, on));
	ck_assert_uint_eq(vmcb.save.efer, EFER_LME | EFER_LMA);
	ck_assert(control_write(&vcpu, 0, off));
	ck_assert_uint_eq(vmcb.save.efer, EFER_LME);
}
END_TEST

/* Each feature of CR4 must be the host's, and the guest must know of it. */
START_TEST(features_are_told)
{
	static const struct { int bit, host, guest; } t[] = {
		{ 16, X86_FEATURE_FSGSBASE, X86_FEATURE_FSGSBASE },
		{ 17, X86_FEATURE_PCID, X86_FEATURE_PCID },
		{ 18, X86_FEATURE_XSAVE, X86_FEATURE_XSAVE },
		{ 20, X86_FEATURE_SMEP, X86_FEATURE_SMEP },
		{ 21, X86_FEATURE_SMAP, X86_FEATURE_SMAP },
		{ 11, X86_FEATURE_UMIP, X86_FEATURE_UMIP },
		/* a host may have PKU and not use it: nopku */
		{ 22, X86_FEATURE_OSPKE, X86_FEATURE_PKU },
	};
	unsigned int i, bits = 0xffff & ~(BIT(11) | BIT(12) | BIT(13) |
					  BIT(14) | BIT(15));

	begin();
	vcpu.arch.nr_cpuid = 1;
	memset(in_host, true, sizeof(in_host));
	memset(told, true, sizeof(told));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		bits |= BIT(t[i].bit);
		ck_assert(cr4_is_good(&vcpu.arch, BIT(t[i].bit)));
		told[t[i].guest] = false;
		ck_assert(!cr4_is_good(&vcpu.arch, BIT(t[i].bit)));
		vcpu.arch.nr_cpuid = 0;		/* told nothing yet */
		ck_assert(cr4_is_good(&vcpu.arch, BIT(t[i].bit)));
		vcpu.arch.nr_cpuid = 1;
		told[t[i].guest] = true;
		in_host[t[i].host] = false;
		ck_assert(!cr4_is_good(&vcpu.arch, BIT(t[i].bit)));
		in_host[t[i].host] = true;
	}
	ck_assert(cr4_is_good(&vcpu.arch, bits));
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(cr4_is_good(&vcpu.arch, 1ULL << i),
				 (bits & 1ULL << i) != 0);
}
END_TEST

/* What the processor would have flushed, is. */
START_TEST(translations_are_forgotten)
{
	begin();
	vcpu.arch.last_cpu = 3;
	vmcb.save.cr4 = 0x20;
	ck_assert(control_write(&vcpu, 4, 0xa0));
	ck_assert_uint_eq(vmcb.save.cr4, 0xa0);
	ck_assert_int_eq(vcpu.arch.last_cpu, -1);
	vcpu.arch.last_cpu = 3;
	ck_assert(control_write(&vcpu, 0, 0x80000011));
	ck_assert_int_eq(vcpu.arch.last_cpu, -1);
}
END_TEST

/* A processor need not say what became of the event that it was to deliver. */
START_TEST(a_refused_entry_loses_nothing)
{
	begin();
	vcpu.arch.asked = calloc(1, sizeof(*vcpu.arch.asked));
	vcpu.arch.asked->events.waiting = 0x20;
	vcpu.arch.asked->vmcb.save.rax = 1;
	vcpu.arch.asked->vmcb.save.rsp = 2;
	vcpu.arch.asked->vmcb.save.cr3 = 3;
	put_back(&vcpu.arch);
	ck_assert_int_eq(vcpu.arch.events.waiting, 0x20);
	ck_assert_uint_eq(vcpu.arch.regs[REG_RAX], 1);
	ck_assert_uint_eq(vcpu.arch.regs[REG_RSP], 2);
	ck_assert_uint_eq(vmcb.save.cr3, 3);
	free(vcpu.arch.asked);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("The world switch");
	TCase *t = tcase_create("registers");
	SRunner *r;
	int failed;

	tcase_add_test(t, registers_cross);
	tcase_add_test(t, keys_cross_where_they_are_used);
	tcase_add_test(t, a_guest_steps_by_instructions);
	tcase_add_test(t, branches_are_forgotten);
	tcase_add_test(t, time_does_not_go_back);
	tcase_add_test(t, each_control_register_is_read);
	tcase_add_test(t, caches_stay_on);
	tcase_add_test(t, long_mode_needs_pae);
	tcase_add_test(t, features_are_told);
	tcase_add_test(t, translations_are_forgotten);
	tcase_add_test(t, a_refused_entry_loses_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
