// SPDX-License-Identifier: GPL-2.0-only
/* x87, SSE and AVX as the VMM reads and writes them. */
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include "svm.h"

/**
 * fpu_get() - answer KVM_GET_FPU
 * @vcpu: whose
 * @data: a struct kvm_fpu, empty
 *
 * Holds: vcpu->lock.
 */
int fpu_get(struct vcpu *vcpu, void *data)
{
	struct fxregs_state *fx = &vcpu->arch.fpu.fpstate->regs.fxsave;
	struct kvm_fpu *fpu = data;

	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fx->xmm_space));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	fpu->mxcsr = fx->mxcsr;
	return 0;
}

/**
 * fpu_set() - answer KVM_SET_FPU
 * @vcpu: whose
 * @data: a struct kvm_fpu
 *
 * Holds: vcpu->lock.
 */
int fpu_set(struct vcpu *vcpu, void *data)
{
	struct fpstate *state = vcpu->arch.fpu.fpstate;
	struct fxregs_state *fx = &state->regs.fxsave;
	const struct kvm_fpu *fpu = data;

	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fx->xmm_space));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	state->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/**
 * xsave_get() - answer KVM_GET_XSAVE
 * @arch: the vCPU's
 * @argp: a struct kvm_xsave, which is a page
 *
 * Returns: 0, ENOMEM or EFAULT.
 * Holds: vcpu->lock.
 */
long xsave_get(struct arch_vcpu *arch, void __user *argp)
{
	struct kvm_xsave *area = kzalloc(sizeof(*area), GFP_KERNEL_ACCOUNT);
	long r;

	if (!area)
		return -ENOMEM;
	fpu_copy_guest_fpstate_to_uabi(&arch->fpu, area, sizeof(*area),
				       xcr0_of(arch) | XFEATURE_MASK_FPSSE,
				       arch->pkru);
	r = copy_to_user(argp, area, sizeof(*area)) ? -EFAULT : 0;
	kfree(area);
	return r;
}

/**
 * xsave_set() - answer KVM_SET_XSAVE
 * @arch: the vCPU's
 * @argp: a struct kvm_xsave
 *
 * Returns: 0, EINVAL for states that no guest can have, ENOMEM or EFAULT.
 * Holds: vcpu->lock.
 */
long xsave_set(struct arch_vcpu *arch, void __user *argp)
{
	struct kvm_xsave *area = memdup_user(argp, sizeof(*area));
	long r;

	if (IS_ERR(area))
		return PTR_ERR(area);
	r = fpu_copy_uabi_to_guest_fpstate(&arch->fpu, area, xcr0_for_guests(),
					   &arch->pkru);
	kfree(area);
	return r;
}

/**
 * xcrs_set() - answer KVM_SET_XCRS
 * @vcpu: whose
 * @data: a struct kvm_xcrs
 *
 * Returns: 0; EINVAL for a value that the guest could not set, or where the
 *	host has no XCR0.
 * Holds: vcpu->lock.
 */
int xcrs_set(struct vcpu *vcpu, void *data)
{
	struct arch_vcpu *arch = &vcpu->arch;
	const struct kvm_xcrs *xcrs = data;
	u32 i;

	if (!svm_host_xcr0 || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++) {
		if (xcrs->xcrs[i].xcr != XCR_XFEATURE_ENABLED_MASK)
			continue;
		if (!xcr0_is_good(arch, xcrs->xcrs[i].value))
			return -EINVAL;
		arch->xcr0 = xcrs->xcrs[i].value;
		break;
	}
	return 0;
}

/**
 * xcrs_get() - answer KVM_GET_XCRS
 * @vcpu: whose
 * @data: a struct kvm_xcrs, empty
 *
 * Holds: vcpu->lock.
 */
int xcrs_get(struct vcpu *vcpu, void *data)
{
	struct kvm_xcrs *xcrs = data;

	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = vcpu->arch.xcr0;
	return 0;
}
