// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that the processor cannot finish: devices in memory, strings. */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/trap_pf.h>
#include "decode.h"
#include "svm.h"

/* Beside 1, 0 and errnos: no exit, the instruction goes on. */
#define DONE 2

static unsigned int mode_of(const struct vmcb_save_area *save)
{
	if (save->efer & EFER_LMA && save->cs.attrib & SVM_SELECTOR_L_MASK)
		return 64;
	return save->cs.attrib & SVM_SELECTOR_DB_MASK ? 32 : 16;
}

/* Segments are numbered as in the VMCB. */
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

static u64 linear(const struct vmcb_save_area *save, unsigned int seg,
		  u64 offset)
{
	const struct vmcb_seg *segs = &save->es;

	if (mode_of(save) == 64)
		return offset + (seg >= SEG_FS ? segs[seg].base : 0);
	return (u32)(segs[seg].base + offset);
}

static u64 linear_rip(const struct vmcb_save_area *save)
{
	return linear(save, SEG_CS, save->rip);
}

static bool in_segment(const struct vmcb_save_area *save, unsigned int seg,
		       u64 offset, unsigned int size, bool write)
{
	const struct vmcb_seg *s = &(&save->es)[seg];
	bool real = !(save->cr0 & X86_CR0_PE) || save->rflags & X86_EFLAGS_VM;
	bool code = s->attrib & 8, second = s->attrib & 2;
	bool down = !code && s->attrib & 4;
	u64 last = offset + size - 1;

	if (!(s->attrib & SVM_SELECTOR_P_MASK) ||
	    (write && ((code && !real) || !second)) ||
	    (!write && code && !second))
		return false;
	if (down)
		return offset > s->limit &&
		       last <= (s->attrib & SVM_SELECTOR_DB_MASK ?
				U32_MAX : U16_MAX);
	return last <= s->limit || s->limit == U32_MAX;
}

/* Returns: DONE, with *AT the linear address; or what an exit returns. */
static int address(struct vcpu *vcpu, unsigned int seg, u64 offset,
		   unsigned int size, bool write, u64 *at)
{
	const struct vmcb_save_area *save = &vcpu->arch.vmcb->save;

	*at = linear(save, seg, offset);
	if (mode_of(save) == 64 ?
	    svm_is_canonical(*at) && svm_is_canonical(*at + size - 1) :
	    in_segment(save, seg, offset, size, write))
		return DONE;
	return event_raise(vcpu, seg == SEG_SS ? SS_VECTOR : GP_VECTOR, 0);
}

static int answered(struct vcpu *vcpu, u64 *answer)
{
	struct emulation *emul = &vcpu->arch.emul;

	if (emul->asked == emul->answered)
		return false;
	*answer = emul->answer[emul->asked++];
	return true;
}

static int ask(struct vcpu *vcpu, bool port, bool last)
{
	struct emulation *emul = &vcpu->arch.emul;

	if (emul->answered == ARRAY_SIZE(emul->answer))
		return svm_cannot_emulate(vcpu, NULL, 0);
	emul->pending = true;
	emul->port = port;
	emul->last = last;
	vcpu->run->exit_reason = port ? KVM_EXIT_IO : KVM_EXIT_MMIO;
	return 0;
}

static int ask_bus(struct vcpu *vcpu, enum bus_kind bus, u64 addr, void *data,
		   unsigned int len, bool write)
{
	struct emulation *emul = &vcpu->arch.emul;

	if (!bus_io(vcpu->vm, bus, addr, len, write, data))
		return 0;
	if (emul->answered < ARRAY_SIZE(emul->answer)) {
		memcpy(&emul->answer[emul->answered], data, len);
		emul->asked = ++emul->answered;
	}
	return DONE;
}

/* A device's register: up to eight bytes that lie on one page. */
static int device(struct vcpu *vcpu, gpa_t gpa, void *data, unsigned int len,
		  bool write, bool last)
{
	struct kvm_run *run = vcpu->run;
	u64 answer;

	if (answered(vcpu, &answer)) {
		if (!write)
			memcpy(data, &answer, len);
		return DONE;
	}
	if (ask_bus(vcpu, BUS_MEMORY, gpa, data, len, write))
		return DONE;
	memset(&run->mmio, 0, sizeof(run->mmio));
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
	if (write)
		memcpy(run->mmio.data, data, len);
	return ask(vcpu, false, write && last);
}

