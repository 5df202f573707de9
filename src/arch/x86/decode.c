// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that have an operand in memory: read, and done. */
#include <linux/types.h>
#include "decode.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum { ES, CS, SS, DS, FS, GS };

struct reader {
	const u8 *bytes;
	unsigned int n, at;
	unsigned int mode;	/* bits: 16, 32 or 64 */
	u8 rex, seg;		/* a segment's number, or INSN_NO_REG */
	bool op_prefix, addr_prefix, rep, lock;
};

static u64 take(struct reader *r, unsigned int size)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < size; i++, r->at++) {
		if (r->at < r->n)
			value |= (u64)r->bytes[r->at] << (8 * i);
	}
	return value;
}

static u64 extend(u64 value, unsigned int size)
{
	unsigned int unused = 64 - 8 * size;

	value <<= unused;
	return (s64)value >> unused;
}

static u64 take_signed(struct reader *r, unsigned int size)
{
	return extend(take(r, size), size);
}

static u8 take_prefixes(struct reader *r)
{
	u8 byte;

	for (; r->at < INSN_MAX; r->rex = (byte & 0xf0) == 0x40 ? byte : 0) {
		byte = take(r, 1);
		if (byte == 0x66)
			r->op_prefix = true;
		else if (byte == 0x67)
			r->addr_prefix = true;
		else if (byte == 0xf0)
			r->lock = true;
		else if (byte == 0xf2 || byte == 0xf3)
			r->rep = true;
		else if ((byte & 0xe7) == 0x26)
			r->seg = byte >> 3 & 3;
		else if (byte == 0x64 || byte == 0x65)
			r->seg = byte - 0x60;
		else if (r->mode != 64 || (byte & 0xf0) != 0x40)
			return byte;
	}
	return 0;
}

static void place16(struct reader *r, struct insn *insn, u8 mod, u8 rm)
{
	static const u8 base[] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const u8 index[] = { RSI, RDI, RSI, RDI };

	insn->base = base[rm];
	if (rm < 4)
		insn->index = index[rm];
	if (mod == 0 && rm == 6) {
		insn->base = INSN_NO_REG;
		insn->disp = take(r, 2);
	} else if (mod) {
		insn->disp = take_signed(r, mod);
	}
}
static void place32(struct reader *r, struct insn *insn, u8 mod, u8 rm)
{
	u8 base = rm;

	if (rm == 4) {
		u8 sib = take(r, 1);
		u8 index = (sib >> 3 & 7) | (r->rex & 2) << 2;

		base = sib & 7;
		insn->scale = sib >> 6;
		if (index != 4)
			insn->index = index;
	}
	if (mod || base != 5)
		insn->base = base | (r->rex & 1) << 3;
	if (mod == 1)
		insn->disp = take_signed(r, 1);
	else if (mod == 2 || base == 5)
		insn->disp = take_signed(r, 4);
	insn->rip = r->mode == 64 && !mod && rm == 5;
}
/* Returns: the register field, which may be part of the operation. */
static int take_place(struct reader *r, struct insn *insn)
{
	u8 byte = take(r, 1);
	u8 mod = byte >> 6, rm = byte & 7;

	if (mod == 3)
		return -1;
	if (insn->addr_size == 2)
		place16(r, insn, mod, rm);
	else
		place32(r, insn, mod, rm);
	if (insn->base == RSP || insn->base == RBP)
		insn->seg = SS;
	insn->reg = (byte >> 3 & 7) | (r->rex & 4) << 1;
	return byte >> 3 & 7;
}

static void set_sizes(const struct reader *r, struct insn *insn)
{
	unsigned int mode = r->mode;

	insn->size = (mode == 16) == r->op_prefix ? 4 : 2;
	if (r->rex & 8)
		insn->size = 8;
	if (mode == 64)
		insn->addr_size = r->addr_prefix ? 4 : 8;
	else
		insn->addr_size = (mode == 16) == r->addr_prefix ? 4 : 2;
}

