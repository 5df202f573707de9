// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions, interrupts and NMIs: who waits, who is next, who came back. */
#include <linux/kvm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/debugreg.h>
#include <asm/irq_vectors.h>
#include <trace/events/ipi.h>
#include "svm.h"
#include "window.h"

#define WITH_ERROR (BIT(DF_VECTOR) | BIT(TS_VECTOR) | BIT(NP_VECTOR) | \
		    BIT(SS_VECTOR) | BIT(GP_VECTOR) | BIT(PF_VECTOR) | \
		    BIT(AC_VECTOR))
#define CONTRIBUTORY (BIT(DE_VECTOR) | BIT(TS_VECTOR) | BIT(NP_VECTOR) | \
		      BIT(SS_VECTOR) | BIT(GP_VECTOR))

/* The vector that is left of two, or -1 where nothing can be. */
static int merge(u8 first, u8 second)
{
	bool again = BIT(second) & CONTRIBUTORY;

	if (first == DF_VECTOR)
		return -1;
	if ((BIT(first) & CONTRIBUTORY && again) ||
	    (first == PF_VECTOR && (again || second == PF_VECTOR)))
		return DF_VECTOR;
	return second;
}

/**
 * event_raise() - the guest's instruction causes an exception
 * @vcpu: not running; its RIP is at the instruction
 * @nr: the exception
 * @error: the error code, for those that have one
 *
 * Returns: 1; or 0 where this was one fault too many, with KVM_EXIT_SHUTDOWN
 *	for the VMM and the registers as they were.
 * Holds: vcpu->lock.
 */
int event_raise(struct vcpu *vcpu, u8 nr, u32 error)
{
	struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	struct events *ev = &vcpu->arch.events;
	int left = ev->exception.injected ? merge(ev->exception.nr, nr) : nr;

	if (left < 0) {
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	ev->exception.pending = true;
	ev->exception.injected = false;
	ev->exception.nr = left;
	ev->exception.error = left == nr ? error : 0;
	ev->exception.has_error = BIT(left) & WITH_ERROR &&
				  save->cr0 & X86_CR0_PE;
	return 1;
}

/**
 * event_retire() - Twill has done an instruction in the processor's place
 * @vcpu: not running
 * @rip: where the guest goes on
 *
 * Returns: as event_raise(): 1, or 0 where a trap was one fault too many.
 * Holds: vcpu->lock.
 */
int event_retire(struct vcpu *vcpu, u64 rip)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;

	vmcb->save.rip = rip;
	vmcb->save.rflags &= ~(u64)X86_EFLAGS_RF;
	vmcb->control.int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	if (!(vmcb->save.rflags & X86_EFLAGS_TF))
		return 1;
	vmcb->save.dr6 &= ~(u64)DR_TRAP_BITS;
	vmcb->save.dr6 |= DR_STEP;
	return event_raise(vcpu, DB_VECTOR, 0);
}

static bool in_shadow(const struct vcpu *vcpu)
{
	return vcpu->arch.vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK;
}

/**
 * event_ready() - could the guest be given an interrupt now?
 * @vcpu: not running
 *
 * Returns: whether it could, before its next instruction.
 * Holds: vcpu->lock.
 */
bool event_ready(const struct vcpu *vcpu)
{
	const struct events *ev = &vcpu->arch.events;

	return window_open(vcpu->arch.vmcb->save.rflags & X86_EFLAGS_IF,
			   in_shadow(vcpu)) &&
	       !ev->exception.pending && !ev->exception.injected &&
	       !ev->nmi_injected && !ev->interrupt;
}

/**
 * event_window() - the VMM waits for the moment; is it now?
 * @vcpu: not running
 *
 * Returns: true, and the run page says so.
 * Holds: vcpu->lock.
 */
bool event_window(struct vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->run->request_interrupt_window) ||
	    !event_ready(vcpu))
		return false;
	vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	return true;
}

static bool take_page(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->arch.events;

	if (!ev->page_ready || !event_ready(vcpu))
		return false;
	note(page_ready, vcpu);
	ev->page_ready = false;
	ev->interrupt = true;
	ev->vector = vcpu->arch.async_vector;
	return true;
}

enum { NOTHING, AN_EXCEPTION, AN_NMI, AN_INTERRUPT };

