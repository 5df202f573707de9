/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's part of a machine and a vCPU, and the entries of nested tables. */
#ifndef TWILL_ARCH_TYPES_H
#define TWILL_ARCH_TYPES_H

#include <linux/kvm.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/fpu/types.h>
#include <asm/pgtable_types.h>
#include <asm/processor.h>

struct asked;
struct vmcb;

/**
 * struct arch_vm - x86's part of a machine
 * @tsc_lock: guards the rest; nothing is taken inside
 * @tsc_offset: what a vCPU that joins the others adds to svm_tsc()
 * @tsc_written: what the VMM has last written to one of them
 * @tsc_written_at: and when, by svm_tsc()
 */
struct arch_vm {
	spinlock_t tsc_lock;
	u64 tsc_offset;
	u64 tsc_written;
	u64 tsc_written_at;
};

/**
 * struct port_io - an IN or OUT that the VMM is to play
 * @pending: the VMM has been told, and has to answer
 * @in: from the port
 * @size: bytes: 1, 2 or 4
 * @port: which
 * @next_rip: where the instruction after it is
 * @linear_rip: where it is itself, as a linear address
 */
struct port_io {
	bool pending, in;
	u8 size;
	u16 port;
	u64 next_rip, linear_rip;
};

/**
 * struct emulation - an instruction that waits for the VMM's answers
 * @pending: the VMM has a question about it
 * @port: the question is about a port, not about memory
 * @last: and nothing depends on the answer
 * @answered: how many answers there are
 * @asked: how many of them the present round has used
 * @answer: the answers
 * @at: where the instruction is, as a linear address
 */
struct emulation {
	bool pending, port, last;
	u8 answered, asked;
	u64 answer[6];
	u64 at;
};

struct events {
	struct {
		bool pending;		/* an instruction raised it */
		bool injected;		/* its delivery has been tried */
		bool has_error;
		u8 nr;
		u32 error;
	} exception;
	bool interrupt;			/* one is to be delivered next */
	u8 vector;			/* its number */
	bool page_ready;		/* and the guest is to be told */
	u8 nmi_pending;
	bool nmi_injected;		/* its delivery has been tried */
	bool nmi_masked;		/* one is being handled */
	bool nmi_ending;		/* by the IRET at nmi_iret */
	u64 nmi_iret;
	bool borrowed;			/* the trap flag is ours */
	bool returned;			/* it was, in the visit that has just ended */
	bool guest_tf;			/* and this was the guest's */
	bool trapped;			/* the instruction met a breakpoint */
	u64 guest_dr6, guest_efer;	/* what the guest had meanwhile */
	u8 tried;			/* what stood in EVENTINJ last */
};

#define KEPT_MSRS (2 * 8 + 1 + 2 + 8 + 1 + 1 + 4 * 32)

/**
 * struct arch_vcpu - x86's part of a vCPU
 * @vmcb: the page that VMRUN takes
 * @regs: general registers, in the order of their numbers in instructions
 * @id: never used twice; for struct svm_cpu's tlb_owner
 */
struct arch_vcpu {
	struct vmcb *vmcb;
	u64 regs[16];
	u64 id;
	bool wants_ibpb;		/* the guest has asked for the barrier */
	u64 kept[KEPT_MSRS];		/* registers that only remember; msr.c has a list */
	u64 tsc_offset;			/* the guest's counter, less svm_tsc() */
	u64 tsc_adjust;			/* what the guest has added to it itself */
	u64 hidden_cr0;			/* CD and NW, which the processor never sees */
	struct fpu_guest fpu;		/* x87, SSE, AVX: the kernel's to handle */
	u64 xcr0;			/* which of these there are */
	u64 tsc_aux;
	u64 dr[4];
	u32 pkru;
	bool owns_dr;			/* the guest has used DR0 to DR3 */
	int last_cpu;			/* whose TLB may have entries of ours; or -1 */
	struct kvm_cpuid_entry2 *cpuid;
	u32 nr_cpuid;
	bool ran;			/* and so may not become another processor */
	u64 apic_base;
	u64 async_enable;		/* MSR_KVM_ASYNC_PF_EN */
	u64 async_vector;		/* MSR_KVM_ASYNC_PF_INT */
	u32 async_last;			/* number of the last page it was told of */
	struct port_io io;
	struct emulation emul;
	struct events events;
	bool unproved;			/* set by the VMM and not entered since */
	struct asked *asked;		/* a copy of it */
};

static inline u64 arch_stage2_table(phys_addr_t table)
{
	return table | _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED;
}

static inline phys_addr_t arch_stage2_phys(u64 entry)
{
	return entry & PTE_PFN_MASK;
}

static inline u64 arch_stage2_leaf(u64 pfn, bool writable, int level)
{
	return pfn << PAGE_SHIFT | _PAGE_PRESENT | _PAGE_USER |
	       _PAGE_ACCESSED | (writable ? _PAGE_RW : 0) |
	       (level > 1 ? _PAGE_PSE : 0);
}

/* Write an entry that leads somewhere, in a table that processors may read. */
static inline void arch_stage2_write(u64 *entry, u64 value)
{
	smp_store_release(entry, value);	/* after what it leads to */
}

static inline bool arch_stage2_present(u64 entry)
{
	return entry & _PAGE_PRESENT;
}

static inline bool arch_stage2_is_leaf(u64 entry, int level)
{
	return level == 1 || entry & _PAGE_PSE;
}

static inline bool arch_stage2_writable(u64 entry)
{
	return entry & _PAGE_RW;
}

static inline bool arch_stage2_test_young(u64 entry)
{
	return entry & _PAGE_ACCESSED;
}

static inline u64 arch_stage2_clear_young(u64 entry)
{
	return entry & ~(u64)_PAGE_ACCESSED;
}

/* How long a guest-physical address may be: the host's, not the guest's. */
static inline unsigned int arch_phys_bits(void)
{
	if (boot_cpu_data.extended_cpuid_level < 0x80000008)
		return boot_cpu_data.x86_phys_bits;
	return cpuid_eax(0x80000008) & 0xff;
}

#endif