static void choose_bytes(struct insn *insn, u8 opcode)
{
	if (!(opcode & 1))
		insn->size = 1;
}
static int set_op(struct insn *insn, u8 op, bool to_mem)
{
	bool compares = op == INSN_CMP || op == INSN_TEST || op == INSN_BT;

	insn->op = op;
	insn->to_mem = to_mem;
	insn->writes = to_mem && !compares;
	insn->reads = op != INSN_MOV || !to_mem;
	return INSN_OK;
}

static int take_imm(struct reader *r, struct insn *insn, unsigned int size)
{
	insn->reg = INSN_NO_REG;
	insn->imm = take_signed(r, size < 4 ? size : 4);
	return INSN_OK;
}
static int one_byte(struct reader *r, struct insn *insn, u8 opcode)
{
	int ext;

	if (opcode < 0x40 && (opcode & 7) < 4) {
		choose_bytes(insn, opcode);
		set_op(insn, opcode >> 3, !(opcode & 2));
		return take_place(r, insn) < 0 ? INSN_UNKNOWN : INSN_OK;
	}
	switch (opcode) {
	case 0x80: case 0x81: case 0x83:
		choose_bytes(insn, opcode);
		ext = take_place(r, insn);
		if (ext < 0)
			return INSN_UNKNOWN;
		set_op(insn, ext, true);
		return take_imm(r, insn, opcode == 0x81 ? insn->size : 1);
	case 0xf6: case 0xf7:
		choose_bytes(insn, opcode);
		ext = take_place(r, insn);
		if (ext < 0 || ext > 3)
			return INSN_UNKNOWN;
		insn->reg = INSN_NO_REG;
		if (ext > 1)
			return set_op(insn, ext == 2 ? INSN_NOT : INSN_NEG, true);
		set_op(insn, INSN_TEST, true);
		return take_imm(r, insn, insn->size);
	case 0xfe: case 0xff:
		choose_bytes(insn, opcode);
		ext = take_place(r, insn);
		if (ext < 0 || ext > 1)
			return INSN_UNKNOWN;
		insn->reg = INSN_NO_REG;
		return set_op(insn, ext ? INSN_DEC : INSN_INC, true);
	case 0xc6: case 0xc7:
		choose_bytes(insn, opcode);
		if (take_place(r, insn))
			return INSN_UNKNOWN;
		set_op(insn, INSN_MOV, true);
		return take_imm(r, insn, insn->size);
	case 0x84 ... 0x8b:
		choose_bytes(insn, opcode);
		set_op(insn, opcode < 0x86 ? INSN_TEST :
		       opcode < 0x88 ? INSN_XCHG : INSN_MOV, opcode < 0x8a);
		return take_place(r, insn) < 0 ? INSN_UNKNOWN : INSN_OK;
	case 0x63:
		if (r->mode != 64)
			return INSN_UNKNOWN;
		insn->reg_size = insn->size;
		insn->size = 4;
		set_op(insn, INSN_MOVSX, false);
		return take_place(r, insn) < 0 ? INSN_UNKNOWN : INSN_OK;
	case 0xa0 ... 0xa3:
		choose_bytes(insn, opcode);
		insn->reg = RAX;
		insn->disp = take(r, insn->addr_size);
		return set_op(insn, INSN_MOV, opcode >= 0xa2);
	case 0x6c ... 0x6f:
		choose_bytes(insn, opcode);
		if (insn->size == 8)
			insn->size = 4;		/* ports have no more */
		insn->rep = r->rep;
		return set_op(insn, opcode < 0x6e ? INSN_INS : INSN_OUTS, false);
	case 0xa4: case 0xa5:
	case 0xaa ... 0xad:
		choose_bytes(insn, opcode);
		insn->rep = r->rep;
		insn->reg = RAX;
		return set_op(insn, opcode < 0xa8 ? INSN_MOVS :
			      opcode < 0xac ? INSN_STOS : INSN_LODS, false);
	}
	return INSN_UNKNOWN;
}
static int two_bytes(struct reader *r, struct insn *insn, u8 opcode)
{
	int ext;

	if ((opcode & 0xf6) == 0xb6) {
		insn->reg_size = insn->size;
		insn->size = opcode & 1 ? 2 : 1;
		set_op(insn, opcode < 0xb8 ? INSN_MOVZX : INSN_MOVSX, false);
		return take_place(r, insn) < 0 ? INSN_UNKNOWN : INSN_OK;
	}
	if (opcode != 0xba)
		return INSN_UNKNOWN;
	ext = take_place(r, insn);
	if (ext < 4)
		return INSN_UNKNOWN;
	set_op(insn, INSN_BT + ext - 4, true);
	take_imm(r, insn, 1);
	insn->imm &= insn->size * 8 - 1;
	return INSN_OK;
}