static u8 choose(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->arch.events;

	if (ev->exception.injected || ev->exception.pending)
		return AN_EXCEPTION;
	if (ev->nmi_injected)
		return AN_NMI;
	if (ev->interrupt)
		return AN_INTERRUPT;
	if (!ev->nmi_pending || ev->nmi_masked || in_shadow(vcpu))
		return take_page(vcpu) ? AN_INTERRUPT : NOTHING;
	ev->nmi_pending--;
	ev->nmi_injected = true;
	return AN_NMI;
}

static void mask_nmi(struct vcpu *vcpu)
{
	vcpu->arch.events.nmi_masked = true;
	vcpu->arch.events.nmi_ending = false;
	__set_bit(INTERCEPT_IRET,
		  (unsigned long *)vcpu->arch.vmcb->control.intercepts);
}

static u32 describe(struct vcpu *vcpu, u8 what)
{
	const struct events *ev = &vcpu->arch.events;

	if (what == AN_EXCEPTION)
		return ev->exception.nr | SVM_EVTINJ_TYPE_EXEPT |
		       SVM_EVTINJ_VALID |
		       (ev->exception.has_error ? SVM_EVTINJ_VALID_ERR : 0);
	if (what == AN_NMI)
		return NMI_VECTOR | SVM_EVTINJ_TYPE_NMI | SVM_EVTINJ_VALID;
	if (what == AN_INTERRUPT)
		return ev->vector | SVM_EVTINJ_TYPE_INTR | SVM_EVTINJ_VALID;
	return 0;
}

static bool is_new_fault(const struct events *ev)
{
	return ev->exception.pending &&
	       !(BIT(ev->exception.nr) &
		 (BIT(DB_VECTOR) | BIT(BP_VECTOR) | BIT(OF_VECTOR) |
		  BIT(DF_VECTOR) | BIT(MC_VECTOR)));
}

static const u8 shows[] = { INTERCEPT_PUSHF, INTERCEPT_POPF, INTERCEPT_INTn };

static void stop_what_shows(struct vcpu *vcpu, bool stop)
{
	u32 *intercepts = vcpu->arch.vmcb->control.intercepts;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shows); i++)
		__assign_bit(shows[i], (unsigned long *)intercepts, stop);
	if (!vcpu->arch.events.nmi_ending)
		__assign_bit(INTERCEPT_IRET, (unsigned long *)intercepts, stop);
	intercepts[INTERCEPT_EXCEPTION] = stop ? ~0U : STOPPED_EXCEPTIONS;
}

static void borrow_trap_flag(struct vcpu *vcpu)
{
	struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	struct events *ev = &vcpu->arch.events;

	ev->borrowed = true;
	ev->guest_tf = save->rflags & X86_EFLAGS_TF;
	save->rflags |= X86_EFLAGS_TF;
	ev->guest_dr6 = save->dr6;
	save->dr6 = DR6_RESERVED;
	ev->guest_efer = save->efer;
	save->efer &= ~(u64)EFER_SCE;
	stop_what_shows(vcpu, true);
}

static void look_out(struct vcpu *vcpu)
{
	struct vmcb_control_area *control = &vcpu->arch.vmcb->control;
	struct events *ev = &vcpu->arch.events;
	bool interrupt = READ_ONCE(vcpu->run->request_interrupt_window) ||
			 ev->page_ready ||
			 (ev->interrupt && ev->tried != AN_INTERRUPT);
	bool busy = ev->tried != NOTHING;
	bool nmi = ev->nmi_pending && (ev->nmi_ending || !ev->nmi_masked);

	if (busy && nmi)
		smp_send_reschedule(smp_processor_id());
	else if (nmi)
		borrow_trap_flag(vcpu);
	if (interrupt) {
		control->int_ctl |= V_IRQ_MASK | V_IGN_TPR_MASK;
		__set_bit(INTERCEPT_VINTR, (unsigned long *)control->intercepts);
	}
}

/**
 * event_enter() - put the next event, if there is one, into the VMCB
 * @vcpu: about to be entered
 *
 * Context: interrupts off.
 */
void event_enter(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;
	struct events *ev = &vcpu->arch.events;

	ev->tried = choose(vcpu);
	if (ev->tried == AN_NMI)
		mask_nmi(vcpu);
	vmcb->control.event_inj = describe(vcpu, ev->tried);
	vmcb->control.event_inj_err = ev->exception.error;
	if (ev->tried != NOTHING)
		vmcb->control.int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	if (ev->tried == AN_EXCEPTION && is_new_fault(ev))
		vmcb->save.rflags |= X86_EFLAGS_RF;
	look_out(vcpu);
}

