// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events, on a processor that is a structure: the chunks of event.c, entered
 * and left by hand. Here is what silicon does and QEMU does not, or what would
 * take a guest with very bad luck.
 */
#include <asm/svm.h>
#include <check.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define BIT(n) (1UL << (n))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x) (x)
#define note(name, object) do { } while (0)

/* What the kernel's headers say of the processor. */
#define X86_CR0_PE BIT(0)
#define X86_EFLAGS_TF BIT(8)
#define X86_EFLAGS_IF BIT(9)
#define X86_EFLAGS_RF BIT(16)
#define EFER_SCE BIT(0)
#define DR6_RESERVED 0xffff0ff0UL
#define DR_STEP BIT(14)
#define DR_TRAP_BITS 15UL
#define V_IRQ_MASK BIT(8)
#define V_IGN_TPR_MASK BIT(20)
#define SVM_INTERRUPT_SHADOW_MASK BIT(0)
#define SVM_EVTINJ_TYPE_INTR (0U << 8)
#define SVM_EVTINJ_TYPE_NMI (2U << 8)
#define SVM_EVTINJ_TYPE_EXEPT (3U << 8)
#define SVM_EVTINJ_TYPE_SOFT (4U << 8)
#define SVM_EVTINJ_VALID (1U << 31)
#define SVM_EVTINJ_VALID_ERR (1U << 11)
#define SVM_EXITINTINFO_VEC_MASK 0xffU
#define SVM_EXITINTINFO_TYPE_MASK (7U << 8)
#define SVM_EXITINTINFO_TYPE_INTR SVM_EVTINJ_TYPE_INTR
#define SVM_EXITINTINFO_TYPE_NMI SVM_EVTINJ_TYPE_NMI
#define SVM_EXITINTINFO_TYPE_EXEPT SVM_EVTINJ_TYPE_EXEPT
#define SVM_EXITINTINFO_VALID SVM_EVTINJ_VALID
#define SVM_EXITINTINFO_VALID_ERR SVM_EVTINJ_VALID_ERR
#define STOPPED_EXCEPTIONS (BIT(AC_VECTOR) | BIT(DB_VECTOR) | BIT(MC_VECTOR))
#define NMI_VECTOR 2
enum {
	INTERCEPT_EXCEPTION = 2, INTERCEPT_VINTR = 100, INTERCEPT_PUSHF = 112,
	INTERCEPT_POPF, INTERCEPT_IRET = 116, INTERCEPT_INTn,
};

struct vmcb {
	struct vmcb_control_area {
		u32 intercepts[6], int_ctl, int_state, exit_code, exit_info_1;
		u64 exit_info_2;
		u32 exit_int_info, exit_int_info_err, event_inj, event_inj_err;
	} control;
	struct vmcb_save_area {
		struct { u64 base; } cs;
		u64 cr0, cr2, efer, rflags, rip, dr6;
	} save;
};

#include "events.h"

struct vcpu {
	struct {
		struct vmcb *vmcb;
		struct events events;
		u64 async_vector;
	} arch;
	struct kvm_run *run;
	int cpu;
};

int event_shows(struct vcpu *vcpu);

static void assign(unsigned int nr, unsigned long *words, bool on)
{
	u32 *word = (u32 *)words + nr / 32;

	*word = on ? *word | BIT(nr % 32) : *word & ~BIT(nr % 32);
}
#define __assign_bit assign
#define __set_bit(nr, words) assign(nr, words, true)
#define __clear_bit(nr, words) assign(nr, words, false)

static int calls;
#define smp_send_reschedule(cpu) (calls++)

#include "event.h"

static struct vmcb vmcb;
static struct kvm_run run;
static struct vcpu vcpu;

static void setup(void)
{
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&run, 0, sizeof(run));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.arch.vmcb = &vmcb;
	vcpu.run = &run;
	vmcb.save.cr0 = X86_CR0_PE;
	vmcb.save.dr6 = DR6_RESERVED;
	vmcb.save.efer = EFER_SCE;
	vmcb.save.rip = 0x1000;
	vmcb.control.intercepts[INTERCEPT_EXCEPTION] = STOPPED_EXCEPTIONS;
	calls = 0;
}

