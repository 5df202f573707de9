/* SPDX-License-Identifier: GPL-2.0-only */
/* Where exceptions arrive, and where tasks change. */
	.macro	stub number, has_error
	.balign	16
	.if	\has_error == 0
	push	$0
	.endif
	push	$\number
	jmp	arrive
	.endm

	.text
	.balign	16
	.globl	stubs
stubs:
	.set	number, 0
	.rept	36
	.if	(1 << number) & 0x60227d00
	stub	number, 1
	.else
	stub	number, 0
	.endif
	.set	number, number + 1
	.endr

arrive:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	mov	%rsp, %rdi
	cld
	call	trap
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp		/* the number and the error code */
	.globl	to_program
to_program:
	iretq

	/* void change(uint64_t *from, uint64_t to) */
	.globl	change
change:
	pushf
	cli
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	popf
	ret

	.section .note.GNU-stack, "", @progbits
