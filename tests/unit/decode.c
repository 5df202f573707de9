// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder as an ordinary program: a table of encodings, arithmetic beside
 * the processor's own, and random bytes.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "arch/x86/decode.h"

#define ANY 0x3000	/* what RIP is after the instruction */

struct encoding {
	unsigned int mode;
	const char *text;	/* for people, and in messages */
	const char *bytes;
	unsigned int length, op, size;
	uint64_t offset;	/* register n holds 0x1000 * (n + 1) */
	unsigned int seg;
	int reg;		/* or -1: the constant */
	uint64_t imm;
	bool to_mem;
};

enum { ES, CS, SS, DS, FS, GS };
enum { AX, CX, DX, BX, SP, BP, SI, DI };

#define R(n) (0x1000ULL * ((n) + 1))

static const struct encoding encodings[] = {
	/* the same bytes in three modes */
	{ 16, "mov %ax, 0x10(%bx,%si)", "\x89\x40\x10", 3, INSN_MOV, 2,
	  R(BX) + R(SI) + 0x10, DS, AX, 0, true },
	{ 32, "mov %eax, 0x10(%eax)", "\x89\x40\x10", 3, INSN_MOV, 4,
	  R(AX) + 0x10, DS, AX, 0, true },
	{ 64, "mov %eax, 0x10(%rax)", "\x89\x40\x10", 3, INSN_MOV, 4,
	  R(AX) + 0x10, DS, AX, 0, true },
	/* sixteen bits */
	{ 16, "mov 0x1234, %al", "\xa0\x34\x12", 3, INSN_MOV, 1, 0x1234, DS,
	  AX, 0, false },
	{ 16, "mov %ah, (0x1234)", "\x88\x26\x34\x12", 4, INSN_MOV, 1, 0x1234,
	  DS, AX, 0, true },
	{ 16, "mov (%bp), %cx", "\x8b\x4e\x00", 3, INSN_MOV, 2, R(BP), SS, CX,
	  0, false },
	{ 16, "mov -2(%bx), %cx", "\x8b\x4f\xfe", 3, INSN_MOV, 2, R(BX) - 2, DS,
	  CX, 0, false },
	{ 16, "mov %es:(%bp,%di), %cx", "\x26\x8b\x0b", 3, INSN_MOV, 2,
	  R(BP) + R(DI), ES, CX, 0, false },
	{ 16, "mov (%eax), %ecx", "\x66\x67\x8b\x08", 4, INSN_MOV, 4, R(AX),
	  DS, CX, 0, false },
	{ 16, "mov -2(%bx), %cx (wraps)", "\x8b\x8f\xfe\xcf", 4, INSN_MOV, 2,
	  0x0ffe, DS, CX, 0, false },
	/* 32 bits */
	{ 32, "mov %ax, (%ebx)", "\x66\x89\x03", 3, INSN_MOV, 2, R(BX), DS,
	  AX, 0, true },
	{ 32, "movl $0x12345678, (0x80000000)",
	  "\xc7\x05\x00\x00\x00\x80\x78\x56\x34\x12", 10, INSN_MOV, 4,
	  0x80000000, DS, -1, 0x12345678, true },
	{ 32, "addl $-1, (%esp)", "\x83\x04\x24\xff", 4, INSN_ADD, 4, R(SP),
	  SS, -1, ~0ULL, true },
	{ 32, "cmp %gs:4(%eax,%ecx,8), %edx", "\x65\x3b\x54\xc8\x04", 5,
	  INSN_CMP, 4, R(AX) + 8 * R(CX) + 4, GS, DX, 0, false },
	{ 32, "mov 0x10(,%ecx,2), %edx", "\x8b\x14\x4d\x10\x00\x00\x00", 7,
	  INSN_MOV, 4, 2 * R(CX) + 0x10, DS, DX, 0, false },
	{ 32, "mov (%bx,%si), %eax", "\x67\x8b\x00", 3, INSN_MOV, 4,
	  R(BX) + R(SI), DS, AX, 0, false },
	{ 32, "mov %al, (0x12345678)", "\xa2\x78\x56\x34\x12", 5, INSN_MOV, 1,
	  0x12345678, DS, AX, 0, true },
	/* 64 bits */
	{ 64, "mov %r9, (%r13)", "\x4d\x89\x4d\x00", 4, INSN_MOV, 8, R(13), DS,
	  9, 0, true },
	{ 64, "mov (%r12), %rax", "\x49\x8b\x04\x24", 4, INSN_MOV, 8, R(12),
	  DS, AX, 0, false },
	{ 64, "mov (%rax,%r12,4), %eax", "\x42\x8b\x04\xa0", 4, INSN_MOV, 4,
	  R(AX) + 4 * R(12), DS, AX, 0, false },
	{ 64, "mov %ah, 1(%rbx)", "\x88\x63\x01", 3, INSN_MOV, 1, R(BX) + 1,
	  DS, AX, 0, true },
	{ 64, "mov %spl, 1(%rbx)", "\x40\x88\x63\x01", 4, INSN_MOV, 1,
	  R(BX) + 1, DS, SP, 0, true },
	{ 64, "mov 0x10(%rip), %eax", "\x8b\x05\x10\x00\x00\x00", 6, INSN_MOV,
	  4, ANY + 0x10, DS, AX, 0, false },
	{ 64, "movl $1, 0x10(%rip)", "\xc7\x05\x10\x00\x00\x00\x01\x00\x00\x00",
	  10, INSN_MOV, 4, ANY + 0x10, DS, -1, 1, true },
	{ 64, "mov %eax, (0x10)", "\x89\x04\x25\x10\x00\x00\x00", 7, INSN_MOV,
	  4, 0x10, DS, AX, 0, true },
	{ 64, "movabs", "\xa3\x08\x07\x06\x05\x04\x03\x02\x01", 9, INSN_MOV, 4,
	  0x0102030405060708, DS, AX, 0, true },
	{ 64, "movq $-2, (%rbx)", "\x48\xc7\x03\xfe\xff\xff\xff", 7, INSN_MOV,
	  8, R(BX), DS, -1, -2ULL, true },
	{ 64, "movw $0x8000, (%rbx)", "\x66\xc7\x03\x00\x80", 5, INSN_MOV, 2,
	  R(BX), DS, -1, -0x8000ULL, true },
	{ 64, "rex before 66 is forgotten", "\x48\x66\x89\x03", 4, INSN_MOV, 2,
	  R(BX), DS, AX, 0, true },
	{ 64, "movzbl (%rbx), %eax", "\x0f\xb6\x03", 3, INSN_MOVZX, 1, R(BX),
	  DS, AX, 0, false },
	{ 64, "movzbl (%rbx), %esp", "\x0f\xb6\x23", 3, INSN_MOVZX, 1, R(BX),
	  DS, SP, 0, false },
	{ 64, "movswq (%rbx), %r8", "\x4c\x0f\xbf\x03", 4, INSN_MOVSX, 2,
	  R(BX), DS, 8, 0, false },
	{ 64, "movslq (%rbx), %rax", "\x48\x63\x03", 3, INSN_MOVSX, 4, R(BX),
	  DS, AX, 0, false },
	{ 64, "lock orl $0x80, (%rbx)", "\xf0\x81\x0b\x80\x00\x00\x00", 7,
	  INSN_OR, 4, R(BX), DS, -1, 0x80, true },
	{ 64, "testb $1, (%rbx)", "\xf6\x03\x01", 3, INSN_TEST, 1, R(BX), DS,
	  -1, 1, true },
	{ 64, "test %eax, (%rbx)", "\x85\x03", 2, INSN_TEST, 4, R(BX), DS, AX,
	  0, true },
	{ 64, "notl (%rbx)", "\xf7\x13", 2, INSN_NOT, 4, R(BX), DS, -1, 0,
	  true },
	{ 64, "negb (%rbx)", "\xf6\x1b", 2, INSN_NEG, 1, R(BX), DS, -1, 0,
	  true },
	{ 64, "incq (%rbx)", "\x48\xff\x03", 3, INSN_INC, 8, R(BX), DS, -1, 0,
	  true },
	{ 64, "xchg %eax, (%rbx)", "\x87\x03", 2, INSN_XCHG, 4, R(BX), DS, AX,
	  0, true },
	{ 64, "btsl $35, (%rbx)", "\x0f\xba\x2b\x23", 4, INSN_BTS, 4, R(BX),
	  DS, -1, 35, true },
	{ 64, "sbb (%rbx), %al", "\x1a\x03", 2, INSN_SBB, 1, R(BX), DS, AX, 0,
	  false },
	{ 64, "cmpxchg %ecx, (%rbx)", "\x0f\xb1\x0b", 3, INSN_CMPXCHG, 4,
	  R(BX), DS, CX, 0, true },
	{ 64, "lock xadd %cl, (%rbx)", "\xf0\x0f\xc0\x0b", 4, INSN_XADD, 1,
	  R(BX), DS, CX, 0, true },
	{ 64, "setae (%rbx)", "\x0f\x93\x03", 3, INSN_SETCC, 1, R(BX), DS,
	  -1, 3, true },
	{ 64, "cmovs (%rbx), %rcx", "\x48\x0f\x48\x0b", 4, INSN_CMOVCC, 8,
	  R(BX), DS, CX, 8, false },
	{ 64, "push (%rbx)", "\xff\x33", 2, INSN_PUSH, 8, R(BX), DS, -1, 0,
	  false },
	{ 64, "pushw (%rbx)", "\x66\xff\x33", 3, INSN_PUSH, 2, R(BX), DS, -1,
	  0, false },
	{ 32, "pop (%ebx)", "\x8f\x03", 2, INSN_POP, 4, R(BX), DS, -1, 0,
	  true },
	{ 64, "movnti %rcx, (%rbx)", "\x48\x0f\xc3\x0b", 4, INSN_MOV, 8,
	  R(BX), DS, CX, 0, true },
	{ 64, "movbe (%rbx), %cx", "\x66\x0f\x38\xf0\x0b", 5, INSN_MOVBE, 2,
	  R(BX), DS, CX, 0, false },
	{ 64, "movbe %ecx, (%rbx)", "\x0f\x38\xf1\x0b", 4, INSN_MOVBE, 4,
	  R(BX), DS, CX, 0, true },
	/* R(CX) is bit 0x2000: a kilobyte on */
	{ 64, "bt %ecx, (%rbx)", "\x0f\xa3\x0b", 3, INSN_BT, 4, R(BX) + 0x400,
	  DS, CX, 0, true },
	{ 64, "btc %cx, (%rbx)", "\x66\x0f\xbb\x0b", 4, INSN_BTC, 2,
	  R(BX) + 0x400, DS, CX, 0, true },
};