static bool stops_at(unsigned int nr)
{
	return vmcb.control.intercepts[nr / 32] >> nr % 32 & 1;
}

static void leave(u32 exit_code, u64 rip)
{
	vmcb.control.exit_code = exit_code;
	vmcb.save.rip = rip;
	event_left(&vcpu);
}

#define DB_EXIT (SVM_EXIT_EXCP_BASE + DB_VECTOR)
#define NMI_INJ (NMI_VECTOR | SVM_EVTINJ_TYPE_NMI | SVM_EVTINJ_VALID)

/* An NMI goes in, a second one waits, and the handler has come to its IRET. */
static void to_iret(void)
{
	event_nmi(&vcpu);
	event_nmi(&vcpu);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, NMI_INJ);
	ck_assert(stops_at(INTERCEPT_IRET));
	leave(SVM_EXIT_IRET, 0x2000);
	ck_assert_int_eq(event_iret(&vcpu), 1);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, 0);
}

START_TEST(the_flag_is_hidden_while_it_is_ours)
{
	to_iret();
	ck_assert(vmcb.save.rflags & X86_EFLAGS_TF);
	ck_assert(stops_at(INTERCEPT_PUSHF) && stops_at(INTERCEPT_POPF));
	ck_assert(stops_at(INTERCEPT_INTn) && !stops_at(INTERCEPT_IRET));
	ck_assert_uint_eq(vmcb.control.intercepts[INTERCEPT_EXCEPTION], ~0U);
	ck_assert(!(vmcb.save.efer & EFER_SCE));

	leave(SVM_EXIT_INTR, 0x2000);	/* the host's, before the IRET */
	ck_assert(!(vmcb.save.rflags & X86_EFLAGS_TF));
	ck_assert(!stops_at(INTERCEPT_PUSHF) && !stops_at(INTERCEPT_POPF));
	ck_assert(!stops_at(INTERCEPT_INTn));
	ck_assert_uint_eq(vmcb.control.intercepts[INTERCEPT_EXCEPTION],
			  STOPPED_EXCEPTIONS);
	ck_assert(vmcb.save.efer & EFER_SCE);
	event_enter(&vcpu);		/* and once more */
	ck_assert(vmcb.save.rflags & X86_EFLAGS_TF);
}
END_TEST

/* An IRET loads the flags of a program that is debugged, or is not. */
START_TEST(flags_that_iret_loads_are_the_guests)
{
	u64 tf = _i ? X86_EFLAGS_TF : 0;

	to_iret();
	vmcb.save.rflags = 2 | tf;
	vmcb.save.dr6 |= DR_STEP;
	leave(DB_EXIT, 0x3000);
	ck_assert_int_eq(event_debug(&vcpu), 1);
	ck_assert(!vcpu.arch.events.exception.pending);
	ck_assert_uint_eq(vmcb.save.rflags, 2 | tf);
	ck_assert_uint_eq(vmcb.save.dr6, DR6_RESERVED);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, NMI_INJ);
}
END_TEST

/* What DR6 says of last week is not taken for ours, and stays. */
START_TEST(an_old_reason_stays)
{
	vmcb.save.dr6 |= 3;
	to_iret();
	vmcb.save.dr6 |= DR_STEP;
	leave(DB_EXIT, 0x3000);
	ck_assert_int_eq(event_debug(&vcpu), 1);
	ck_assert(!vcpu.arch.events.exception.pending);
	ck_assert_uint_eq(vmcb.save.dr6, DR6_RESERVED | 3);
}
END_TEST

/* It returns to itself, and is over all the same. */
START_TEST(an_iret_to_itself_is_over)
{
	to_iret();
	vmcb.save.dr6 |= DR_STEP;
	leave(DB_EXIT, 0x2000);
	event_debug(&vcpu);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, NMI_INJ);
}
END_TEST

