// SPDX-License-Identifier: GPL-2.0-only
/* What x86 tells a guest of pages that are not there, in KVM's words. */
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include "svm.h"

static bool enabled(const struct vcpu *vcpu)
{
	u64 both = KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT;

	return (vcpu->arch.async_enable & both) == both;
}

/* Returns: as guest_copy(). */
static int word(struct vcpu *vcpu, unsigned int offset, u32 *value, bool write)
{
	gpa_t at = vcpu->arch.async_enable & ~63ULL;

	return guest_copy(vcpu, at + offset, value, sizeof(*value), write);
}

static bool may_tell(const struct vcpu *vcpu)
{
	const struct vmcb_save_area *save = &vcpu->arch.vmcb->save;

	return enabled(vcpu) && event_ready(vcpu) &&
	       save->cr0 & X86_CR0_PG &&
	       (save->cpl ||
		vcpu->arch.async_enable & KVM_ASYNC_PF_SEND_ALWAYS);
}

bool arch_async_not_present(struct vcpu *vcpu, u32 *token)
{
	u32 reason = KVM_PV_REASON_PAGE_NOT_PRESENT;

	if (!may_tell(vcpu) ||
	    word(vcpu, offsetof(struct kvm_vcpu_pv_apf_data, flags),
		 &reason, true) != 1)
		return false;
	if (!(++vcpu->arch.async_last << 12))
		vcpu->arch.async_last = 1;
	*token = vcpu->arch.async_last << 12 | vcpu->id;
	note(page_absent, vcpu);
	vcpu->arch.vmcb->save.cr2 = *token;
	event_raise(vcpu, PF_VECTOR, 0);
	return true;
}

bool arch_async_ready(struct vcpu *vcpu, u32 token)
{
	unsigned int at = offsetof(struct kvm_vcpu_pv_apf_data, token);
	u32 last;

	if (!enabled(vcpu))
		return true;
	if (word(vcpu, at, &last, false) != 1 || last)
		return false;
	if (word(vcpu, at, &token, true) == 1)
		vcpu->arch.events.page_ready = true;
	return true;
}

static bool enable(struct vcpu *vcpu, u64 value)
{
	u64 reserved = 0x30, old = vcpu->arch.async_enable;
	u32 flags;

	if (value & reserved)
		return false;
	vcpu->arch.async_enable = value;
	if (!enabled(vcpu)) {
		async_pf_forget(vcpu);
		return true;
	}
	if (word(vcpu, 0, &flags, false) != 1) {
		vcpu->arch.async_enable = old;
		return false;
	}
	async_pf_wake_all(vcpu);
	return true;
}

/**
 * async_write() - write one of the registers of the agreement
 * @vcpu: whose
 * @index: MSR_KVM_ASYNC_PF_EN, _INT or _ACK
 * @value: what the guest or its VMM wants in it
 *
 * Returns: as msr_write().
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
bool async_write(struct vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		return enable(vcpu, value);
	case MSR_KVM_ASYNC_PF_INT:
		if (value > KVM_ASYNC_PF_VEC_MASK)
			return false;
		vcpu->arch.async_vector = value;
		return true;
	}
	if (value & 1)
		vcpu_request(vcpu, REQUEST_EVENT);
	return true;
}

/**
 * async_reset() - forget what was agreed
 * @vcpu: which is being reset
 *
 * Holds: vcpu->lock, or the vCPU is not there yet.
 */
void async_reset(struct vcpu *vcpu)
{
	vcpu->arch.async_enable = vcpu->arch.async_vector = 0;
	async_pf_forget(vcpu);
}