static void fill(u64 *regs)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		regs[i] = R(i);
}

START_TEST(encoding)
{
	const struct encoding *e = &encodings[_i];
	const u8 *bytes = (const u8 *)e->bytes;
	struct insn insn;
	unsigned int n;
	u64 regs[16];

	fill(regs);
	for (n = 0; n < e->length; n++)
		ck_assert_msg(insn_decode(&insn, bytes, n, e->mode) ==
			      INSN_SHORT, "%s, of %u bytes", e->text, n);
	ck_assert_msg(insn_decode(&insn, bytes, n, e->mode) == INSN_OK, "%s",
		      e->text);
	ck_assert_msg(insn.length == e->length && insn.op == e->op &&
		      insn.size == e->size && insn.seg == e->seg &&
		      insn.to_mem == e->to_mem, "%s: %u %u %u %u %d", e->text,
		      insn.length, insn.op, insn.size, insn.seg, insn.to_mem);
	ck_assert_msg(insn_offset(&insn, regs, ANY) == e->offset,
		      "%s: offset 0x%llx", e->text,
		      (unsigned long long)insn_offset(&insn, regs, ANY));
	if (e->reg < 0)
		ck_assert_msg(insn.reg == INSN_NO_REG && insn.imm == e->imm,
			      "%s: constant", e->text);
	else
		ck_assert_msg(insn.reg == e->reg, "%s: register %u", e->text,
			      insn.reg);
}
END_TEST