/* A breakpoint on it comes before it. */
START_TEST(a_breakpoint_on_the_iret_is_the_guests)
{
	to_iret();
	vmcb.save.dr6 |= 1;
	leave(DB_EXIT, 0x2000);
	ck_assert(!(vmcb.save.rflags & X86_EFLAGS_TF));
	ck_assert_int_eq(event_debug(&vcpu), 1);
	ck_assert(vcpu.arch.events.exception.pending);
	ck_assert(vcpu.arch.events.nmi_masked);
}
END_TEST

START_TEST(a_fault_of_the_iret_is_raised_without_the_flag)
{
	to_iret();
	vmcb.control.exit_info_1 = 5;
	vmcb.control.exit_info_2 = 0x7000;
	leave(SVM_EXIT_EXCP_BASE + PF_VECTOR, 0x2000);
	ck_assert_int_eq(event_fault(&vcpu, PF_VECTOR), 1);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj,
			  PF_VECTOR | SVM_EVTINJ_TYPE_EXEPT |
			  SVM_EVTINJ_VALID_ERR | SVM_EVTINJ_VALID);
	ck_assert_uint_eq(vmcb.control.event_inj_err, 5);
	ck_assert_uint_eq(vmcb.save.cr2, 0x7000);
	ck_assert(!(vmcb.save.rflags & X86_EFLAGS_TF));
	ck_assert_int_eq(calls, 1);	/* to throw the guest out again */
	leave(SVM_EXIT_INTR, 0x5000);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, NMI_INJ);
}
END_TEST

/* In a shadow, what would show the flag lets the NMI go first. */
START_TEST(an_nmi_waits_for_a_shadow)
{
	event_nmi(&vcpu);
	vmcb.control.int_state = 1;
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, 0);
	ck_assert(vmcb.save.rflags & X86_EFLAGS_TF);
	ck_assert(stops_at(INTERCEPT_IRET));
	vmcb.control.int_state = 1;
	switch (_i) {
	case 0:
		leave(SVM_EXIT_PUSHF, 0x1000);
		ck_assert_int_eq(event_shows(&vcpu), 1);
		break;
	case 1:
		leave(SVM_EXIT_IRET, 0x1000);
		ck_assert_int_eq(event_iret(&vcpu), 1);
		break;
	case 2:		/* INT3, on silicon */
		leave(SVM_EXIT_EXCP_BASE + BP_VECTOR, 0x1000);
		ck_assert_int_eq(event_fault(&vcpu, BP_VECTOR), 1);
	}
	ck_assert(!vcpu.arch.events.exception.pending);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.control.event_inj, NMI_INJ);
	ck_assert(!(vmcb.save.rflags & X86_EFLAGS_TF));
}
END_TEST

/* An interrupt is left to the processor, which knows of the shadow. */
START_TEST(an_interrupt_borrows_nothing)
{
	run.request_interrupt_window = 1;
	vmcb.control.int_state = 1;
	event_enter(&vcpu);
	ck_assert(vmcb.control.int_ctl & V_IRQ_MASK);
	ck_assert(vmcb.control.int_state);
	ck_assert(!(vmcb.save.rflags & X86_EFLAGS_TF));
}
END_TEST

#define PAGE_INJ (0xf2 | SVM_EVTINJ_TYPE_INTR | SVM_EVTINJ_VALID)