static bool is_over(const struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->arch.vmcb;

	return vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + DB_VECTOR &&
	       vmcb->save.dr6 & DR_STEP;
}

static void return_trap_flag(struct vcpu *vcpu)
{
	struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	struct events *ev = &vcpu->arch.events;
	bool loaded = ev->nmi_ending && is_over(vcpu);

	stop_what_shows(vcpu, false);
	save->efer |= ev->guest_efer & EFER_SCE;
	if (!ev->guest_tf) {
		if (!loaded)
			save->rflags &= ~(u64)X86_EFLAGS_TF;
		save->dr6 &= ~(u64)DR_STEP;
	}
	ev->trapped = save->dr6 != DR6_RESERVED;
	save->dr6 |= ev->guest_dr6;
}

static void take_back(struct vcpu *vcpu, u32 info, u32 error)
{
	struct events *ev = &vcpu->arch.events;
	u8 nr = info & SVM_EXITINTINFO_VEC_MASK;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_NMI:
		ev->nmi_injected = true;
		break;
	case SVM_EXITINTINFO_TYPE_INTR:
		ev->interrupt = true;
		ev->vector = nr;
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		if (nr == BP_VECTOR || nr == OF_VECTOR)
			break;
		ev->exception.injected = true;
		ev->exception.nr = nr;
		ev->exception.has_error = info & SVM_EXITINTINFO_VALID_ERR;
		ev->exception.error = error;
	}
}

static void forget_tried(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->arch.events;

	if (ev->tried == AN_EXCEPTION)
		ev->exception.pending = ev->exception.injected = false;
	if (ev->tried == AN_NMI)
		ev->nmi_injected = false;
	if (ev->tried == AN_INTERRUPT)
		ev->interrupt = false;
	ev->tried = NOTHING;
}

static void look_no_more(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;
	struct events *ev = &vcpu->arch.events;

	vmcb->control.int_ctl &= ~(V_IRQ_MASK | V_IGN_TPR_MASK);
	__clear_bit(INTERCEPT_VINTR, (unsigned long *)vmcb->control.intercepts);
	ev->returned = ev->borrowed;
	if (ev->borrowed)
		return_trap_flag(vcpu);
	ev->borrowed = false;
}

/**
 * event_left() - see what became of the events
 * @vcpu: which has just been left
 */
void event_left(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;
	struct events *ev = &vcpu->arch.events;
	u64 at = vmcb->save.cs.base + vmcb->save.rip;
	u32 info = vmcb->control.exit_int_info;
	bool over = ev->borrowed && is_over(vcpu);

	forget_tried(vcpu);
	look_no_more(vcpu);
	if (ev->nmi_ending && (over || at != ev->nmi_iret))
		ev->nmi_masked = ev->nmi_ending = false;
	if (info & SVM_EXITINTINFO_VALID)
		take_back(vcpu, info, vmcb->control.exit_int_info_err);
}

/**
 * event_iret() - the guest is about to return from its NMI handler
 * @vcpu: stopped in front of the IRET
 *
 * Returns: as arch_vcpu_run().
 * Holds: vcpu->lock.
 */
int event_iret(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;

	if (vcpu->arch.events.returned)
		return event_shows(vcpu);
	__clear_bit(INTERCEPT_IRET, (unsigned long *)vmcb->control.intercepts);
	vcpu->arch.events.nmi_ending = true;
	vcpu->arch.events.nmi_iret = vmcb->save.cs.base + vmcb->save.rip;
	return 1;
}

/**
 * event_shows() - an instruction would show a borrowed trap flag, or take it
 * @vcpu: stopped in front of it
 *
 * Returns: 1, go on: with the NMI that waits, and then the instruction.
 * Holds: vcpu->lock.
 */
int event_shows(struct vcpu *vcpu)
{
	vcpu->arch.vmcb->control.int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	vcpu->arch.events.nmi_masked = vcpu->arch.events.nmi_ending = false;
	return 1;
}

/**
 * event_fault() - an exception while the trap flag was ours
 * @vcpu: stopped at the instruction that caused it
 * @nr: which
 *
 * Returns: as event_raise().
 * Holds: vcpu->lock.
 */
int event_fault(struct vcpu *vcpu, u8 nr)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;

	if (!vcpu->arch.events.nmi_ending)
		return event_shows(vcpu);
	if (nr == PF_VECTOR)
		vmcb->save.cr2 = vmcb->control.exit_info_2;
	return event_raise(vcpu, nr, vmcb->control.exit_info_1);
}