static const struct { unsigned int mode; const char *bytes; } refused[] = {
	{ 64, "\x89\xc0" },		/* registers only */
	{ 64, "\x0f\x0b" },		/* UD2 */
	{ 64, "\xf0\x8b\x03" },		/* LOCK and no write */
	{ 32, "\x63\x03" },		/* ARPL */
	{ 64, "\xf0\x89\x03" },		/* LOCK and no read */
	{ 64, "\x0f\xba\x13" },		/* no bit operation has this number */
	{ 64, "\xf2\x0f\x38\xf1\x03" },	/* CRC32 */
	{ 64, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x40" },
};

START_TEST(refuses)
{
	struct insn insn;

	ck_assert_int_eq(insn_decode(&insn, (const u8 *)refused[_i].bytes, 15,
				     refused[_i].mode), INSN_UNKNOWN);
}
END_TEST

/* One operation on the processor: its result, and its flags. */
#define EACH_SIZE(text)							\
	(size == 1 ? ({ u8 t = *a; asm volatile("push %3; popf; " text	\
		"b %2, %0; pushf; pop %1" : "+q" (t), "=&r" (out)	\
		: "q" ((u8)b), "r" (in) : "cc"); *a = t; }) :		\
	 size == 2 ? ({ u16 t = *a; asm volatile("push %3; popf; " text	\
		"w %2, %0; pushf; pop %1" : "+r" (t), "=&r" (out)	\
		: "r" ((u16)b), "r" (in) : "cc"); *a = t; }) :		\
	 size == 4 ? ({ u32 t = *a; asm volatile("push %3; popf; " text	\
		"l %2, %0; pushf; pop %1" : "+r" (t), "=&r" (out)	\
		: "r" ((u32)b), "r" (in) : "cc"); *a = t; }) :		\
	 ({ asm volatile("push %3; popf; " text "q %2, %0; pushf; pop %1" \
		: "+r" (*a), "=&r" (out) : "r" (b), "r" (in) : "cc"); }))

static u64 native(unsigned int op, u64 *a, u64 b, unsigned int size, u64 in)
{
	u64 out;

	switch (op) {
	case INSN_ADD: EACH_SIZE("add"); break;
	case INSN_OR: EACH_SIZE("or"); break;
	case INSN_ADC: EACH_SIZE("adc"); break;
	case INSN_SBB: EACH_SIZE("sbb"); break;
	case INSN_AND: EACH_SIZE("and"); break;
	case INSN_SUB: EACH_SIZE("sub"); break;
	case INSN_XOR: EACH_SIZE("xor"); break;
	case INSN_CMP: EACH_SIZE("cmp"); break;
	case INSN_TEST: EACH_SIZE("test"); break;
	default: abort();
	}
	return out;
}

/* A number whose bits are likely to be all alike somewhere. */
static u64 number(void)
{
	static const u64 edge[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000,
		0x7fffffff, 0x80000000, ~0ULL, 1ULL << 63, (1ULL << 63) - 1 };

	if (rand() & 1)
		return edge[rand() % (sizeof(edge) / sizeof(edge[0]))];
	return (u64)rand() << 33 ^ (u64)rand() << 11 ^ rand();
}

START_TEST(arithmetic)
{
	static const u8 ops[] = { INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB,
		INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP, INSN_TEST };
	unsigned int op = ops[_i], i;

	for (i = 0; i < 200000; i++) {
		unsigned int size = 1 << (rand() & 3);
		u64 mask = size == 8 ? ~0ULL : (1ULL << 8 * size) - 1;
		u64 care = op == INSN_ADD || op == INSN_ADC || op == INSN_SUB ||
			   op == INSN_SBB || op == INSN_CMP ? 0x8d5 : 0x8c5;
		u64 flags = 0x202 | (rand() & 0x8d5), regs[16] = { 0 };
		u64 a = number() & mask, b = number() & mask, r = a, want;
		struct insn insn = { .op = op, .size = size, .reg = BX,
				     .reg_size = size, .to_mem = true };
		u64 got = flags, result;

		regs[BX] = b;
		want = native(op, &r, b, size, flags);
		result = insn_compute(&insn, a, regs, &got);
		if (op != INSN_CMP && op != INSN_TEST)
			ck_assert_msg(result == (r & mask),
				      "op %u size %u: %lx %lx", op, size,
				      (long)a, (long)b);
		ck_assert_msg((got & care) == (want & care),
			      "op %u size %u: %lx %lx: flags %lx, not %lx", op,
			      size, (long)a, (long)b, (long)got, (long)want);
	}
}
END_TEST

START_TEST(one_operand)
{
	struct { u8 op; u64 a, result, in, out; u8 size; } t[] = {
		{ INSN_INC, 0xff, 0, 1, 0x55, 1 },	/* keeps the carry */
		{ INSN_INC, 0x7f, 0x80, 0, 0x890, 1 },
		{ INSN_DEC, 0, 0xffff, 0, 0x94, 2 },
		{ INSN_NEG, 0x80000000, 0x80000000, 0, 0x885, 4 },
		{ INSN_NEG, 0, 0, 1, 0x44, 8 },
		{ INSN_NOT, 0xf0, 0x0f, 0x8d5, 0x8d5, 1 },
	};
	unsigned int i;
	u64 regs[16];

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct insn insn = { .op = t[i].op, .size = t[i].size,
				     .reg = INSN_NO_REG, .to_mem = true };
		u64 flags = t[i].in;

		ck_assert_int_eq(insn_compute(&insn, t[i].a, regs, &flags),
				 t[i].result);
		ck_assert_int_eq(flags, t[i].out);
	}
}
END_TEST

