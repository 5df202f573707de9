// SPDX-License-Identifier: GPL-2.0-only
/* State that a VMM saves and restores beside the registers. */
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/tsc.h>
#include "svm.h"

static const u32 msr_list[] = {
	MSR_EFER, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_KERNEL_GS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP, MSR_IA32_CR_PAT, MSR_IA32_TSC,
	MSR_IA32_TSC_ADJUST, MSR_IA32_APICBASE, MSR_IA32_MCG_STATUS,
	MSR_TSC_AUX,		/* last: not every processor has it */
};

/**
 * msr_offer() - answer KVM_GET_MSR_INDEX_LIST
 * @argp: how many it has room for; told how many there are
 *
 * Returns: 0, -E2BIG without the list, or -EFAULT.
 * Context: may sleep.
 */
long msr_offer(struct kvm_msr_list __user *argp)
{
	u32 room, n = ARRAY_SIZE(msr_list) - !has_tsc_aux();

	if (get_user(room, &argp->nmsrs) || put_user(n, &argp->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return copy_to_user(argp->indices, msr_list, n * sizeof(u32)) ?
		-EFAULT : 0;
}

#define MAX_MSRS 256

static long msr_io(struct vcpu *vcpu, struct kvm_msrs __user *argp, bool get)
{
	struct kvm_msr_entry *entry;
	u32 n, i;

	if (get_user(n, &argp->nmsrs))
		return -EFAULT;
	if (n >= MAX_MSRS)
		return -E2BIG;
	entry = memdup_user(argp->entries, n * sizeof(*entry));
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	for (i = 0; i < n; i++) {
		if (!(get ? msr_read(vcpu, entry[i].index, &entry[i].data) :
			    msr_set(vcpu, entry[i].index, entry[i].data)))
			break;
	}
	if (get && copy_to_user(argp->entries, entry, n * sizeof(*entry)))
		i = -EFAULT;
	kfree(entry);
	return (int)i;
}

static void get_debugregs(struct arch_vcpu *arch, struct kvm_debugregs *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->db, arch->dr, sizeof(to->db));
	to->dr6 = arch->vmcb->save.dr6;
	to->dr7 = arch->vmcb->save.dr7;
}

static int set_debugregs(struct arch_vcpu *arch,
			 const struct kvm_debugregs *from)
{
	if (from->flags || from->dr6 >> 32 || from->dr7 >> 32)
		return -EINVAL;
	memcpy(arch->dr, from->db, sizeof(arch->dr));
	arch->vmcb->save.dr6 = from->dr6;
	arch->vmcb->save.dr7 = from->dr7;
	svm_own_dr(arch);
	return 0;
}

static long xsave_get(struct arch_vcpu *arch, void __user *argp)
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

static long xsave_set(struct arch_vcpu *arch, void __user *argp)
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

static int set_xcrs(struct arch_vcpu *arch, const struct kvm_xcrs *xcrs)
{
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

static void get_xcrs(struct arch_vcpu *arch, struct kvm_xcrs *xcrs)
{
	memset(xcrs, 0, sizeof(*xcrs));
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = arch->xcr0;
}

/**
 * state_ioctl() - requests about more than the general registers
 * @vcpu: whose state
 * @cmd: the request
 * @argp: its structure, in the VMM's memory
 *
 * Returns: 0, a count for the MSR requests, or a negative errno; -EINVAL for
 *	a request that is not there.
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
long state_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	struct arch_vcpu *arch = &vcpu->arch;
	union {
		struct kvm_debugregs debugregs;
		struct kvm_xcrs xcrs;
	} u;

	switch (cmd) {
	case KVM_GET_MSRS:
		return msr_io(vcpu, argp, true);
	case KVM_SET_MSRS:
		return msr_io(vcpu, argp, false);
	case KVM_GET_XSAVE:
		return xsave_get(arch, argp);
	case KVM_SET_XSAVE:
		return xsave_set(arch, argp);
	case KVM_GET_TSC_KHZ:
		return tsc_khz;
	case KVM_GET_DEBUGREGS:
		get_debugregs(arch, &u.debugregs);
		return copy_to_user(argp, &u, sizeof(u.debugregs)) ? -EFAULT : 0;
	case KVM_SET_DEBUGREGS:
		if (copy_from_user(&u, argp, sizeof(u.debugregs)))
			return -EFAULT;
		return set_debugregs(arch, &u.debugregs);
	case KVM_GET_XCRS:
		get_xcrs(arch, &u.xcrs);
		return copy_to_user(argp, &u, sizeof(u.xcrs)) ? -EFAULT : 0;
	case KVM_SET_XCRS:
		if (copy_from_user(&u, argp, sizeof(u.xcrs)))
			return -EFAULT;
		return set_xcrs(arch, &u.xcrs);
	}
	return -EINVAL;
}
