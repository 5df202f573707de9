/* SPDX-License-Identifier: GPL-2.0-only */
/* From 32-bit protected mode into long mode, and to main(). */
	.code32
	.globl	_start
_start:
	mov	%ebx, %edi
	mov	%ecx, %esi
	mov	%edx, %ebp
	mov	%cr4, %eax
	or	$0x20, %eax		/* entries of 64 bits */
	mov	%eax, %cr4
	mov	$top, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER */
	rdmsr
	or	$0x100, %eax		/* long mode, please */
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax	/* paging */
	mov	%eax, %cr0
	lgdt	segments
	ljmp	$8, $1f
	1:
	.code64
		mov	$16, %eax
		mov	%eax, %ds
		mov	%eax, %es
		mov	%eax, %ss
		mov	%esp, %esp		/* clears the upper half */
		mov	%edi, %edi
		mov	%esi, %esi
		mov	%ebp, %edx
		and	$-16, %rsp
		call	main
	1:	hlt
		jmp	1b

	.data
	.balign	4096
	.globl	top, directory
top:	.quad	directory + 7
	.fill	511, 8, 0
directory:
	.quad	low + 7, 0, 0, high + 7
	.fill	508, 8, 0
low:
	.set	page, 0
	.rept	512
	.quad	page + 0x87
	.set	page, page + 0x200000
	.endr
high:
	.set	page, 0xc0000000
	.rept	512
	.quad	page + 0x87
	.set	page, page + 0x200000
	.endr

	.data
	.balign	8
	.globl	table
table:	.quad	0
	.quad	0x00af9b000000ffff	/* 8: code, 64 bits */
	.quad	0x00cf93000000ffff	/* 16: data */
	.quad	0x00cff3000000ffff	/* 24: data, of a program */
	.quad	0x00affb000000ffff	/* 32: code, of a program */
	.fill	16 * 2, 8, 0		/* 40 and up: see enter_segments() */
segments:
	.word	. - table - 1
	.long	table

	.section .note.GNU-stack, "", @progbits