/* SETcc and CMOVcc after each set of flags, as the processor has them. */
START_TEST(conditions)
{
	static const char *const code = "\x0f\x90\xc0\xc3";	/* setcc %al */
	u8 *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u64 flags, regs[16] = { 0 };
	unsigned int cc, i;

	ck_assert(page != MAP_FAILED);
	for (cc = 0; cc < 16; cc++) {
		memcpy(page, code, 4);
		page[1] += cc;
		for (i = 0; i < 32; i++) {
			struct insn set = { .op = INSN_SETCC, .size = 1,
				.reg = INSN_NO_REG, .imm = cc, .to_mem = true };
			u8 want;

			flags = 0x202 | (i & 1) | (i & 2) << 1 | (i & 4) << 4 |
				(i & 8) << 4 | (i & 16) << 7;
			asm volatile("push %1; popf; call *%2" : "=a" (want) :
				     "r" (flags), "r" (page) : "cc");
			ck_assert_msg(insn_compute(&set, 0, regs, &flags) ==
				      want, "cc %u flags %lx", cc, (long)flags);
		}
	}
}
END_TEST

START_TEST(exchanges)
{
	struct insn insn = { .op = INSN_CMPXCHG, .size = 4, .reg_size = 4,
			     .reg = CX, .to_mem = true };
	u64 regs[16] = { 0 }, flags = 2;

	regs[AX] = 0xdead00000005;
	regs[CX] = 9;
	ck_assert(insn_compute(&insn, 5, regs, &flags) == 9);
	ck_assert(regs[AX] == 0xdead00000005 && flags & 0x40);
	ck_assert(insn_compute(&insn, 7, regs, &flags) == 7);
	ck_assert(regs[AX] == 7 && flags == 0x93);
	insn.op = INSN_XADD;
	ck_assert(insn_compute(&insn, 0xfffffff8, regs, &flags) == 1);
	ck_assert(regs[CX] == 0xfffffff8 && flags == 0x13);
	insn.op = INSN_MOVBE;
	regs[CX] = 0x11223344;
	ck_assert(insn_compute(&insn, 0, regs, &flags) == 0x44332211);
	insn.op = INSN_BTR;
	regs[CX] = 35;
	flags = 2;
	ck_assert(insn_compute(&insn, 0xff, regs, &flags) == 0xf7 && flags == 3);
	regs[CX] = -1;
	insn.base = insn.index = INSN_NO_REG;
	insn.addr_size = 8;
	ck_assert(insn_offset(&insn, regs, 0) == -4ULL);
	insn = (struct insn){ .op = INSN_CMOVCC, .size = 4, .reg_size = 4,
			      .reg = CX, .imm = 2 };
	regs[CX] = 0xffffffff00000001;
	flags = 3;
	insn_compute(&insn, 8, regs, &flags);
	ck_assert(regs[CX] == 8);
	flags = 2;
	regs[CX] = 0xffffffff00000001;
	insn_compute(&insn, 8, regs, &flags);
	ck_assert(regs[CX] == 1);	/* no move, and yet half a one */
}
END_TEST

