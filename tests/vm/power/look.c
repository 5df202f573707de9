// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can be loaded where each CPU has SVM on, and a page of its own at which
 * VMRUN saves the host.
 */
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/msr.h>

static atomic_t wrong;

static void look(void *unused)
{
	u64 efer, hsave;

	rdmsrl(MSR_EFER, efer);
	rdmsrl(MSR_VM_HSAVE_PA, hsave);
	if (efer & EFER_SVME && hsave)
		return;
	pr_info("look: CPU %d: EFER 0x%llx, VM_HSAVE_PA 0x%llx\n",
		smp_processor_id(), efer, hsave);
	atomic_inc(&wrong);
}

static int __init look_init(void)
{
	on_each_cpu(look, NULL, 1);
	return atomic_read(&wrong) ? -EIO : 0;
}

static void __exit look_exit(void)
{
}

module_init(look_init);
module_exit(look_exit);
MODULE_DESCRIPTION("Is SVM on, and has it its page?");
MODULE_LICENSE("GPL");