static void choose_high_byte(const struct reader *r, struct insn *insn)
{
	if (insn->reg_size == 1 && !r->rex && insn->reg >= 4 &&
	    insn->reg < 8) {
		insn->reg -= 4;
		insn->shift = 8;
	}
}
/**
 * insn_decode() - read an instruction
 * @insn: its description goes here
 * @bytes: where it begins
 * @n: how many of them may be read
 * @mode: 16, 32 or 64
 *
 * Returns: INSN_OK, INSN_SHORT or INSN_UNKNOWN.
 * Context: any.
 */
int insn_decode(struct insn *insn, const u8 *bytes, unsigned int n,
		unsigned int mode)
{
	struct reader r = {
		.bytes = bytes, .n = n, .mode = mode, .seg = INSN_NO_REG,
	};
	int result;
	u8 opcode;

	*insn = (struct insn){
		.reg = INSN_NO_REG, .seg = DS,
		.base = INSN_NO_REG, .index = INSN_NO_REG,
	};
	opcode = take_prefixes(&r);
	set_sizes(&r, insn);
	if (opcode == 0x0f)
		result = two_bytes(&r, insn, take(&r, 1));
	else
		result = one_byte(&r, insn, opcode);
	if (r.at > INSN_MAX)
		return INSN_UNKNOWN;
	if (r.at > n)
		return INSN_SHORT;
	if (r.lock && !insn->writes)
		return INSN_UNKNOWN;
	if (r.seg != INSN_NO_REG)
		insn->seg = r.seg;
	if (!insn->reg_size)
		insn->reg_size = insn->size;
	choose_high_byte(&r, insn);
	insn->length = r.at;
	return result;
}

static u64 size_mask(unsigned int size)
{
	return size == 8 ? ~0ULL : (1ULL << (8 * size)) - 1;
}

static void set_part(u64 *reg, u64 value, unsigned int size,
		     unsigned int shift)
{
	u64 mask = size_mask(size) << shift;

	if (size == 4)
		*reg = (u32)value;
	else
		*reg = (*reg & ~mask) | (value << shift & mask);
}

/**
 * insn_offset() - where in its segment the operand is
 * @insn: not a string instruction
 * @regs: the general registers
 * @next_rip: where the next instruction begins
 */
u64 insn_offset(const struct insn *insn, const u64 *regs, u64 next_rip)
{
	u64 sum = insn->disp;

	if (insn->base != INSN_NO_REG)
		sum += regs[insn->base];
	if (insn->index != INSN_NO_REG)
		sum += regs[insn->index] << insn->scale;
	if (insn->rip)
		sum += next_rip;
	return sum & size_mask(insn->addr_size);
}

enum {
	CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7,
	OF = 1 << 11,
	ALL_FLAGS = CF | PF | AF | ZF | SF | OF,
};

/* The flags of R, of SIZE bytes; carry and overflow are in C and O, on top. */
static u64 flags_of(u64 r, u64 carries, u64 overflow, unsigned int size)
{
	u64 top = 1ULL << (8 * size - 1);

	return (carries & top ? CF : 0) | (overflow & top ? OF : 0) |
	       (carries & 8 ? AF : 0) |
	       (r & size_mask(size) ? 0 : ZF) | (r & top ? SF : 0) |
	       (__builtin_parity(r & 0xff) ? 0 : PF);
}
static u64 add(u64 a, u64 b, bool carry, unsigned int size, u64 *flags)
{
	u64 r = a + b + carry;

	*flags = flags_of(r, (a & b) | ((a | b) & ~r), ~(a ^ b) & (a ^ r),
			  size);
	return r;
}