START_TEST(strings)
{
	struct insn insn;
	u64 regs[16], flags = 2;

	ck_assert(!insn_decode(&insn, (const u8 *)"\xf3\x48\xab", 3, 64));
	ck_assert(insn.op == INSN_STOS && insn.size == 8 && insn.rep);
	fill(regs);
	insn_advance(&insn, regs, 2);
	ck_assert(regs[DI] == R(DI) + 8 && regs[CX] == R(CX) - 1);
	ck_assert(regs[SI] == R(SI));
	insn_advance(&insn, regs, 0x402);
	ck_assert(regs[DI] == R(DI) && regs[CX] == R(CX) - 2);
	ck_assert(!insn_decode(&insn, (const u8 *)"\xf3\xa5", 2, 16));
	regs[SI] = 0x5fffe;
	regs[CX] = 0x70000;
	insn_advance(&insn, regs, 2);	/* 16 bits of address wrap */
	ck_assert(regs[SI] == 0x50000 && regs[CX] == 0x7ffff);
	ck_assert(!insn_decode(&insn, (const u8 *)"\xf3\xa6", 2, 64));
	ck_assert(insn.op == INSN_CMPS && insn.rep == REP);
	ck_assert(insn_compare(&insn, 1, 2, &flags) && flags & 1);
	ck_assert(!insn_compare(&insn, 0x102, 2, &flags));
	ck_assert(!insn_decode(&insn, (const u8 *)"\xf2\xae", 2, 64));
	ck_assert(insn.op == INSN_SCAS && insn.rep == REPNE);
	ck_assert(!insn_compare(&insn, 1, 2, &flags));
	ck_assert(insn_compare(&insn, 2, 2, &flags));
	regs[SI] = regs[DI] = 0;
	insn_advance(&insn, regs, 2);
	ck_assert(!regs[SI] && regs[DI] == 1);
}
END_TEST