/**
 * event_debug() - a #DB, which may be ours
 * @vcpu: whose guest stopped
 *
 * Returns: 1, go on, with the exception raised unless it was only ours.
 * Holds: vcpu->lock.
 */
int event_debug(struct vcpu *vcpu)
{
	const struct events *ev = &vcpu->arch.events;

	if (ev->returned && !ev->guest_tf && !ev->trapped)
		return 1;
	return event_raise(vcpu, DB_VECTOR, 0);
}

/**
 * event_get() - answer KVM_GET_VCPU_EVENTS
 * @vcpu: whose events
 * @to: filled, all of it
 *
 * Holds: vcpu->lock.
 */
void event_get(struct vcpu *vcpu, struct kvm_vcpu_events *to)
{
	const struct events *ev = &vcpu->arch.events;

	memset(to, 0, sizeof(*to));
	to->exception.injected = ev->exception.injected ||
				 ev->exception.pending;
	to->exception.nr = ev->exception.nr;
	to->exception.has_error_code = ev->exception.has_error;
	to->exception.error_code = ev->exception.error;
	to->interrupt.injected = ev->interrupt;
	to->interrupt.nr = ev->vector;
	to->interrupt.shadow = in_shadow(vcpu) ?
		KVM_X86_SHADOW_INT_MOV_SS | KVM_X86_SHADOW_INT_STI : 0;
	to->nmi.injected = ev->nmi_injected;
	to->nmi.pending = !!ev->nmi_pending;
	to->nmi.masked = ev->nmi_masked;
	to->flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
		    KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;
}

#define EVENT_FLAGS (KVM_VCPUEVENT_VALID_NMI_PENDING | \
		     KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
		     KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM)

/**
 * event_set() - answer KVM_SET_VCPU_EVENTS
 * @vcpu: whose events
 * @from: what the VMM wants, not to be trusted
 *
 * Returns: 0, or -EINVAL for a flag or a vector that is none.
 * Holds: vcpu->lock.
 */
int event_set(struct vcpu *vcpu, const struct kvm_vcpu_events *from)
{
	struct events *ev = &vcpu->arch.events;

	if (from->flags & ~EVENT_FLAGS)
		return -EINVAL;
	if (from->exception.injected &&
	    (from->exception.nr > 31 || from->exception.nr == NMI_VECTOR))
		return -EINVAL;
	ev->exception.pending = false;
	ev->exception.injected = from->exception.injected;
	ev->exception.nr = from->exception.nr;
	ev->exception.has_error = from->exception.has_error_code;
	ev->exception.error = from->exception.error_code;
	ev->interrupt = from->interrupt.injected;
	ev->vector = from->interrupt.nr;
	if (from->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		u32 *state = &vcpu->arch.vmcb->control.int_state;

		*state &= ~SVM_INTERRUPT_SHADOW_MASK;
		*state |= from->interrupt.shadow ? SVM_INTERRUPT_SHADOW_MASK : 0;
	}
	ev->nmi_injected = from->nmi.injected;
	if (from->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		ev->nmi_pending = from->nmi.pending ? 1 : 0;
	ev->nmi_masked = ev->nmi_ending = false;
	if (from->nmi.masked)
		mask_nmi(vcpu);
	return 0;
}

/**
 * event_nmi() - one more non-maskable interrupt, if there is room
 * @vcpu: for whose guest
 *
 * Holds: vcpu->lock.
 */
void event_nmi(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->arch.events;
	u8 room = ev->nmi_masked || ev->nmi_injected ? 1 : 2;

	if (ev->nmi_pending < room)
		ev->nmi_pending++;
}

/**
 * event_interrupt() - the VMM's interrupt, for the next entry
 * @vcpu: for whose guest
 * @vector: its number; one that still waits is replaced
 *
 * Holds: vcpu->lock.
 */
void event_interrupt(struct vcpu *vcpu, u8 vector)
{
	vcpu->arch.events.interrupt = true;
	vcpu->arch.events.vector = vector;
}

/**
 * event_forget() - drop the exception that the last instruction raised
 * @vcpu: whose registers have just been set
 *
 * Holds: vcpu->lock.
 */
void event_forget(struct vcpu *vcpu)
{
	vcpu->arch.events.exception.pending = false;
}
