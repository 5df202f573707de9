/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernels that Twill builds for differ. */
#ifndef TWILL_COMPAT_H
#define TWILL_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define assign_str(name) __assign_str(name, name)
#else
#define assign_str(name) __assign_str(name)
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define immediate_exit immediate_exit__unsafe
#endif
#ifdef SYSCORE_HAS_DATA
#define SYSCORE_ARG void *unused
#else
struct syscore_ops;
struct syscore {
	struct syscore_ops *ops;
};
#define SYSCORE_ARG void
#define register_syscore(s) register_syscore_ops((s)->ops)
#define unregister_syscore(s) unregister_syscore_ops((s)->ops)
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <linux/mm.h>

struct follow_pfnmap_args {
	struct vm_area_struct *vma;
	unsigned long address;
	spinlock_t *lock;
	pte_t *ptep;
	unsigned long pfn;
	bool writable;
};

static inline int follow_pfnmap_start(struct follow_pfnmap_args *args)
{
	int r = follow_pte(args->vma->vm_mm, args->address, &args->ptep,
			   &args->lock);

	if (!r) {
		args->pfn = pte_pfn(*args->ptep);
		args->writable = pte_write(*args->ptep);
	}
	return r;
}

static inline void follow_pfnmap_end(struct follow_pfnmap_args *args)
{
	__acquire(args->lock);	/* follow_pte() did, which sparse cannot see */
	pte_unmap_unlock(args->ptep, args->lock);
}
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define on_crash(callback) ((void)(callback))
#define not_on_crash(callback) ((void)(callback))
#else
#define on_crash cpu_emergency_register_virt_callback
#define not_on_crash cpu_emergency_unregister_virt_callback
#endif
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
#define wipe_before_user_space() do {					\
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))		\
		this_cpu_write(x86_ibpb_exit_to_user, true);		\
} while (0)
#else
#define wipe_before_user_space() ((void)0)
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define note_quiescent_state() rcu_virt_note_context_switch(smp_processor_id())
#else
#define note_quiescent_state() rcu_virt_note_context_switch()
#endif

#endif
