// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest copies a byte from a device to memory, pushes one, writes a string
 * to a port. The memory is where it must not be, in one way after the other:
 * which exception comes, with which code and address, and what is in the page
 * tables afterwards.
 */
#include "machine.h"

#define MEMORY 0x40000
#define TSS 0x5000
#define PLACE 0x6000		/* the byte's, which is mapped at VIRTUAL */
#define STACK 0x9000
#define TABLES 0x10000
#define VIRTUAL 0x200000
#define DEVICE 0x40000

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80 };
enum { SMAP = 1 << 21, PKE = 1 << 22 };

GUEST(copy, 64, "movsb");
GUEST(copy_ac, 64, "pushf; orl $0x40000, (%rsp); popf; movsb");
GUEST(copy_key, 64, "xor %ecx, %ecx; xor %edx, %edx; mov $8, %eax; wrpkru;"
      "movsb");
GUEST(push_it, 64, "push (%rsi)");
GUEST(pop_it, 64, "pop (%rsi)");
GUEST(out_it, 64, "mov %rdi, %rsi; mov $0x77, %edx; outsb");
GUEST(copy32, 32, "movsb");
GUEST(out32, 32, "mov %edi, %esi; mov $0x77, %edx; outsb");

struct try {
	const char *what;
	const uint8_t *from, *to;
	uint64_t pte, to_address, rsp;
	uint32_t cr0, cr4;
	int bits;
	uint32_t es_limit, es_type;
};

#define LINES(guest) guest, guest##_end
#define WP 0x10000
#define BAD 0x800000000000ULL		/* not canonical */

static const struct try tries[] = {
	{ "all is well", LINES(copy), P | W, VIRTUAL, STACK, WP, 0, 64, 0, 0 },
	{ "a user's page", LINES(copy), P | W | U, VIRTUAL, STACK, WP, 0, 64, 0,
	  0 },
	{ "not there", LINES(copy), W, VIRTUAL, STACK, WP, 0, 64, 0, 0 },
	{ "not writable", LINES(copy), P | U, VIRTUAL, STACK, WP, 0, 64, 0, 0 },
	{ "not writable, no WP", LINES(copy), P | U, VIRTUAL, STACK, 0, 0, 64, 0,
	  0 },
	{ "a reserved bit", LINES(copy), P | W | 1ULL << 51, VIRTUAL, STACK, WP,
	  0, 64, 0, 0 },
	{ "SMAP", LINES(copy), P | W | U, VIRTUAL, STACK, WP, SMAP, 64, 0, 0 },
	{ "SMAP and AC", LINES(copy_ac), P | W | U, VIRTUAL, STACK, WP, SMAP, 64,
	  0, 0 },
	{ "SMAP, a page of its own", LINES(copy), P | W, VIRTUAL, STACK, WP,
	  SMAP, 64, 0, 0 },
	{ "a key", LINES(copy_key), P | W | U | 1ULL << 59, VIRTUAL, STACK, WP,
	  PKE, 64, 0, 0 },
	{ "another key", LINES(copy_key), P | W | U | 2ULL << 59, VIRTUAL, STACK,
	  WP, PKE, 64, 0, 0 },
	{ "a key, without WP", LINES(copy_key), P | W | U | 1ULL << 59, VIRTUAL,
	  STACK, 0, PKE, 64, 0, 0 },
	{ "not canonical", LINES(copy), P | W, BAD, STACK, WP, 0, 64, 0, 0 },
	{ "push, not canonical", LINES(push_it), P | W, VIRTUAL, BAD + 16, WP, 0,
	  64, 0, 0 },
	{ "push, not there", LINES(push_it), W, VIRTUAL, VIRTUAL + 8, WP, 0, 64,
	  0, 0 },
	{ "push", LINES(push_it), P | W, VIRTUAL, VIRTUAL + 8, WP, 0, 64, 0, 0 },
	{ "pop", LINES(pop_it), P | W, VIRTUAL, VIRTUAL, WP, 0, 64, 0, 0 },
	{ "out", LINES(out_it), P | U, VIRTUAL, STACK, WP, 0, 64, 0, 0 },
	{ "out, not canonical", LINES(out_it), P, BAD, STACK, WP, 0, 64, 0, 0 },
	{ "out, SMAP", LINES(out_it), P | U, VIRTUAL, STACK, WP, SMAP, 64, 0, 0 },
	{ "32 bits", LINES(copy32), P | W, PLACE, STACK, 0, 0, 32, 0xffffffff, 3 },
	{ "beyond the limit", LINES(copy32), P | W, PLACE, STACK, 0, 0, 32,
	  PLACE - 1, 3 },
	{ "at the limit", LINES(copy32), P | W, PLACE, STACK, 0, 0, 32, PLACE,
	  3 },
	{ "a segment for reading", LINES(copy32), P | W, PLACE, STACK, 0, 0, 32,
	  0xffffffff, 1 },
	{ "a segment that grows down", LINES(copy32), P | W, PLACE, STACK, 0, 0,
	  32, PLACE, 7 },
	{ "and above its limit", LINES(copy32), P | W, PLACE, STACK, 0, 0, 32,
	  PLACE - 1, 7 },
	{ "out, beyond DS's limit", LINES(out32), P | W, 0x50000, STACK, 0, 0,
	  32, 0xffffffff, 3 },
};

