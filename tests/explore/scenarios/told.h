/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that wants a page which may not be there, and can be told that it is
 * not. It writes to the page at 0, and comes out.
 *
 * When it is told that the page is not there, it tries again, and so waits; or
 * it comes out (LEAVES). When the page has come it writes to it, and says that
 * it has heard; it hears of all pages without a word.
 */
#ifndef TOLD_H
#define TOLD_H

#include "page.h"

enum { STAYS, LEAVES };

#ifdef ON_KERNEL
#include <asm/kvm_para.h>
#include <string.h>

#define BASE	0x10000		/* of a page with all else that it needs */
#define AREA	(BASE + 0x80)	/* what it is told, and by whom (the ABI's) */
#define VECTOR	32		/* ... that a page has come */

static const struct {
	unsigned int at;
	unsigned char byte[40];
} its_page[] = {
	{ 0x000, { 0x83 } },			/* 4 MiB, each where it is */
	{ 0x048, { 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0 } },
	{ 0x100, { 0xa3, 0, 0, 0, 0,		/* mov %eax, 0 */
		   0xe6, 1,			/* out %al, $1 */
		   0xeb, 0xf7 } },		/* jmp 0x100 */
	{ 0x110, { 0xe6, 2,			/* out %al, $2 */
		   0x83, 0xc4, 4,		/* add $4, %esp */
		   0xcf } },			/* iret */
	{ 0x120, { 0x83, 0x3d, 0x84, 0, 1, 0, 0xff,	/* cmpl $-1, token */
		   0xc7, 5, 0x84, 0, 1, 0, 0, 0, 0, 0,	/* movl $0, token */
		   0x74, 0x0e,			/* je 0x141 */
		   0xa3, 0, 0, 0, 0,		/* mov %eax, 0 */
		   0xb9, 7, 0x4d, 0x56, 0x4b,	/* mov $ACK, %ecx */
		   0xb0, 1,			/* mov $1, %al */
		   0x0f, 0x30 } },		/* wrmsr */
	{ 0x141, { 0xcf } },			/* iret */
};

static inline void set_gate(char *page, int vector, unsigned int at)
{
	unsigned char gate[8] = { at, at >> 8, 8, 0, 0, 0x8e, BASE >> 16 };

	memcpy(page + 0x200 + 8 * vector, gate, 8);
}

static inline char *make_page(int way)
{
	char *page = u_memory(PAGE);
	unsigned int i;

	u_assert(page);
	for (i = 0; i < sizeof(its_page) / sizeof(its_page[0]); i++)
		memcpy(page + its_page[i].at, its_page[i].byte, 40);
	set_gate(page, 14, way == LEAVES ? 0x110 : 0x112);
	set_gate(page, VECTOR, 0x120);
	return page;
}

static inline void set_state(void)
{
	struct kvm_segment flat = { .limit = ~0U, .type = 3, .present = 1,
				    .db = 1, .s = 1, .g = 1 };
	struct kvm_sregs s;

	u_assert(!u_ioctl(vcpu, KVM_GET_SREGS, &s));
	s.ds = s.es = s.ss = s.cs = flat;
	s.cs.type = 11;
	s.cs.selector = 8;
	s.gdt.base = BASE + 0x40;
	s.gdt.limit = 15;
	s.idt.base = BASE + 0x200;
	s.idt.limit = 8 * (VECTOR + 1) - 1;
	s.cr3 = BASE;
	s.cr4 = 0x10;			/* PSE */
	s.cr0 = 0x80000011;		/* PG, ET, PE */
	u_assert(!u_ioctl(vcpu, KVM_SET_SREGS, &s));
}

static inline void go_on_at(unsigned int at)
{
	struct kvm_regs r = {
		.rip = BASE + at, .rsp = BASE + PAGE, .rflags = 0x202,
	};

	u_assert(!u_ioctl(vcpu, KVM_SET_REGS, &r));
}

/* It comes out once before it begins, and so has its own page from then on. */
static inline void make_guest(int way)
{
	u_assert(!set_slot(vm, 1, BASE, PAGE, make_page(way)));
	set_state();
	go_on_at(0x105);
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	go_on_at(0x100);
}

static inline int agree(bool on)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = {
		.head.nmsrs = 2,
		.entry = {
			{ .index = MSR_KVM_ASYNC_PF_INT, .data = VECTOR },
			{ .index = MSR_KVM_ASYNC_PF_EN, .data = on ? AREA |
			  KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
			  KVM_ASYNC_PF_DELIVERY_AS_INT : 0 },
		},
	};

	return u_ioctl(vcpu, KVM_SET_MSRS, &msrs) == 2 ? 0 : -1;
}
#else
static inline void make_guest(int way)
{
	script((struct model_op){ .kind = MODEL_WRITE, .value = 7 },
	       (struct model_op){ .kind = way == LEAVES ? MODEL_CALL :
							  MODEL_TOUCH });
}

static inline int agree(bool on)
{
	return u_ioctl(vcpu, MODEL_ASYNC, on);
}
#endif

#endif
