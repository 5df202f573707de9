// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU: made, and taken to the guest and back. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/pkru.h>
#include "svm.h"
#include "visit.h"

int arch_vcpu_init(struct vcpu *vcpu)
{
	static atomic64_t last_id;
	struct arch_vcpu *arch = &vcpu->arch;

	arch->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!arch->vmcb)
		return -ENOMEM;
	if (!fpu_alloc_guest_fpstate(&arch->fpu)) {
		free_page((unsigned long)arch->vmcb);
		return -ENOMEM;
	}
	arch->id = atomic64_inc_return(&last_id);
	arch->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
			  (vcpu->id ? 0 : MSR_IA32_APICBASE_BSP);
	msr_set(vcpu, MSR_IA32_TSC, 0);
	svm_reset(vcpu);
	return 0;
}

void arch_vcpu_destroy(struct vcpu *vcpu)
{
	kvfree(vcpu->arch.cpuid);
	kfree(vcpu->arch.asked);
	fpu_free_guest_fpstate(&vcpu->arch.fpu);
	free_page((unsigned long)vcpu->arch.vmcb);
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->arch.fpu, true);
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.vmcb;

	fpu_swap_kvm_fpstate(&vcpu->arch.fpu, false);
	vcpu->run->if_flag = !!(vmcb->save.rflags & X86_EFLAGS_IF);
	vcpu->run->cr8 = vmcb->control.int_ctl & V_TPR_MASK;
	vcpu->run->apic_base = vcpu->arch.apic_base;
	vcpu->run->ready_for_interrupt_injection = event_ready(vcpu);
}

void arch_vcpu_flush(struct vcpu *vcpu)
{
	vcpu->arch.last_cpu = -1;
}

static void prepare_tlb(struct arch_vcpu *arch, struct svm_cpu *own)
{
	int cpu = smp_processor_id();
	u8 flush = TLB_CONTROL_DO_NOTHING;

	if (own->tlb_owner != arch->id || arch->last_cpu != cpu)
		flush = boot_cpu_has(X86_FEATURE_FLUSHBYASID) ?
			TLB_CONTROL_FLUSH_ASID : TLB_CONTROL_FLUSH_ALL_ASID;
	if (own->tlb_owner != arch->id)
		indirect_branch_prediction_barrier();
	own->tlb_owner = arch->id;
	arch->last_cpu = cpu;
	arch->vmcb->control.tlb_ctl = flush;
}

static bool uses_pkru(const struct arch_vcpu *arch)
{
	return arch->vmcb->save.cr4 & X86_CR4_PKE ||
	       arch->xcr0 & XFEATURE_MASK_PKRU;
}

static void put_on_guest(struct arch_vcpu *arch, struct svm_cpu *own)
{
	arch->vmcb->control.tsc_offset = arch->tsc_offset + svm_tsc_lost;
	if (svm_host_xcr0 && arch->xcr0 != svm_host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, arch->xcr0);
	if (own->xss)
		wrmsrl(MSR_IA32_XSS, 0);
	if (arch->tsc_aux != own->tsc_aux)
		wrmsrl(MSR_TSC_AUX, arch->tsc_aux);
	if (uses_pkru(arch))
		write_pkru(arch->pkru);
	if (arch->owns_dr) {
		set_debugreg(0, 7);
		set_debugreg(arch->dr[0], 0);
		set_debugreg(arch->dr[1], 1);
		set_debugreg(arch->dr[2], 2);
		set_debugreg(arch->dr[3], 3);
	}
	own->debugctl = get_debugctlmsr();
	if (own->debugctl)
		update_debugctlmsr(0);
	if (arch->wants_ibpb)
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	arch->wants_ibpb = false;
}

static void take_off_guest(struct arch_vcpu *arch, const struct svm_cpu *own,
			   u32 host_pkru)
{
	if (svm_host_xcr0) {
		arch->xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		if (arch->xcr0 != svm_host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, svm_host_xcr0);
	}
	if (own->xss)
		wrmsrl(MSR_IA32_XSS, own->xss);
	if (arch->tsc_aux != own->tsc_aux)
		wrmsrl(MSR_TSC_AUX, own->tsc_aux);
	if (uses_pkru(arch))
		arch->pkru = read_pkru();
	write_pkru(host_pkru);
	if (arch->owns_dr) {
		get_debugreg(arch->dr[0], 0);
		get_debugreg(arch->dr[1], 1);
		get_debugreg(arch->dr[2], 2);
		get_debugreg(arch->dr[3], 3);
	}
	if (arch->vmcb->save.dr6 != DR6_RESERVED)
		set_debugreg(DR6_RESERVED, 6);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
	if (own->debugctl)
		update_debugctlmsr(own->debugctl);
	wipe_before_user_space();
}

/* Returns: 0 or ENOMEM. */
static int keep(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	if (!arch->asked)
		arch->asked = kmalloc(sizeof(*arch->asked), GFP_KERNEL_ACCOUNT);
	if (!arch->asked)
		return -ENOMEM;
	arch->vmcb->save.rax = arch->regs[REG_RAX];
	arch->vmcb->save.rsp = arch->regs[REG_RSP];
	arch->asked->vmcb = *arch->vmcb;
	arch->asked->events = arch->events;
	return 0;
}

static noinstr void enter(struct vcpu *vcpu, phys_addr_t vmcb,
			  phys_addr_t host)
{
	visit_begin();
	svm_enter(vcpu->arch.regs, vmcb, host,
		  vcpu->arch.vmcb->control.int_state &
		  SVM_INTERRUPT_SHADOW_MASK);
	visit_end();
}

static void cross(struct vcpu *vcpu, struct svm_cpu *own)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct vmcb_save_area *save = &arch->vmcb->save;
	u32 host_pkru = read_pkru();

	save->rax = arch->regs[REG_RAX];
	save->rsp = arch->regs[REG_RSP];
	clgi();
	put_on_guest(arch, own);
	enter(vcpu, virt_to_phys(arch->vmcb), page_to_phys(own->host));
	take_off_guest(arch, own, host_pkru);
	stgi();
	arch->regs[REG_RAX] = save->rax;
	arch->regs[REG_RSP] = save->rsp;
	arch->ran = true;
}

static void host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

int arch_vcpu_run(struct vcpu *vcpu)
{
	bool entered = false, on;

	if (event_window(vcpu))
		return 0;
	if (vcpu->arch.unproved && keep(vcpu))
		return -ENOMEM;
	preempt_disable();
	local_irq_disable();
	on = this_cpu_read(svm_cpu.on);
	if (on && guest_enter(vcpu)) {
		struct svm_cpu *own = this_cpu_ptr(&svm_cpu);

		prepare_tlb(&vcpu->arch, own);
		event_enter(vcpu);
		if (test_thread_flag(TIF_NEED_FPU_LOAD))
			switch_fpu_return();
		vtime_account_guest_enter();
		cross(vcpu, own);
		entered = true;
	}
	guest_leave(vcpu);
	if (entered &&
	    vcpu->arch.vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + MC_VECTOR)
		host_machine_check();
	local_irq_enable();
	if (entered) {
		local_irq_disable();
		vtime_account_guest_exit();
		local_irq_enable();
	}
	preempt_enable();
	if (!on)
		return -EIO;
	return entered ? svm_handle_exit(vcpu) : 1;
}
