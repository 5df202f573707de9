/* SPDX-License-Identifier: GPL-2.0-only */
/* What the core asks of an architecture, which implements nothing else. */
#ifndef TWILL_ARCH_H
#define TWILL_ARCH_H

#include "twill.h"

/**
 * arch_init() - is the hardware there, and free? Switch it on.
 *
 * Returns: 0; EOPNOTSUPP where it is missing, EBUSY where another hypervisor
 *	has it, ENOMEM.
 * Context: module load; may sleep.
 */
int arch_init(void);

/**
 * arch_exit() - switch the hardware off
 *
 * Context: module unload; no machine is left.
 */
void arch_exit(void);

/* What KVM_CHECK_EXTENSION answers for a capability of the architecture's. */
int arch_check_extension(unsigned long cap);

/* A request on the device node that the core does not know; else -EINVAL. */
long arch_dev_ioctl(unsigned int cmd, void __user *argp);

/* The architecture's part of a machine. */
int arch_vm_init(struct vm *vm);
void arch_vm_destroy(struct vm *vm);

/* A request on a machine's file that the core does not know; else -ENOTTY. */
long arch_vm_ioctl(struct vm *vm, unsigned int cmd, void __user *argp);

/**
 * arch_vcpu_init() - make the architecture's part of a vCPU, as after reset
 * @vcpu: whose machine is complete
 *
 * Returns: 0 or -ENOMEM. After an error nothing is left to destroy.
 * Context: may sleep.
 */
int arch_vcpu_init(struct vcpu *vcpu);
void arch_vcpu_destroy(struct vcpu *vcpu);

/**
 * arch_vcpu_ioctl() - a request about registers and the like
 * @vcpu: whose
 * @cmd: any request but KVM_RUN
 * @argp: its argument; for some requests a number
 *
 * Returns: 0 or an errno, EINVAL for a request that is not there.
 * Holds: vcpu->lock.
 */
long arch_vcpu_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp);

/* All of these: process context, vcpu->lock held, by the VMM's own thread. */

/* The VMM is back from an exit: take its answer. Returns: as arch_vcpu_run(). */
int arch_vcpu_complete_io(struct vcpu *vcpu);

/* Before the first visit, and after the last one, of a KVM_RUN. */
void arch_vcpu_load(struct vcpu *vcpu);
void arch_vcpu_put(struct vcpu *vcpu);

/* Forget every translation. By guest_enter(), with interrupts off. */
void arch_vcpu_flush(struct vcpu *vcpu);

/**
 * arch_vcpu_run() - visit the guest once: enter, leave, see why
 * @vcpu: loaded
 *
 * The guest runs between guest_enter() and guest_leave(), if at all.
 *
 * Returns: 1, go on; 0, vcpu->run says what the VMM has to do; or an errno.
 * Context: may sleep; interrupts on.
 */
int arch_vcpu_run(struct vcpu *vcpu);

/**
 * arch_async_not_present() - tell a guest that the page it wants is not there
 * @vcpu: whose guest it is
 * @token: where to put a number that the guest knows the page by
 *
 * Returns: whether the guest could be told: it goes on, with something else,
 *	and must be told when the page has come.
 * Context: may sleep; by the VMM's own thread.
 * Holds: vcpu->lock.
 */
bool arch_async_not_present(struct vcpu *vcpu, u32 *token);

/**
 * arch_async_ready() - tell it that the page has come
 * @vcpu: whose guest it is
 * @token: the page's number, or ASYNC_PF_ALL
 *
 * Returns: false if it cannot be told at present. When it can, REQUEST_EVENT
 *	is set on @vcpu.
 * Context: as above.
 */
bool arch_async_ready(struct vcpu *vcpu, u32 token);

#endif
