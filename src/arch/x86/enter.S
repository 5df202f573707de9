/* SPDX-License-Identifier: GPL-2.0-only */
/* The way into the guest and out of it. */
#include <linux/linkage.h>
#include <asm/kvm_vcpu_regs.h>

#define SLOT(number) (number * 8)

.section .noinstr.text, "ax"

/*
 * void svm_enter(u64 *regs, phys_addr_t vmcb, phys_addr_t host, bool shadow)
 *
 * The global flag is clear. Interrupts are off before and after; they are
 * open, but held back by that flag, in between.
 */
SYM_FUNC_START(svm_enter)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx		/* 16(%rsp): the host's page */
	push	%rsi		/*  8(%rsp): the VMCB */
	push	%rdi		/*   (%rsp): the guest's registers */
	mov	%rdx, %rax
	vmsave	%rax
	test	%cl, %cl
	jnz	1f
	sti
	1:
	mov	%rsi, %rax
	vmload	%rax
	mov	SLOT(__VCPU_REGS_RCX)(%rdi), %rcx
	mov	SLOT(__VCPU_REGS_RDX)(%rdi), %rdx
	mov	SLOT(__VCPU_REGS_RBX)(%rdi), %rbx
	mov	SLOT(__VCPU_REGS_RBP)(%rdi), %rbp
	mov	SLOT(__VCPU_REGS_RSI)(%rdi), %rsi
	mov	SLOT(__VCPU_REGS_R8)(%rdi), %r8
	mov	SLOT(__VCPU_REGS_R9)(%rdi), %r9
	mov	SLOT(__VCPU_REGS_R10)(%rdi), %r10
	mov	SLOT(__VCPU_REGS_R11)(%rdi), %r11
	mov	SLOT(__VCPU_REGS_R12)(%rdi), %r12
	mov	SLOT(__VCPU_REGS_R13)(%rdi), %r13
	mov	SLOT(__VCPU_REGS_R14)(%rdi), %r14
	mov	SLOT(__VCPU_REGS_R15)(%rdi), %r15
	mov	SLOT(__VCPU_REGS_RDI)(%rdi), %rdi
	jz	2f
	sti
	2:
	vmrun	%rax
	mov	(%rsp), %rax
	mov	%rcx, SLOT(__VCPU_REGS_RCX)(%rax)
	mov	%rdx, SLOT(__VCPU_REGS_RDX)(%rax)
	mov	%rbx, SLOT(__VCPU_REGS_RBX)(%rax)
	mov	%rbp, SLOT(__VCPU_REGS_RBP)(%rax)
	mov	%rsi, SLOT(__VCPU_REGS_RSI)(%rax)
	mov	%rdi, SLOT(__VCPU_REGS_RDI)(%rax)
	mov	%r8, SLOT(__VCPU_REGS_R8)(%rax)
	mov	%r9, SLOT(__VCPU_REGS_R9)(%rax)
	mov	%r10, SLOT(__VCPU_REGS_R10)(%rax)
	mov	%r11, SLOT(__VCPU_REGS_R11)(%rax)
	mov	%r12, SLOT(__VCPU_REGS_R12)(%rax)
	mov	%r13, SLOT(__VCPU_REGS_R13)(%rax)
	mov	%r14, SLOT(__VCPU_REGS_R14)(%rax)
	mov	%r15, SLOT(__VCPU_REGS_R15)(%rax)
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	mov	8(%rsp), %rax
	vmsave	%rax
	mov	16(%rsp), %rax
	vmload	%rax
	cli
	add	$24, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(svm_enter)