/* Beside the first 2 MiB, a page at VIRTUAL. */
static void set_tables(uint8_t *memory, const struct try *t)
{
	uint64_t *table = (uint64_t *)(memory + TABLES);

	table[1024] = P | W | A | D | PS;
	table[1025] = TABLES + 0x3000 + P + W + U;
	table[1536] = PLACE + t->pte;
}

static void set_registers(const struct machine *m, const struct try *t)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = t->rsp, .rflags = 2,
				 .rsi = DEVICE, .rdi = t->to_address };
	struct kvm_sregs s;

	ASK(m->vcpu, KVM_GET_SREGS, &s);
	if (t->bits == 64) {
		long_mode(&s, m->memory, TABLES);
		s.cr4 |= t->cr4;
	} else {
		protected_mode(&s, 32);
		s.ds.limit = 0x4ffff;
		s.es.limit = t->es_limit;
		s.es.type = t->es_type;
		s.es.g = s.ds.g = 0;
	}
	s.cr0 |= t->cr0;
	s.tr = (struct kvm_segment){ .base = TSS, .limit = 0x67, .type = 0xb,
				     .present = 1, .selector = 0x10 };
	set_handlers(&s, m->memory, t->bits, t->bits == 64);
	*(uint64_t *)(m->memory + TSS + 0x24) = STACK;	/* IST 1 */
	ASK(m->vcpu, KVM_SET_SREGS, &s);
	ASK(m->vcpu, KVM_SET_REGS, &regs);
}

/* Until the guest halts, or there is no going on. */
static void go(int vcpu, struct kvm_run *run)
{
	for (;;) {
		ASK(vcpu, KVM_RUN, 0);
		if (run->exit_reason == KVM_EXIT_MMIO) {
			printf(" %s/%u", run->mmio.is_write ? "write" : "read",
			       run->mmio.len);
			memset(run->mmio.data, 0x5a, run->mmio.is_write ? 0 : 8);
		} else if (run->exit_reason == KVM_EXIT_IO) {
			printf(" port %x", ((uint8_t *)run)[run->io.data_offset]);
		} else {
			break;
		}
	}
}

static void show(int vcpu, const struct kvm_run *run, const uint8_t *memory)
{
	const uint64_t *table = (const uint64_t *)(memory + TABLES);
	struct kvm_sregs s;
	struct kvm_regs r;

	ASK(vcpu, KVM_GET_REGS, &r);
	ASK(vcpu, KVM_GET_SREGS, &s);
	if (run->exit_reason != KVM_EXIT_HLT)
		printf(" exit %u", run->exit_reason);
	else if (r.rip > HANDLERS && r.rip < HANDLERS + 33)
		printf(" exception %llu, code %x", r.rip - HANDLERS - 1,
		       *(const uint32_t *)(memory + (r.rsp & 0xffff)));
	if (run->exit_reason == KVM_EXIT_HLT && r.rip == HANDLERS + 15)
		printf(", address %llx", s.cr2);
	printf("; byte %x, entries %llx %llx\n", memory[PLACE],
	       (unsigned long long)table[1025],
	       (unsigned long long)table[1536]);
}

static void try(const struct try *t)
{
	struct machine m = make(MEMORY, t->from, t->to);

	m.memory[PLACE] = 0x11;
	ASK(m.vcpu, KVM_SET_CPUID2, offered());
	set_registers(&m, t);
	set_tables(m.memory, t);
	printf("%s:", t->what);
	go(m.vcpu, m.run);
	show(m.vcpu, m.run, m.memory);
	unmake(&m);
}

int main(void)
{
	unsigned int i;

	open_kvm();
	alarm(60);
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		try(&tries[i]);
	return 0;
}
