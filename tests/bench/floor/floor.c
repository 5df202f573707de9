// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor under every exit: VMRUN and #VMEXIT in a loop, for the guest of
 * bench.c that executes CPUID, and nothing around them. Loading the module
 * measures; the parameter `samples` then holds nanoseconds an exit.
 *
 * The guest has the memory that its code needs, a page, through a nested table
 * of its own, and nobody answers its CPUID. It uses EAX, ECX and ESI, so those
 * are all that a visit disturbs, the processor bringing back RAX itself.
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <asm/msr.h>
#include <asm/svm.h>

#define MAX_SAMPLES 128
#define BATCH 200	/* exits with interrupts off: a few milliseconds */

static unsigned int samples[MAX_SAMPLES];
static unsigned int nsamples;
module_param_array(samples, uint, &nsamples, 0444);
MODULE_PARM_DESC(samples, "give as many numbers as samples are wanted");

static const u8 guest[] = {
	0x31, 0xc0,		/* 1: xor %eax, %eax */
	0x31, 0xc9,		/* xor %ecx, %ecx */
	0x0f, 0xa2,		/* cpuid */
	0x4e, 0x75, 0xf7,	/* dec %esi; jnz 1b */
	0xeb, 0xf5,		/* jmp 1b */
};

enum { HSAVE, VMCB, PML4, PDPT, PD, PT, CODE, NPAGES };
static u64 *page[NPAGES];

static void set_segment(struct vmcb_seg *seg, u16 attrib)
{
	seg->selector = 8;
	seg->attrib = attrib;
	seg->limit = 0xffffffff;
}

static void fill_vmcb(struct vmcb *vmcb)
{
	struct vmcb_control_area *control = &vmcb->control;
	struct vmcb_save_area *save = &vmcb->save;

	__set_bit(INTERCEPT_NMI, (unsigned long *)control->intercepts);
	__set_bit(INTERCEPT_CPUID, (unsigned long *)control->intercepts);
	__set_bit(INTERCEPT_VMRUN, (unsigned long *)control->intercepts);
	control->int_ctl = V_INTR_MASKING_MASK;
	control->asid = 1;
	control->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	control->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	control->nested_cr3 = virt_to_phys(page[PML4]);
	set_segment(&save->es, 0xc93);		/* flat, 32 bits */
	set_segment(&save->cs, 0xc9b);
	set_segment(&save->ss, 0xc93);
	set_segment(&save->ds, 0xc93);
	save->efer = EFER_SVME;
	save->cr0 = X86_CR0_PE | X86_CR0_ET;
	save->dr6 = 0xffff0ff0;
	save->dr7 = 0x400;
	save->rflags = X86_EFLAGS_FIXED;
	save->g_pat = 0x0007040600070406ULL;
}

static int get_pages(void)
{
	int i;

	for (i = 0; i < NPAGES; i++) {
		page[i] = (u64 *)get_zeroed_page(GFP_KERNEL);
		if (!page[i])
			return -ENOMEM;
	}
	for (i = PML4; i < CODE; i++)
		page[i][0] = virt_to_phys(page[i + 1]) | _PAGE_PRESENT |
			     _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED;
	memcpy(page[CODE], guest, sizeof(guest));
	fill_vmcb((struct vmcb *)page[VMCB]);
	return 0;
}

static void put_pages(void)
{
	int i;

	for (i = 0; i < NPAGES; i++)
		free_page((unsigned long)page[i]);
}

/* Interrupts are off. Returns: how many exits were for CPUID. */
static unsigned int loop(struct vmcb *vmcb, unsigned int n)
{
	unsigned int done = 0;

	asm volatile("clgi");
	while (done < n) {
		u64 rax = virt_to_phys(vmcb);

		asm volatile("vmrun %%rax" : "+a" (rax) : :
			     "rcx", "rsi", "memory", "cc");
		if (vmcb->control.exit_code != SVM_EXIT_CPUID)
			break;
		vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
		vmcb->save.rip += 2;
		done++;
	}
	asm volatile("stgi");
	return done;
}

/* SVM is on for the time of a batch, so that no CPU is left with it. */
static int batch(unsigned int *ns)
{
	u64 efer, start;
	unsigned long flags;
	unsigned int done = 0;

	local_irq_save(flags);
	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME)) {
		wrmsrl(MSR_EFER, efer | EFER_SVME);
		wrmsrl(MSR_VM_HSAVE_PA, virt_to_phys(page[HSAVE]));
		start = ktime_get_ns();
		done = loop((struct vmcb *)page[VMCB], BATCH);
		*ns = (ktime_get_ns() - start) / BATCH;
		wrmsrl(MSR_VM_HSAVE_PA, 0);
		wrmsrl(MSR_EFER, efer);
	}
	local_irq_restore(flags);
	return done == BATCH ? 0 : efer & EFER_SVME ? -EBUSY : -EIO;
}

static int __init floor_init(void)
{
	unsigned int i;
	int r;

	if (!boot_cpu_has(X86_FEATURE_SVM) || !boot_cpu_has(X86_FEATURE_NPT))
		return -EOPNOTSUPP;
	r = get_pages();
	for (i = 0; !r && i < nsamples; i++) {
		r = batch(&samples[i]);
		cond_resched();
	}
	if (r)
		pr_err("floor: the guest does not run: %d\n", r);
	put_pages();
	return r;
}

static void __exit floor_exit(void)
{
}

module_init(floor_init);
module_exit(floor_exit);
MODULE_DESCRIPTION("What entering and leaving a guest costs");
MODULE_LICENSE("GPL");
