/* SPDX-License-Identifier: GPL-2.0-only */
/* Says hello, and what processor it runs on; in real or protected mode. */
#define SERIAL 0x3f8
#define LINE_STATUS (SERIAL + 5)
#define EXIT_PORT 0xf4

#if BITS == 16
	.code16
#define MODE "real mode"
#else
	.code32
#define MODE "protected mode"
#endif

	.globl	_start
_start:
	test	%ebx, %ebx
	jnz	halt
	mov	$hello, %esi
	call	print
	xor	%eax, %eax
	cpuid
	pushl	$0
	pushl	%ecx
	pushl	%edx
	pushl	%ebx
	mov	%esp, %esi
	call	print
	mov	$under, %esi
	call	print
	mov	$0x40000000, %eax
	cpuid
	pushl	$0
	pushl	%edx
	pushl	%ecx
	pushl	%ebx
	mov	%esp, %esi
	call	print
	mov	$line, %esi
	call	print
	xor	%eax, %eax
	out	%al, $EXIT_PORT
halt:
	hlt
	jmp	halt

print:
	mov	$LINE_STATUS, %edx
wait:
	in	(%dx), %al
	test	$0x20, %al
	jz	wait
	lodsb
	test	%al, %al
	jz	done
	mov	$SERIAL, %edx
	out	%al, (%dx)
	jmp	print
done:
	ret

hello:	.asciz	"hello from " MODE " on "
under:	.asciz	", under "
line:	.asciz	"\n"

	.section .note.GNU-stack, "", @progbits
