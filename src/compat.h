/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernels that Twill builds for differ. */
#ifndef TWILL_COMPAT_H
#define TWILL_COMPAT_H

#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/version.h>

#ifdef CONFIG_X86
#include <asm/reboot.h>

static inline void on_crash(void (*callback)(void))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	cpu_emergency_register_virt_callback(callback);
#endif
}

static inline void not_on_crash(void (*callback)(void))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	cpu_emergency_unregister_virt_callback(callback);
#endif
}
#endif
static inline void note_quiescent_state(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	rcu_virt_note_context_switch(smp_processor_id());
#else
	rcu_virt_note_context_switch();
#endif
}

#endif
