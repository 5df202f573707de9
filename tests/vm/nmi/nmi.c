// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs, one after the other, for every CPU but the first; and what a handler
 * finds in registers that a guest may have too. An NMI that ends a visit to a
 * guest is handled as soon as it can be: nothing of the guest's may be left.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <asm/apic.h>
#include <asm/debugreg.h>
#include <asm/fpu/xcr.h>
#include <asm/nmi.h>

static atomic_t handled, strange;
static u64 xcr0;
static struct task_struct *sender;

static int look(unsigned int cmd, struct pt_regs *regs)
{
	unsigned long dr6;

	get_debugreg(dr6, 6);
	atomic_inc(&handled);
	if (xgetbv(XCR_XFEATURE_ENABLED_MASK) != xcr0 || dr6 != DR6_RESERVED)
		atomic_inc(&strange);
	return NMI_HANDLED;
}

static int send(void *unused)
{
	int cpu;

	while (!kthread_should_stop()) {
		for_each_online_cpu(cpu)
			if (cpu)
				apic->send_IPI(cpu, NMI_VECTOR);
		usleep_range(200, 400);
	}
	return 0;
}

static int __init nmi_init(void)
{
	int r = register_nmi_handler(NMI_LOCAL, look, 0, "twill-test");

	if (r)
		return r;
	xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	sender = kthread_create(send, NULL, "nmi-sender");
	if (IS_ERR(sender)) {
		unregister_nmi_handler(NMI_LOCAL, "twill-test");
		return PTR_ERR(sender);
	}
	kthread_bind(sender, 0);
	wake_up_process(sender);
	return 0;
}

static void __exit nmi_exit(void)
{
	kthread_stop(sender);
	unregister_nmi_handler(NMI_LOCAL, "twill-test");
}

static int get_count(char *to, const struct kernel_param *param)
{
	return sysfs_emit(to, "%d\n", atomic_read(param->arg));
}

static const struct kernel_param_ops count_ops = { .get = get_count };

module_param_cb(handled, &count_ops, &handled, 0444);
module_param_cb(strange, &count_ops, &strange, 0444);
module_init(nmi_init);
module_exit(nmi_exit);
MODULE_DESCRIPTION("What an NMI finds in a CPU that runs guests");
MODULE_LICENSE("GPL");