static int ask_port(struct vcpu *vcpu, const struct insn *insn, u64 data)
{
	struct kvm_run *run = vcpu->run;
	bool out = insn->op == INSN_OUTS;

	run->io.direction = out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	run->io.size = insn->size;
	run->io.port = vcpu->arch.regs[REG_RDX];
	run->io.count = 1;
	run->io.data_offset = PAGE_SIZE;
	if (out)
		memcpy((void *)run + PAGE_SIZE, &data, insn->size);
	return ask(vcpu, true, out);
}

static int page_of(struct vcpu *vcpu, u64 linear, u32 access, gpa_t *gpa)
{
	struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	int r;

	if (save->cpl == 3)
		access |= X86_PF_USER;
	r = guest_walk(vcpu, linear, access, gpa);
	if (r)
		return r < 0 ? r : DONE;
	save->cr2 = linear;
	return event_raise(vcpu, PF_VECTOR, *gpa);
}

/* Read, write, or read what is going to be written. */
enum { READ_IT, CHANGE_IT, WRITE_IT };

static int reach(struct vcpu *vcpu, u64 linear, void *data, unsigned int size,
		 unsigned int how)
{
	bool write = how == WRITE_IT;
	unsigned int done, len;

	for (done = 0; done < size; done += len) {
		u64 at = linear + done;
		gpa_t gpa;
		int r;

		if (mode_of(&vcpu->arch.vmcb->save) != 64)
			at = (u32)at;
		len = min_t(u64, size - done, PAGE_SIZE - offset_in_page(at));
		r = page_of(vcpu, at, how ? X86_PF_WRITE : 0, &gpa);
		if (r != DONE)
			return r;
		r = guest_copy(vcpu, gpa, data + done, len, write);
		if (!r)
			r = device(vcpu, gpa, data + done, len, write,
				   done + len == size);
		else if (r > 0)
			r = DONE;
		if (r != DONE)
			return r;
	}
	return DONE;
}

static int fetch(struct vcpu *vcpu, u8 *bytes, unsigned int from,
		 unsigned int to)
{
	u64 at = linear_rip(&vcpu->arch.vmcb->save) + from;
	gpa_t gpa;
	int r = page_of(vcpu, at, X86_PF_INSTR, &gpa);

	if (r != DONE)
		return r;
	r = guest_copy(vcpu, gpa, bytes + from, to - from, false);
	if (!r)
		return svm_cannot_emulate(vcpu, bytes, from);
	return r < 0 ? r : DONE;
}

static int fetch_and_decode(struct vcpu *vcpu, struct insn *insn)
{
	const struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	unsigned int n = min_t(u64, INSN_MAX, PAGE_SIZE -
			       offset_in_page(linear_rip(save)));
	u8 bytes[INSN_MAX];
	int r = fetch(vcpu, bytes, 0, n), result;

	if (r != DONE)
		return r;
	result = insn_decode(insn, bytes, n, mode_of(save));
	if (result == INSN_SHORT && n < INSN_MAX) {
		r = fetch(vcpu, bytes, n, INSN_MAX);
		if (r != DONE)
			return r;
		n = INSN_MAX;
		result = insn_decode(insn, bytes, n, mode_of(save));
	}
	return result == INSN_OK ? DONE : svm_cannot_emulate(vcpu, bytes, n);
}

struct change {
	u64 regs[16];
	u64 rflags;
	u64 rip;
};

static int finish(struct vcpu *vcpu, const struct change *to)
{
	memcpy(vcpu->arch.regs, to->regs, sizeof(to->regs));
	vcpu->arch.vmcb->save.rflags = to->rflags;
	vcpu->arch.emul.answered = 0;
	return event_retire(vcpu, to->rip);
}

static int finish_after(struct vcpu *vcpu, int r, const struct change *to)
{
	struct emulation *emul = &vcpu->arch.emul;

	if (r == DONE)
		return finish(vcpu, to);
	if (r || !emul->pending || !emul->last)
		return r;
	emul->pending = false;
	finish(vcpu, to);
	return 0;
}

static int element(struct vcpu *vcpu, const struct insn *insn, unsigned int seg,
		   u64 offset, u64 *data, unsigned int how)
{
	u64 at;
	int r = address(vcpu, seg, offset, insn->size, how, &at);

	return r == DONE ? reach(vcpu, at, data, insn->size, how) : r;
}

static int port_out(struct vcpu *vcpu, const struct insn *insn, u64 from,
		    struct change *to)
{
	u64 data = 0;
	int r = element(vcpu, insn, insn->seg, from, &data, READ_IT);

	if (r != DONE)
		return r;
	if (!bus_io(vcpu->vm, BUS_PORTS, (u16)vcpu->arch.regs[REG_RDX],
		    insn->size, true, &data))
		r = ask_port(vcpu, insn, data);
	return finish_after(vcpu, r, to);
}