/* The flag is clear; a shadow; an exception; the VMM's interrupt; nothing. */
START_TEST(a_page_waits_until_the_guest_can_be_interrupted)
{
	vcpu.arch.async_vector = 0xf2;
	vcpu.arch.events.page_ready = true;
	vmcb.save.rflags = _i == 0 ? 2 : 2 | X86_EFLAGS_IF;
	vmcb.control.int_state = _i == 1;
	if (_i == 2)
		event_raise(&vcpu, GP_VECTOR, 0);
	if (_i == 3)
		event_interrupt(&vcpu, 0x20);
	event_enter(&vcpu);
	if (_i < 4) {
		ck_assert_uint_ne(vmcb.control.event_inj, PAGE_INJ);
		ck_assert(stops_at(INTERCEPT_VINTR));
		leave(SVM_EXIT_INTR, 0x1000);
		ck_assert(vcpu.arch.events.page_ready);
		vmcb.save.rflags |= X86_EFLAGS_IF;
		vmcb.control.int_state = 0;
		event_enter(&vcpu);
	}
	ck_assert_uint_eq(vmcb.control.event_inj, PAGE_INJ);
	ck_assert(!vcpu.arch.events.page_ready);
	ck_assert(!stops_at(INTERCEPT_VINTR));
}
END_TEST

START_TEST(faults_and_no_others_push_rf)
{
	event_raise(&vcpu, GP_VECTOR, 0);
	event_enter(&vcpu);
	ck_assert(vmcb.save.rflags & X86_EFLAGS_RF);
	leave(SVM_EXIT_INTR, 0x5000);
	vmcb.save.rflags = 2;
	event_raise(&vcpu, DB_VECTOR, 0);
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.save.rflags, 2);
	leave(SVM_EXIT_INTR, 0x5000);
	vcpu.arch.events.exception.injected = true;	/* as the VMM says */
	vcpu.arch.events.exception.nr = GP_VECTOR;
	event_enter(&vcpu);
	ck_assert_uint_eq(vmcb.save.rflags, 2);
}
END_TEST

START_TEST(an_instruction_that_is_over_traps)
{
	vmcb.save.rflags = 2 | X86_EFLAGS_TF | X86_EFLAGS_RF;
	vmcb.save.dr6 |= 3;
	vmcb.control.int_state = 1;
	ck_assert_int_eq(event_retire(&vcpu, 0x1002), 1);
	ck_assert_uint_eq(vmcb.save.rip, 0x1002);
	ck_assert_uint_eq(vmcb.save.rflags, 2 | X86_EFLAGS_TF);
	ck_assert_uint_eq(vmcb.save.dr6, DR6_RESERVED | DR_STEP);
	ck_assert_uint_eq(vmcb.control.int_state, 0);
	ck_assert(vcpu.arch.events.exception.pending);
	ck_assert_uint_eq(vcpu.arch.events.exception.nr, DB_VECTOR);
}
END_TEST

START_TEST(the_third_fault_changes_nothing)
{
	struct vmcb before;

	vcpu.arch.events.exception.injected = true;
	vcpu.arch.events.exception.nr = DF_VECTOR;
	before = vmcb;
	ck_assert_int_eq(event_raise(&vcpu, PF_VECTOR, 0), 0);
	ck_assert_uint_eq(run.exit_reason, KVM_EXIT_SHUTDOWN);
	ck_assert(!memcmp(&before, &vmcb, sizeof(vmcb)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tcase = tcase_create("events");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_flag_is_hidden_while_it_is_ours);
	tcase_add_loop_test(tcase, flags_that_iret_loads_are_the_guests, 0, 2);
	tcase_add_test(tcase, an_old_reason_stays);
	tcase_add_test(tcase, an_iret_to_itself_is_over);
	tcase_add_test(tcase, a_breakpoint_on_the_iret_is_the_guests);
	tcase_add_test(tcase, a_fault_of_the_iret_is_raised_without_the_flag);
	tcase_add_loop_test(tcase, an_nmi_waits_for_a_shadow, 0, 3);
	tcase_add_test(tcase, an_interrupt_borrows_nothing);
	tcase_add_loop_test(tcase,
			    a_page_waits_until_the_guest_can_be_interrupted,
			    0, 5);
	tcase_add_test(tcase, faults_and_no_others_push_rf);
	tcase_add_test(tcase, an_instruction_that_is_over_traps);
	tcase_add_test(tcase, the_third_fault_changes_nothing);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