/* Bytes at the very end of a page, beyond which nothing may be read. */
/* What stops a guest without memory having any part in it. */
START_TEST(control_registers)
{
	static const struct {
		unsigned int mode;
		const char *bytes;
		unsigned int length, op, size;
		int reg, nr;
	} t[] = {
		{ 64, "\x0f\x20\xc3", 3, INSN_GET_CR, 8, BX, 0 },
		{ 32, "\x0f\x22\xe1", 3, INSN_SET_CR, 4, CX, 4 },
		{ 16, "\x0f\x22\xe1", 3, INSN_SET_CR, 4, CX, 4 },
		{ 64, "\x41\x0f\x22\xc7", 4, INSN_SET_CR, 8, 15, 0 },
		{ 64, "\x44\x0f\x20\xc0", 4, INSN_GET_CR, 8, AX, 8 },
		{ 64, "\x66\x0f\x20\xe0", 4, INSN_GET_CR, 8, AX, 4 },
		/* its mode says memory, and there is none */
		{ 64, "\x0f\x20\x04", 3, INSN_GET_CR, 8, SP, 0 },
		{ 64, "\x0f\x06", 2, INSN_CLTS, 4, AX, 0 },
		{ 64, "\x0f\x01\xe3", 3, INSN_SMSW, 4, BX, 0 },
		{ 64, "\x49\x0f\x01\xe4", 4, INSN_SMSW, 8, 12, 0 },
		{ 16, "\x0f\x01\xe3", 3, INSN_SMSW, 2, BX, 0 },
		{ 16, "\x0f\x01\x26\x00\x06", 5, INSN_SMSW, 2, -1, 0 },
		{ 64, "\x48\x0f\x01\x23", 4, INSN_SMSW, 2, -1, 0 },
		{ 64, "\x0f\x01\xf1", 3, INSN_LMSW, 2, CX, 0 },
		{ 32, "\x0f\x01\x31", 3, INSN_LMSW, 2, -1, 0 },
	};
	struct insn insn;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int reg = t[i].reg < 0 ? INSN_NO_REG : t[i].reg;

		ck_assert_msg(insn_decode(&insn, (const u8 *)t[i].bytes,
					  t[i].length, t[i].mode) == INSN_OK,
			      "%u: not understood", i);
		ck_assert_msg(insn.op == t[i].op && insn.length == t[i].length &&
			      insn.size == t[i].size && insn.reg == reg &&
			      (int)insn.imm == t[i].nr,
			      "%u: op %u length %u size %u reg %u imm %u", i,
			      insn.op, insn.length, insn.size, insn.reg,
			      (unsigned int)insn.imm);
	}
	/* A register in the place of memory is still none of ours. */
	ck_assert_int_eq(insn_decode(&insn, (const u8 *)"\x89\xc3", 2, 64),
			 INSN_UNKNOWN);
	/* SGDT lies between the two, and is not stopped. */
	ck_assert_int_eq(insn_decode(&insn, (const u8 *)"\x0f\x01\x03", 3, 64),
			 INSN_UNKNOWN);
	/* LOCK makes CR8 of CR0, and nothing of the others. */
	ck_assert_int_eq(insn_decode(&insn, (const u8 *)"\xf0\x0f\x22\xc3", 4,
				     32), INSN_OK);
	ck_assert(insn.op == INSN_SET_CR && insn.imm == 8 && insn.reg == BX);
	ck_assert_int_eq(insn_decode(&insn, (const u8 *)"\xf0\x0f\x20\xe0", 4,
				     64), INSN_UNKNOWN);
}
END_TEST