static int port_in(struct vcpu *vcpu, const struct insn *insn, u64 dest,
		   u64 *data)
{
	gpa_t gpa;
	u64 at;
	int r = address(vcpu, SEG_ES, dest, insn->size, true, &at);

	if (r == DONE)
		r = page_of(vcpu, at, X86_PF_WRITE, &gpa);
	if (r == DONE)
		r = page_of(vcpu, at + insn->size - 1, X86_PF_WRITE, &gpa);
	if (r != DONE || answered(vcpu, data))
		return r;
	if (ask_bus(vcpu, BUS_PORTS, (u16)vcpu->arch.regs[REG_RDX], data,
		    insn->size, false))
		return DONE;
	return ask_port(vcpu, insn, 0);
}

static int execute_plain(struct vcpu *vcpu, const struct insn *insn,
			 struct change *to)
{
	u64 at, mem = 0;
	int r = address(vcpu, insn->seg, insn_offset(insn, to->regs, to->rip),
			insn->size, insn->writes, &at);

	if (r == DONE && insn->reads)
		r = reach(vcpu, at, &mem, insn->size,
			  insn->writes ? CHANGE_IT : READ_IT);
	if (r != DONE)
		return r;
	mem = insn_compute(insn, mem, to->regs, &to->rflags);
	if (insn->writes)
		r = reach(vcpu, at, &mem, insn->size, WRITE_IT);
	return finish_after(vcpu, r, to);
}

static u64 stack_mask(const struct vmcb_save_area *save)
{
	if (mode_of(save) == 64)
		return ~0ULL;
	return save->ss.attrib & SVM_SELECTOR_DB_MASK ? U32_MAX : U16_MAX;
}

static int execute_stack(struct vcpu *vcpu, const struct insn *insn,
			 struct change *to)
{
	u64 mask = stack_mask(&vcpu->arch.vmcb->save), mem = 0, at;
	u64 *rsp = &to->regs[REG_RSP], old = *rsp;
	bool push = insn->op == INSN_PUSH;
	u64 new = push ? old - insn->size : old + insn->size;
	u64 top = (push ? new : old) & mask;
	int r;

	*rsp = (old & ~mask) | (new & mask);
	at = insn_offset(insn, push ? vcpu->arch.regs : to->regs, to->rip);
	if (push) {
		r = element(vcpu, insn, insn->seg, at, &mem, READ_IT);
		if (r == DONE)
			r = element(vcpu, insn, SEG_SS, top, &mem, WRITE_IT);
	} else {
		r = element(vcpu, insn, SEG_SS, top, &mem, READ_IT);
		if (r == DONE)
			r = element(vcpu, insn, insn->seg, at, &mem, WRITE_IT);
	}
	return finish_after(vcpu, r, to);
}

static int execute_string(struct vcpu *vcpu, const struct insn *insn,
			  struct change *to)
{
	u64 mask = GENMASK_ULL(insn->addr_size * 8 - 1, 0), next = to->rip;
	u64 from = to->regs[REG_RSI] & mask, dest = to->regs[REG_RDI] & mask;
	u64 data = to->regs[REG_RAX], other = 0;
	int r = DONE;

	if (insn->rep && !(to->regs[REG_RCX] & mask))
		return finish(vcpu, to);
	insn_advance(insn, to->regs, to->rflags);
	if (insn->rep)
		to->rip = vcpu->arch.vmcb->save.rip;
	switch (insn->op) {
	case INSN_MOVS:
	case INSN_CMPS:
	case INSN_LODS:
		r = element(vcpu, insn, insn->seg, from, &data, READ_IT);
		break;
	case INSN_OUTS:
		return port_out(vcpu, insn, from, to);
	case INSN_INS:
		r = port_in(vcpu, insn, dest, &data);
	}
	if (r != DONE)
		return r;
	switch (insn->op) {
	case INSN_LODS:
		insn_set_reg(insn, to->regs, data);
		break;
	case INSN_CMPS:
	case INSN_SCAS:
		r = element(vcpu, insn, SEG_ES, dest, &other, READ_IT);
		if (r == DONE && insn_compare(insn, data, other, &to->rflags))
			to->rip = next;
		break;
	default:
		r = element(vcpu, insn, SEG_ES, dest, &data, WRITE_IT);
	}
	return finish_after(vcpu, r, to);
}

static int get_control(struct vcpu *vcpu, const struct insn *insn,
		       struct change *to)
{
	u64 value = control_read(vcpu, insn->imm);
	int r = DONE;

	if (insn->reg == INSN_NO_REG)
		r = element(vcpu, insn, insn->seg,
			    insn_offset(insn, to->regs, to->rip), &value,
			    WRITE_IT);
	else
		insn_set_reg(insn, to->regs, value);
	return finish_after(vcpu, r, to);
}

