// SPDX-License-Identifier: GPL-2.0-only
/* The hardware: found, switched on for each CPU, and off again. */
#include <linux/cc_platform.h>
#include <linux/cpuhotplug.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/syscore_ops.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/reboot.h>
#include "compat.h"
#include "svm.h"

#define IO_MAP_ORDER 2		/* 12 KiB: a page more than the ports need */
#define MSR_MAP_ORDER 1		/* 8 KiB */

struct page *svm_io_map;
struct page *svm_msr_map;
u64 svm_host_xcr0;

static struct page *deny_all(unsigned int order)
{
	struct page *map = alloc_pages(GFP_KERNEL, order);

	if (map)
		memset(page_address(map), 0xff, PAGE_SIZE << order);
	return map;
}

static void free_maps(void)
{
	if (svm_io_map)
		__free_pages(svm_io_map, IO_MAP_ORDER);
	if (svm_msr_map)
		__free_pages(svm_msr_map, MSR_MAP_ORDER);
}

static int alloc_maps(void)
{
	svm_io_map = deny_all(IO_MAP_ORDER);
	svm_msr_map = deny_all(MSR_MAP_ORDER);
	if (svm_io_map && svm_msr_map)
		return 0;
	free_maps();
	return -ENOMEM;
}

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

static void free_pages_of(struct svm_cpu *own)
{
	if (own->hsave)
		__free_page(own->hsave);
	if (own->host)
		__free_page(own->host);
	memset(own, 0, sizeof(*own));
}

static int switch_on(phys_addr_t hsave)
{
	u64 vm_cr, efer;
	unsigned long flags;
	int r = -EBUSY;

	rdmsrl(MSR_VM_CR, vm_cr);
	if (vm_cr & SVM_VM_CR_SVM_DIS_MASK)
		return -EOPNOTSUPP;
	local_irq_save(flags);
	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME)) {
		wrmsrl(MSR_EFER, efer | EFER_SVME);
		wrmsrl(MSR_VM_HSAVE_PA, hsave);
		this_cpu_write(svm_cpu.on, true);
		amd_pmu_enable_virt();
		r = 0;
	}
	local_irq_restore(flags);
	return r;
}

static void switch_off(void *unused)
{
	u64 efer;

	if (!this_cpu_read(svm_cpu.on))
		return;
	this_cpu_write(svm_cpu.on, false);
	this_cpu_write(svm_cpu.tlb_owner, 0);
	amd_pmu_disable_virt();
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

static int svm_cpu_on(unsigned int cpu)
{
	struct svm_cpu *own = this_cpu_ptr(&svm_cpu);
	int r = -ENOMEM;

	own->hsave = alloc_page(GFP_KERNEL | __GFP_ZERO);
	own->host = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (own->hsave && own->host)
		r = switch_on(page_to_phys(own->hsave));
	if (r) {
		free_pages_of(own);
		return r;
	}
	if (has_tsc_aux())
		rdmsrl(MSR_TSC_AUX, own->tsc_aux);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, own->xss);
	return 0;
}

static int svm_cpu_off(unsigned int cpu)
{
	local_irq_disable();
	switch_off(NULL);
	local_irq_enable();
	free_pages_of(this_cpu_ptr(&svm_cpu));
	return 0;
}

u64 svm_tsc_lost;
static u64 tsc_asleep;		/* the counter when the machine went to sleep */

static int svm_sleep(SYSCORE_ARG)
{
	tsc_asleep = rdtsc();
	switch_off(NULL);
	return 0;
}

static void svm_wake(SYSCORE_ARG)
{
	u64 now = rdtsc();

	switch_on(page_to_phys(this_cpu_ptr(&svm_cpu)->hsave));
	if (now < tsc_asleep)
		svm_tsc_lost += tsc_asleep - now;
}

static struct syscore_ops svm_sleep_ops = {
	.suspend = svm_sleep,
	.resume = svm_wake,
};

static struct syscore svm_syscore = { .ops = &svm_sleep_ops };
static int svm_reboot(struct notifier_block *nb, unsigned long how, void *cmd)
{
	on_each_cpu(switch_off, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block svm_reboot_nb = { .notifier_call = svm_reboot };
static void svm_crash(void)
{
	if (this_cpu_read(svm_cpu.on))
		stgi();
	switch_off(NULL);
}

static const char *objection(void)
{
	if (!boot_cpu_has(X86_FEATURE_SVM))
		return "this processor has no SVM";
	if (!boot_cpu_has(X86_FEATURE_NPT))
		return "this processor's SVM has no nested paging";
	if (native_read_cr4() & X86_CR4_LA57)
		return "the host uses five-level page tables (boot with no5lvl)";
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return "the host's memory is encrypted";
	return NULL;
}

static int hotplug_state;

int arch_init(void)
{
	const char *why = objection();
	int r;

	if (why) {
		pr_err("twill: %s\n", why);
		return -EOPNOTSUPP;
	}
	r = alloc_maps();
	if (r)
		return r;
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		svm_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	r = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "twill:online",
			      svm_cpu_on, svm_cpu_off);
	if (r < 0) {
		if (r == -EBUSY)
			pr_err("twill: another hypervisor has SVM in use\n");
		if (r == -EOPNOTSUPP)
			pr_err("twill: the firmware has disabled SVM\n");
		free_maps();
		return r;
	}
	hotplug_state = r;
	register_syscore(&svm_syscore);
	register_reboot_notifier(&svm_reboot_nb);
	on_crash(svm_crash);
	return 0;
}

void arch_exit(void)
{
	not_on_crash(svm_crash);
	unregister_reboot_notifier(&svm_reboot_nb);
	unregister_syscore(&svm_syscore);
	cpuhp_remove_state(hotplug_state);
	free_maps();
}