START_TEST(random_bytes)
{
	u8 *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, j, known = 0;
	struct insn insn, again;
	u64 regs[16], flags = 2;

	ck_assert(page != MAP_FAILED && !mprotect(page + 4096, 4096, PROT_NONE));
	fill(regs);
	for (i = 0; i < 1000000; i++) {
		unsigned int n = rand() % 16, mode = 16 << rand() % 3;
		u8 *bytes = page + 4096 - n;
		int r;

		for (j = 0; j < n; j++)
			bytes[j] = rand() >> 8;
		r = insn_decode(&insn, bytes, n, mode);
		ck_assert(r == INSN_OK || r == INSN_SHORT || r == INSN_UNKNOWN);
		ck_assert(n < INSN_MAX || r != INSN_SHORT);
		if (r != INSN_OK)
			continue;
		known++;
		ck_assert(insn.length && insn.length <= n);
		ck_assert(insn.size == 1 || insn.size == 2 || insn.size == 4 ||
			  insn.size == 8);
		ck_assert(insn.seg <= GS);
		ck_assert(insn.reg < 16 || insn.reg == INSN_NO_REG);
		ck_assert(insn.base < 16 || insn.base == INSN_NO_REG);
		ck_assert(insn.index < 16 || insn.index == INSN_NO_REG);
		ck_assert(!insn_decode(&again, bytes, insn.length, mode));
		ck_assert(!memcmp(&insn, &again, sizeof(insn)));
		if (insn.op < INSN_MOVS) {
			insn_offset(&insn, regs, 0);
			insn_compute(&insn, i, regs, &flags);
		} else {
			insn_advance(&insn, regs, flags);
		}
	}
	ck_assert_uint_gt(known, 30000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decoder");
	TCase *c = tcase_create("decoder");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, encoding, 0,
			    sizeof(encodings) / sizeof(encodings[0]));
	tcase_add_loop_test(c, refuses, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(c, arithmetic, 0, 9);
	tcase_add_test(c, one_operand);
	tcase_add_test(c, conditions);
	tcase_add_test(c, exchanges);
	tcase_add_test(c, strings);
	tcase_add_test(c, control_registers);
	tcase_add_test(c, random_bytes);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