static int set_control(struct vcpu *vcpu, const struct insn *insn,
		       struct change *to)
{
	u64 cr0 = control_read(vcpu, 0), value = 0;
	int r = DONE;

	if (insn->op == INSN_CLTS)
		value = cr0 & ~(u64)X86_CR0_TS;
	else if (insn->reg != INSN_NO_REG)
		value = to->regs[insn->reg];
	else
		r = element(vcpu, insn, insn->seg,
			    insn_offset(insn, to->regs, to->rip), &value,
			    READ_IT);
	if (r != DONE)
		return r;
	if (insn->op == INSN_LMSW)
		value = (cr0 & ~0xeULL) | (value & 0xf);
	else if (mode_of(&vcpu->arch.vmcb->save) != 64)
		value = (u32)value;
	if (!control_write(vcpu, insn->imm, value))
		return event_raise(vcpu, GP_VECTOR, 0);
	return finish(vcpu, to);
}

static int set_priority(struct vcpu *vcpu, const struct insn *insn,
			struct change *to)
{
	u32 *int_ctl = &vcpu->arch.vmcb->control.int_ctl;
	u64 old = *int_ctl & V_TPR_MASK, new = to->regs[insn->reg];
	int r;

	if (new > V_TPR_MASK)
		return event_raise(vcpu, GP_VECTOR, 0);
	*int_ctl = (*int_ctl & ~(u32)V_TPR_MASK) | new;
	r = finish(vcpu, to);
	if (!r || new >= old)
		return r;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return 0;
}

static int execute_control(struct vcpu *vcpu, const struct insn *insn,
			   struct change *to)
{
	const struct vmcb_save_area *save = &vcpu->arch.vmcb->save;
	u32 there = insn->op == INSN_GET_CR ? 0x11d : 0x11;

	if (save->cpl && (insn->op != INSN_SMSW || save->cr4 & X86_CR4_UMIP))
		return event_raise(vcpu, GP_VECTOR, 0);
	if (insn->op == INSN_SET_CR && insn->imm == 8)
		return set_priority(vcpu, insn, to);
	if (!(there >> insn->imm & 1))
		return svm_cannot_emulate(vcpu, NULL, 0);
	if (insn->op == INSN_GET_CR || insn->op == INSN_SMSW)
		return get_control(vcpu, insn, to);
	return set_control(vcpu, insn, to);
}

static int emulate_again(struct vcpu *vcpu)
{
	struct insn insn;
	struct change to;
	int r;

	vcpu->arch.emul.asked = 0;
	vcpu->arch.emul.at = linear_rip(&vcpu->arch.vmcb->save);
	r = fetch_and_decode(vcpu, &insn);
	if (r != DONE)
		return r;
	memcpy(to.regs, vcpu->arch.regs, sizeof(to.regs));
	to.rflags = vcpu->arch.vmcb->save.rflags;
	to.rip = vcpu->arch.vmcb->save.rip + insn.length;
	if (mode_of(&vcpu->arch.vmcb->save) != 64)
		to.rip = (u32)to.rip;
	if (insn.op >= INSN_GET_CR)
		return execute_control(vcpu, &insn, &to);
	if (insn.op >= INSN_MOVS)
		return execute_string(vcpu, &insn, &to);
	if (insn.op >= INSN_PUSH)
		return execute_stack(vcpu, &insn, &to);
	return execute_plain(vcpu, &insn, &to);
}

/**
 * emulate() - do the instruction at the guest's RIP in its place
 * @vcpu: has just been stopped by it
 *
 * Returns: as arch_vcpu_run().
 * Context: may sleep.
 * Holds: vcpu->lock.
 */
int emulate(struct vcpu *vcpu)
{
	vcpu->arch.emul.answered = 0;
	return emulate_again(vcpu);
}

/**
 * emulate_answer() - the VMM has answered; go on
 * @vcpu: which had a question pending
 *
 * Returns: as arch_vcpu_run(); 0 where there is another question.
 */
int emulate_answer(struct vcpu *vcpu)
{
	struct emulation *emul = &vcpu->arch.emul;
	u64 *answer = &emul->answer[emul->answered++];

	emul->pending = false;
	if (emul->port)
		memcpy(answer, (void *)vcpu->run + PAGE_SIZE, sizeof(*answer));
	else
		memcpy(answer, vcpu->run->mmio.data, sizeof(*answer));
	if (linear_rip(&vcpu->arch.vmcb->save) != emul->at)
		return 1;
	return emulate_again(vcpu);
}
