// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that have an operand in memory: read, and done. */
#include <linux/kernel.h>
#include <linux/types.h>
#include "decode.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum { ES, CS, SS, DS, FS, GS };

struct reader {
	const u8 *bytes;
	unsigned int n, at;
	unsigned int mode;	/* bits: 16, 32 or 64 */
	u8 rex, seg;		/* a segment's number, or INSN_NO_REG */
	u8 rep;			/* REP, REPNE or 0 */
	bool op_prefix, addr_prefix, lock;
	bool in_reg;		/* ModRM names a register, not a place */
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

static bool has_bit_number(const struct insn *insn)
{
	return insn->op >= INSN_BT && insn->op <= INSN_BTC &&
	       insn->reg != INSN_NO_REG;
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
			r->rep = byte == 0xf3 ? REP : REPNE;
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
static int take_place(struct reader *r, struct insn *insn, bool registers)
{
	u8 byte = take(r, 1);
	u8 mod = byte >> 6, rm = byte & 7;

	insn->reg = (byte >> 3 & 7) | (r->rex & 4) << 1;
	r->in_reg = registers || mod == 3;
	if (r->in_reg)
		insn->base = rm | (r->rex & 1) << 3;
	else if (insn->addr_size == 2)
		place16(r, insn, mod, rm);
	else
		place32(r, insn, mod, rm);
	if (!r->in_reg && (insn->base == RSP || insn->base == RBP))
		insn->seg = SS;
	return byte >> 3 & 7;
}

enum {
	BYTES = 1 << 0,		/* bit 0 of the operation clear: bytes */
	BYTE = 1 << 1,		/* a byte, always */
	WIDE = 1 << 2,		/* eight bytes in 64-bit mode, not four */
	TO_MEM = 1 << 3,	/* the result goes to memory */
	BACK = 1 << 4,		/* unless bit 1 of the operation is set */
	IMM = 1 << 5,		/* the other operand is a constant */
	IMM8 = 1 << 6,		/* of one byte */
	ALONE = 1 << 7,		/* there is no other operand */
	BY_OPCODE = 1 << 8,	/* bits 3 to 5 of the operation belong to OP */
	BY_FIELD = 1 << 9,	/* the register field of ModRM does */
	IF = 1 << 10,		/* the lowest four bits are a condition */
	WIDENS = 1 << 11,	/* the register is wider than the memory */
	ONLY64 = 1 << 12,
	OFFSET = 1 << 13,	/* no ModRM: RAX, and an address */
	STRING = 1 << 14,	/* no ModRM: the registers are fixed */
	OR_REG = 1 << 15,	/* a register may stand in memory's place */
	REGISTERS = 1 << 16,	/* and does, always */
};

enum { ANY = 8, UPPER = 9 };

static const struct form {
	u8 map, opcode, mask, field, op;
	u32 form;
} forms[] = {
	{ 0, 0x00, 0xc4, ANY, INSN_ADD, BYTES | TO_MEM | BACK | BY_OPCODE },
	{ 0, 0x63, 0xff, ANY, INSN_MOVSX, WIDENS | ONLY64 },
	{ 0, 0x80, 0xfe, ANY, INSN_ADD, BYTES | TO_MEM | BY_FIELD | IMM },
	{ 0, 0x83, 0xff, ANY, INSN_ADD, TO_MEM | BY_FIELD | IMM8 },
	{ 0, 0x84, 0xfe, ANY, INSN_TEST, BYTES | TO_MEM },
	{ 0, 0x86, 0xfe, ANY, INSN_XCHG, BYTES | TO_MEM },
	{ 0, 0x88, 0xfc, ANY, INSN_MOV, BYTES | TO_MEM | BACK },
	{ 0, 0x8f, 0xff, 0, INSN_POP, TO_MEM | ALONE | WIDE },
	{ 0, 0xa0, 0xfe, ANY, INSN_MOV, BYTES | OFFSET },
	{ 0, 0xa2, 0xfe, ANY, INSN_MOV, BYTES | OFFSET | TO_MEM },
	{ 0, 0xc6, 0xfe, 0, INSN_MOV, BYTES | TO_MEM | IMM },
	{ 0, 0xf6, 0xfe, 0, INSN_TEST, BYTES | TO_MEM | IMM },
	{ 0, 0xf6, 0xfe, 1, INSN_TEST, BYTES | TO_MEM | IMM },
	{ 0, 0xf6, 0xfe, 2, INSN_NOT, BYTES | TO_MEM | ALONE },
	{ 0, 0xf6, 0xfe, 3, INSN_NEG, BYTES | TO_MEM | ALONE },
	{ 0, 0xfe, 0xfe, 0, INSN_INC, BYTES | TO_MEM | ALONE },
	{ 0, 0xfe, 0xfe, 1, INSN_DEC, BYTES | TO_MEM | ALONE },
	{ 0, 0xff, 0xff, 6, INSN_PUSH, ALONE | WIDE },
	{ 0, 0x6c, 0xfe, ANY, INSN_INS, BYTES | STRING },
	{ 0, 0x6e, 0xfe, ANY, INSN_OUTS, BYTES | STRING },
	{ 0, 0xa4, 0xfe, ANY, INSN_MOVS, BYTES | STRING },
	{ 0, 0xa6, 0xfe, ANY, INSN_CMPS, BYTES | STRING },
	{ 0, 0xaa, 0xfe, ANY, INSN_STOS, BYTES | STRING },
	{ 0, 0xac, 0xfe, ANY, INSN_LODS, BYTES | STRING },
	{ 0, 0xae, 0xfe, ANY, INSN_SCAS, BYTES | STRING },
	{ 1, 0x40, 0xf0, ANY, INSN_CMOVCC, IF },
	{ 1, 0x90, 0xf0, ANY, INSN_SETCC, IF | BYTE | TO_MEM | ALONE },
	{ 1, 0xa3, 0xe7, ANY, INSN_BT - 4, TO_MEM | BY_OPCODE },
	{ 1, 0xb0, 0xfe, ANY, INSN_CMPXCHG, BYTES | TO_MEM },
	{ 1, 0xb6, 0xfe, ANY, INSN_MOVZX, WIDENS },
	{ 1, 0xba, 0xff, UPPER, INSN_BT - 4, TO_MEM | BY_FIELD | IMM8 },
	{ 1, 0xbe, 0xfe, ANY, INSN_MOVSX, WIDENS },
	{ 1, 0xc0, 0xfe, ANY, INSN_XADD, BYTES | TO_MEM },
	{ 1, 0xc3, 0xff, ANY, INSN_MOV, TO_MEM },	/* MOVNTI */
	{ 2, 0xf0, 0xff, ANY, INSN_MOVBE, 0 },
	{ 2, 0xf1, 0xff, ANY, INSN_MOVBE, TO_MEM },
	{ 1, 0x01, 0xff, 4, INSN_SMSW, OR_REG | TO_MEM },
	{ 1, 0x01, 0xff, 6, INSN_LMSW, OR_REG },
	{ 1, 0x06, 0xff, ANY, INSN_CLTS, STRING },
	{ 1, 0x20, 0xff, ANY, INSN_GET_CR, REGISTERS },
	{ 1, 0x22, 0xff, ANY, INSN_SET_CR, REGISTERS },
};

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

static const struct form *find_form(struct reader *r, struct insn *insn,
				    u8 map, u8 opcode, int *field)
{
	const struct form *f;

	*field = -1;
	for (f = forms; f < forms + ARRAY_SIZE(forms); f++) {
		if (f->map != map || (opcode & f->mask) != f->opcode)
			continue;
		if (f->form & (OFFSET | STRING))
			return f;
		if (*field < 0)
			*field = take_place(r, insn, f->form & REGISTERS);
		if (r->in_reg && !(f->form & (OR_REG | REGISTERS)))
			continue;
		if (f->field == *field || f->field == ANY ||
		    (f->field == UPPER && *field > 3))
			return f;
	}
	return NULL;
}

static void set_op(struct insn *insn, u8 op, bool to_mem)
{
	bool compares = op == INSN_CMP || op == INSN_TEST || op == INSN_BT;
	bool replaces = op == INSN_MOV || op == INSN_MOVBE ||
			op == INSN_SETCC || op == INSN_POP ||
			op == INSN_SMSW;

	insn->op = op;
	insn->to_mem = to_mem;
	insn->writes = to_mem && !compares;
	insn->reads = !to_mem || !replaces;
}

static void change_sizes(const struct reader *r, struct insn *insn, u32 form,
			 u8 map, u8 opcode)
{
	if (form & BYTE || (form & BYTES && !(opcode & 1)))
		insn->size = 1;
	if (form & WIDE && r->mode == 64 && insn->size == 4)
		insn->size = 8;
	if (form & WIDENS) {
		insn->reg_size = insn->size;
		insn->size = !map ? 4 : opcode & 1 ? 2 : 1;
	}
	if (insn->size == 8 && (insn->op == INSN_INS || insn->op == INSN_OUTS))
		insn->size = 4;		/* ports have no more */
	if (form & REGISTERS)
		insn->size = r->mode == 64 ? 8 : 4;
	if (form & OR_REG && !(form & TO_MEM && r->in_reg))
		insn->size = 2;
}

static void take_other(struct reader *r, struct insn *insn, u32 form,
		       u8 opcode)
{
	unsigned int size = form & IMM8 ? 1 : insn->size < 4 ? insn->size : 4;

	if (form & (IMM | IMM8 | ALONE))
		insn->reg = INSN_NO_REG;
	if (form & (IMM | IMM8))
		insn->imm = take_signed(r, size);
	if (form & IF)
		insn->imm = opcode & 15;
	if (form & (OFFSET | STRING))
		insn->reg = RAX;
	if (form & OFFSET)
		insn->disp = take(r, insn->addr_size);
	if (form & STRING)
		insn->rep = r->rep;
	if (form & (OR_REG | REGISTERS)) {
		insn->imm = form & REGISTERS ? insn->reg + 8 * r->lock : 0;
		insn->reg = r->in_reg ? insn->base : INSN_NO_REG;
	}
}

static int take_operation(struct reader *r, struct insn *insn, u8 opcode)
{
	const struct form *f;
	u8 map = 0, op;
	int field;

	if (opcode == 0x0f) {
		opcode = take(r, 1);
		map = opcode == 0x38 ? 2 : 1;
		if (map == 2)
			opcode = take(r, 1);
	}
	f = find_form(r, insn, map, opcode, &field);
	if (!f || (f->form & ONLY64 && r->mode != 64) || (map == 2 && r->rep))
		return INSN_UNKNOWN;
	op = f->op + (f->form & BY_OPCODE ? opcode >> 3 & 7 : 0) +
	     (f->form & BY_FIELD ? field : 0);
	set_op(insn, op, f->form & TO_MEM &&
	       !(f->form & BACK && opcode & 2));
	change_sizes(r, insn, f->form, map, opcode);
	take_other(r, insn, f->form, opcode);
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
	result = take_operation(&r, insn, opcode);
	if (r.at > INSN_MAX)
		return INSN_UNKNOWN;
	if (r.at > n)
		return INSN_SHORT;
	if (r.lock && !(insn->reads && insn->writes) &&
	    !(insn->op == INSN_SET_CR && insn->imm == 8))
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
	if (has_bit_number(insn))
		sum += (s64)extend(regs[insn->reg], insn->size) >> 3 &
		       -(s64)insn->size;
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
	case INSN_XADD:
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
		b &= size * 8 - 1;
		*flags = (*flags & ~(u64)CF) | (a >> b & 1);
		b = 1ULL << b;
		return op == INSN_BTS ? a | b : op == INSN_BTR ? a & ~b : a ^ b;
	case INSN_MOVBE:
		return __builtin_bswap64(b) >> (64 - 8 * size);
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

static bool condition(u8 number, u64 flags)
{
	static const u16 one_of[] = { OF, CF, ZF, CF | ZF, SF, PF, 0, ZF };
	bool less = !(flags & SF) != !(flags & OF);
	bool yes = flags & one_of[number >> 1] || (number >= 12 && less);

	return yes != (number & 1);
}

static u64 compare_exchange(const struct insn *insn, u64 mem, u64 *regs,
			    u64 *flags)
{
	u64 rax = regs[RAX] & size_mask(insn->size);

	alu(INSN_CMP, rax, mem, insn->size, flags);
	if (rax == mem)
		return regs[insn->reg] >> insn->shift;
	set_part(&regs[RAX], mem, insn->size, 0);
	return mem;
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
	if (insn->op == INSN_CMPXCHG)
		return compare_exchange(insn, mem, regs, flags) & mask;
	if (insn->op == INSN_SETCC)
		return condition(insn->imm, *flags);
	result = insn->to_mem ? alu(insn->op, mem, other, insn->size, flags) :
				alu(insn->op, other, mem, insn->size, flags);
	if (insn->op == INSN_MOVSX)
		result = extend(mem, insn->size);
	if (insn->op == INSN_CMOVCC)
		result = condition(insn->imm, *flags) ? mem : other;
	if (insn->op == INSN_XCHG || insn->op == INSN_XADD)
		set_part(&regs[insn->reg], mem, insn->size, insn->shift);
	if (!insn->to_mem && insn->op != INSN_CMP)
		set_part(&regs[insn->reg], result, insn->reg_size, insn->shift);
	return result & mask;
}

/**
 * insn_compare() - CMPS and SCAS: compare two elements
 * @insn: which
 * @a: an element
 * @b: is subtracted from it
 * @flags: RFLAGS, which changes
 *
 * Returns: whether a repetition ends here.
 */
bool insn_compare(const struct insn *insn, u64 a, u64 b, u64 *flags)
{
	u64 mask = size_mask(insn->size);

	alu(INSN_CMP, a & mask, b & mask, insn->size, flags);
	return insn->rep && !(*flags & ZF) == (insn->rep == REP);
}

/**
 * insn_set_reg() - put what an instruction has loaded into its register
 * @insn: LODS, or one that reads a control register
 * @regs: general registers, in the order of their numbers
 * @value: what was loaded
 */
void insn_set_reg(const struct insn *insn, u64 *regs, u64 value)
{
	set_part(&regs[insn->reg], value, insn->size, 0);
}

static void move_reg(u64 *reg, u64 by, unsigned int size)
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

	if (insn->op != INSN_STOS && insn->op != INSN_INS &&
	    insn->op != INSN_SCAS)
		move_reg(&regs[RSI], by, insn->addr_size);
	if (insn->op != INSN_LODS && insn->op != INSN_OUTS)
		move_reg(&regs[RDI], by, insn->addr_size);
	if (insn->rep)
		move_reg(&regs[RCX], -1ULL, insn->addr_size);
}
