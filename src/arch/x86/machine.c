// SPDX-License-Identifier: GPL-2.0-only
/* x86's part of a machine, and what it can offer. */
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include "svm.h"

int arch_check_extension(unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_HLT:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_ASYNC_PF:
	case KVM_CAP_ASYNC_PF_INT:
		return 1;
	case KVM_CAP_XSAVE:
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	}
	return 0;
}

long arch_dev_ioctl(unsigned int cmd, void __user *argp)
{
	if (cmd == KVM_GET_SUPPORTED_CPUID)
		return cpuid_offer(argp);
	if (cmd == KVM_GET_MSR_INDEX_LIST)
		return msr_offer(argp);
	return -EINVAL;
}

int arch_vm_init(struct vm *vm)
{
	spin_lock_init(&vm->arch.tsc_lock);
	vm->arch.tsc_written_at = svm_tsc();
	vm->arch.tsc_offset = -vm->arch.tsc_written_at;
	return 0;
}

void arch_vm_destroy(struct vm *vm)
{
}

/* Takes: vm->lock. */
static bool has_vcpus(struct vm *vm)
{
	bool has;

	mutex_lock(&vm->lock);
	has = memchr_inv(vm->vcpus, 0, sizeof(vm->vcpus));
	mutex_unlock(&vm->lock);
	return has;
}

long arch_vm_ioctl(struct vm *vm, unsigned int cmd, void __user *argp)
{
	u64 addr;

	switch (cmd) {
	case KVM_SET_TSS_ADDR:
		if ((unsigned long)argp > (u32)(-3 * PAGE_SIZE))
			return -EINVAL;
		return 0;
	case KVM_SET_IDENTITY_MAP_ADDR:
		if (has_vcpus(vm))
			return -EINVAL;
		return copy_from_user(&addr, argp, sizeof(addr)) ? -EFAULT : 0;
	}
	return -ENOTTY;
}