static u64 subtract(u64 a, u64 b, bool borrow, unsigned int size, u64 *flags)
{
	u64 r = a - b - borrow;

	*flags = flags_of(r, (~a & b) | ((~a | b) & r), (a ^ b) & (a ^ r),
			  size);
	return r;
}
static u64 result_of(u8 op, u64 a, u64 b, unsigned int size, u64 *flags)
{
	switch (op) {
	case INSN_ADD:
		return add(a, b, false, size, flags);
	case INSN_ADC:
		return add(a, b, *flags & CF, size, flags);
	case INSN_SBB:
		return subtract(a, b, *flags & CF, size, flags);
	case INSN_SUB:
	case INSN_CMP:
		return subtract(a, b, false, size, flags);
	case INSN_NEG:
		return subtract(0, a, false, size, flags);
	case INSN_INC:
		return add(a, 1, false, size, flags);
	case INSN_DEC:
		return subtract(a, 1, false, size, flags);
	case INSN_OR:
		*flags = flags_of(a | b, 0, 0, size);
		return a | b;
	case INSN_XOR:
		*flags = flags_of(a ^ b, 0, 0, size);
		return a ^ b;
	case INSN_AND:
	case INSN_TEST:
		*flags = flags_of(a & b, 0, 0, size);
		return a & b;
	case INSN_NOT:
		return ~a;
	case INSN_BT ... INSN_BTC:
		*flags = (*flags & ~(u64)CF) | (a >> b & 1);
		b = 1ULL << b;
		return op == INSN_BTS ? a | b : op == INSN_BTR ? a & ~b : a ^ b;
	}
	return b;
}
static u64 alu(u8 op, u64 a, u64 b, unsigned int size, u64 *flags)
{
	u64 new = *flags;
	u64 r = result_of(op, a, b, size, &new);
	u64 change = ALL_FLAGS;

	if (op == INSN_INC || op == INSN_DEC)
		change &= ~(u64)CF;
	*flags = (*flags & ~change) | (new & change);
	return r;
}
/**
 * insn_compute() - do what an instruction does
 * @insn: not a string instruction
 * @mem: what is in memory, if insn->reads
 * @regs: the general registers, which may change
 * @flags: RFLAGS, which may change
 *
 * Returns: what is to go to memory, if insn->writes.
 * Context: any.
 */
u64 insn_compute(const struct insn *insn, u64 mem, u64 *regs, u64 *flags)
{
	u64 mask = size_mask(insn->size), other = insn->imm, result;

	if (insn->reg != INSN_NO_REG)
		other = regs[insn->reg] >> insn->shift;
	mem &= mask;
	other &= mask;
	result = insn->to_mem ? alu(insn->op, mem, other, insn->size, flags) :
				alu(insn->op, other, mem, insn->size, flags);
	if (insn->op == INSN_MOVSX)
		result = extend(mem, insn->size);
	if (insn->op == INSN_XCHG)
		set_part(&regs[insn->reg], mem, insn->size, insn->shift);
	if (!insn->to_mem && insn->op != INSN_CMP)
		set_part(&regs[insn->reg], result, insn->reg_size, insn->shift);
	return result & mask;
}

/**
 * insn_set_reg() - put what LODS has loaded into its register
 * @insn: the LODS
 * @regs: general registers, in the order of their numbers
 * @value: what was loaded
 */
void insn_set_reg(const struct insn *insn, u64 *regs, u64 value)
{
	set_part(&regs[insn->reg], value, insn->size, 0);
}

static void step_reg(u64 *reg, u64 by, unsigned int size)
{
	set_part(reg, *reg + by, size, 0);
}

/**
 * insn_advance() - a string instruction has dealt with one element
 * @insn: which
 * @regs: the general registers, which change
 * @flags: RFLAGS
 */
void insn_advance(const struct insn *insn, u64 *regs, u64 flags)
{
	u64 by = flags & 1 << 10 ? -(u64)insn->size : insn->size;

	if (insn->op != INSN_STOS && insn->op != INSN_INS)
		step_reg(&regs[RSI], by, insn->addr_size);
	if (insn->op != INSN_LODS && insn->op != INSN_OUTS)
		step_reg(&regs[RDI], by, insn->addr_size);
	if (insn->rep)
		step_reg(&regs[RCX], -1ULL, insn->addr_size);
}
