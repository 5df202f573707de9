/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions that have an operand in memory: read, and done. */
#ifndef TWILL_DECODE_H
#define TWILL_DECODE_H

#include <linux/types.h>

#define INSN_MAX 15	/* no instruction is longer */

enum {
	/* in the order of their numbers in encodings */
	INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR,
	INSN_CMP,
	INSN_MOV, INSN_MOVZX, INSN_MOVSX, INSN_MOVBE, INSN_SETCC, INSN_CMOVCC,
	INSN_XCHG, INSN_XADD, INSN_CMPXCHG,
	INSN_TEST, INSN_NOT, INSN_NEG, INSN_INC, INSN_DEC,
	INSN_BT, INSN_BTS, INSN_BTR, INSN_BTC,
	INSN_PUSH, INSN_POP,
	INSN_MOVS, INSN_CMPS, INSN_STOS, INSN_LODS, INSN_SCAS,
	INSN_INS, INSN_OUTS,
	INSN_GET_CR, INSN_SET_CR, INSN_CLTS, INSN_SMSW, INSN_LMSW,
};

#define INSN_NO_REG 0xff
enum { REP = 1, REPNE = 2 };

/**
 * struct insn - an instruction with an operand in memory
 * @op: what it does
 * @length: bytes, prefixes and all
 * @size: bytes of the operand in memory
 * @reg_size: bytes of the register, if that is another number
 * @reg: the other operand, a register's number; or INSN_NO_REG
 * @shift: 8 for AH, CH, DH and BH
 * @imm: or the other operand is this; or a condition's number, or a control
 *	register's
 * @to_mem: the result goes to memory
 * @reads: it needs what is in memory
 * @writes: it changes it
 * @rep: as often as RCX says: REP, REPNE or 0
 * @addr_size: bytes of an address
 * @seg: the segment of it, in the order ES, CS, SS, DS, FS, GS
 * @base, @index: registers to add, or INSN_NO_REG
 * @scale: the index is shifted left by this
 * @rip: the address is relative to the next instruction
 * @disp: and this is added
 */
struct insn {
	u8 op, length, size, reg_size, reg, shift;
	bool to_mem, reads, writes, rip;
	u8 rep, addr_size, seg, base, index, scale;
	u64 imm, disp;
};

enum {
	INSN_OK,
	INSN_SHORT,	/* not all of it is here */
	INSN_UNKNOWN,	/* or not an instruction at all */
};

int insn_decode(struct insn *insn, const u8 *bytes, unsigned int n,
		unsigned int mode);
u64 insn_offset(const struct insn *insn, const u64 *regs, u64 next_rip);
u64 insn_compute(const struct insn *insn, u64 mem, u64 *regs, u64 *flags);
bool insn_compare(const struct insn *insn, u64 a, u64 b, u64 *flags);
void insn_advance(const struct insn *insn, u64 *regs, u64 flags);
void insn_set_reg(const struct insn *insn, u64 *regs, u64 value);

#endif
