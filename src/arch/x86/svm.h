/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of arch/x86 know of one another. */
#ifndef TWILL_SVM_H
#define TWILL_SVM_H

#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/kvm_vcpu_regs.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/svm.h>
#include "twill.h"

/* Present, and the type: read and write, read and execute, LDT, TSS. */
#define DATA_SEGMENT 0x93
#define CODE_SEGMENT 0x9b
#define LDT_SEGMENT 0x82
#define TSS_SEGMENT 0x89

#define CR0_BITS (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | \
		  X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
		  X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define DR7_AFTER_RESET 0x00000400
#define PAT_AFTER_RESET 0x0007040600070406ULL
#define STOPPED_EXCEPTIONS \
	((u32)(BIT(AC_VECTOR) | BIT(DB_VECTOR) | BIT(MC_VECTOR)))

/* Numbers of the general registers in instructions. */
enum {
	REG_RAX = __VCPU_REGS_RAX,
	REG_RCX = __VCPU_REGS_RCX,
	REG_RDX = __VCPU_REGS_RDX,
	REG_RBX = __VCPU_REGS_RBX,
	REG_RSP = __VCPU_REGS_RSP,
	REG_RBP = __VCPU_REGS_RBP,
	REG_RSI = __VCPU_REGS_RSI,
	REG_RDI = __VCPU_REGS_RDI,
};

static inline bool svm_is_canonical(u64 address)
{
	return __is_canonical_address(address, boot_cpu_data.x86_virt_bits);
}

static inline bool has_tsc_aux(void)
{
	return boot_cpu_has(X86_FEATURE_RDTSCP) ||
	       boot_cpu_has(X86_FEATURE_RDPID);
}

extern u64 svm_tsc_lost;	/* by sleeping */

/* The host's time stamp counter, as if it had never gone back. */
static inline u64 svm_tsc(void)
{
	return rdtsc() + svm_tsc_lost;
}

/**
 * struct svm_cpu - what each CPU has of its own
 * @on: SVM is switched on, by us
 * @hsave: where VMRUN keeps the host; only the processor may read it
 * @host: where we keep, by VMSAVE, what VMRUN does not
 * @tlb_owner: the number of the vCPU whose translations may be in the TLB
 * @tsc_aux: the host's, which RDTSCP and RDPID read
 * @xss: the host's, which XSAVES obeys
 * @debugctl: the host's, while a guest runs
 */
struct svm_cpu {
	bool on;
	struct page *hsave;
	struct page *host;
	u64 tlb_owner;
	u64 tsc_aux;
	u64 xss;
	u64 debugctl;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/**
 * struct asked - a state that VMRUN may refuse to enter
 * @vmcb: all that the processor may have written over
 * @events: before one of them was put into it
 */
struct asked {
	struct vmcb vmcb;
	struct events events;
};

/* Between the two not even an NMI comes in. */
static inline void clgi(void)
{
	asm volatile("clgi" : : : "memory");
}

static inline void stgi(void)
{
	asm volatile("stgi" : : : "memory");
}

extern struct page *svm_io_map;		/* all ports denied */
extern struct page *svm_msr_map;	/* all registers denied */
extern u64 svm_host_xcr0;		/* 0 where there is none */

void svm_enter(u64 *regs, phys_addr_t vmcb, phys_addr_t host, bool shadow);
void svm_reset(struct vcpu *vcpu);
int svm_handle_exit(struct vcpu *vcpu);
int svm_exit_io(struct vcpu *vcpu);
int svm_unexpected(struct vcpu *vcpu);
int svm_undelivered(struct vcpu *vcpu);
int svm_cannot_emulate(struct vcpu *vcpu, const u8 *bytes, unsigned int n);
int emulate(struct vcpu *vcpu);
int emulate_answer(struct vcpu *vcpu);

void svm_own_dr(struct arch_vcpu *arch);

int guest_copy(struct vcpu *vcpu, gpa_t gpa, void *data, unsigned int len,
	       bool write);
int guest_walk(struct vcpu *vcpu, u64 linear, u32 access, gpa_t *gpa);

struct kvm_vcpu_events;
int event_raise(struct vcpu *vcpu, u8 nr, u32 error);
bool event_ready(const struct vcpu *vcpu);
bool event_window(struct vcpu *vcpu);
void event_enter(struct vcpu *vcpu);
void event_left(struct vcpu *vcpu);
int event_iret(struct vcpu *vcpu);
int event_debug(struct vcpu *vcpu);
int event_shows(struct vcpu *vcpu);
int event_fault(struct vcpu *vcpu, u8 nr);
int event_retire(struct vcpu *vcpu, u64 rip);
void event_get(struct vcpu *vcpu, struct kvm_vcpu_events *to);
int event_set(struct vcpu *vcpu, const struct kvm_vcpu_events *from);
void event_nmi(struct vcpu *vcpu);
void event_interrupt(struct vcpu *vcpu, u8 vector);
void event_forget(struct vcpu *vcpu);
void async_reset(struct vcpu *vcpu);
bool async_write(struct vcpu *vcpu, u32 index, u64 value);

u64 control_read(const struct vcpu *vcpu, unsigned int nr);
bool control_write(struct vcpu *vcpu, unsigned int nr, u64 value);
void control_set_cr0(struct arch_vcpu *arch, u64 value);
bool cr0_is_good(u64 value);
bool cr4_is_good(const struct arch_vcpu *arch, u64 value);
bool msr_read(struct vcpu *vcpu, u32 index, u64 *value);
bool msr_write(struct vcpu *vcpu, u32 index, u64 value);
bool msr_set(struct vcpu *vcpu, u32 index, u64 value);

struct kvm_msr_list;
struct kvm_msrs;
long msr_offer(struct kvm_msr_list __user *argp);
long msr_io(struct vcpu *vcpu, struct kvm_msrs __user *argp, bool get);
int fpu_get(struct vcpu *vcpu, void *data);
int fpu_set(struct vcpu *vcpu, void *data);
int xcrs_get(struct vcpu *vcpu, void *data);
int xcrs_set(struct vcpu *vcpu, void *data);
long xsave_get(struct arch_vcpu *arch, void __user *argp);
long xsave_set(struct arch_vcpu *arch, void __user *argp);

struct kvm_cpuid2;
long cpuid_set(struct arch_vcpu *arch, struct kvm_cpuid2 __user *argp);
long cpuid_get(struct arch_vcpu *arch, struct kvm_cpuid2 __user *argp);
long cpuid_offer(struct kvm_cpuid2 __user *argp);
const struct kvm_cpuid_entry2 *cpuid_find(const struct arch_vcpu *arch,
					  u32 leaf, u32 index);
void cpuid_adjust(const struct arch_vcpu *arch, struct kvm_cpuid_entry2 *entry);
bool cpuid_has(const struct arch_vcpu *arch, u32 leaf, unsigned int reg,
	       unsigned int feature);
unsigned int cpuid_phys_bits(const struct arch_vcpu *arch);
u64 xcr0_for_guests(void);
u64 xcr0_of(const struct arch_vcpu *arch);
bool xcr0_is_good(const struct arch_vcpu *arch, u64 value);
bool apic_base_is_good(const struct arch_vcpu *arch, u64 value);

#endif
