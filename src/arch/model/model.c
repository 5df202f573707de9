// SPDX-License-Identifier: GPL-2.0-only
/* An architecture without hardware, for looking at the core alone. */
#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include "twill.h"

bool arch_async_not_present(struct vcpu *vcpu, u32 *token)
{
	struct arch_vcpu *arch = &vcpu->arch;
	u32 bit = arch->todo & -arch->todo;

	if (!arch->async)
		return false;
	arch->todo &= ~bit;
	arch->parked |= bit;
	*token = bit;
	return true;
}

bool arch_async_ready(struct vcpu *vcpu, u32 token)
{
	struct arch_vcpu *arch = &vcpu->arch;

	if (arch->ready)
		return false;
	token &= arch->parked;
	arch->parked &= ~token;
	arch->todo |= token;
	arch->ready = token & -token;
	return true;
}

static void model_done(struct vcpu *vcpu, const struct model_op *op)
{
	struct arch_vcpu *arch = &vcpu->arch;
	u32 bit = 1U << (op - arch->script->op);

	arch->todo &= ~bit;
	if (arch->ready != bit)
		return;
	arch->ready = 0;
	vcpu_request(vcpu, REQUEST_EVENT);
}

static long model_async(struct vcpu *vcpu, bool on)
{
	struct arch_vcpu *arch = &vcpu->arch;

	arch->async = on;
	if (on)
		return async_pf_wake_all(vcpu);
	async_pf_forget(vcpu);
	arch->todo |= arch->parked;
	arch->parked = arch->ready = 0;
	return 0;
}

static u64 model_walk(struct vcpu *vcpu, gfn_t gfn)
{
	u64 *table = READ_ONCE(vcpu->vm->stage2.root);
	int level;

	for (level = STAGE2_LEVELS; table; level--) {
		gfn_t size = 1ULL << (9 * (level - 1));	/* in frames */
		u64 *at = &table[gfn / size % STAGE2_ENTRIES];
		/* what it leads to is read after it: see arch_stage2_write() */
		u64 entry = smp_load_acquire(at);

		if (!arch_stage2_present(entry))
			return 0;
		if (arch_stage2_is_leaf(entry, level)) {
			data_race(*at |= MODEL_YOUNG);	/* in one step */
			return entry + (gfn % size << PAGE_SHIFT);
		}
		table = phys_to_virt(arch_stage2_phys(entry));
	}
	return 0;
}

void arch_vcpu_flush(struct vcpu *vcpu)
{
	vcpu->arch.tlb_entry = 0;
}

static bool model_use(struct vcpu *vcpu, const struct model_op *op)
{
	struct arch_vcpu *arch = &vcpu->arch;
	gfn_t gfn = op->gpa >> PAGE_SHIFT;
	bool write = op->kind == MODEL_WRITE;
	u64 *data;

	if (!arch->tlb_entry || arch->tlb_gfn != gfn ||
	    (write && !arch_stage2_writable(arch->tlb_entry))) {
		arch->tlb_entry = model_walk(vcpu, gfn);
		arch->tlb_gfn = gfn;
	}
	if (!arch->tlb_entry ||
	    (write && !arch_stage2_writable(arch->tlb_entry)))
		return false;
	data = phys_to_virt(arch_stage2_phys(arch->tlb_entry));
	data += (op->gpa & (PAGE_SIZE - 1)) / 8;
	step(guest_access, vcpu);
	if (write)
		data_race(*data = op->value);	/* with other guests only */
	else
		arch->value = data_race(*data);	/* as above */
	return true;
}

static int model_device(struct vcpu *vcpu, const struct model_op *op)
{
	bool write = op->kind == MODEL_WRITE;
	u32 data = op->value;

	model_done(vcpu, op);
	if (bus_io(vcpu->vm, BUS_MEMORY, op->gpa, sizeof(data), write, &data)) {
		if (!write)
			vcpu->arch.value = data;
		return 1;
	}
	vcpu->run->exit_reason = KVM_EXIT_MMIO;
	vcpu->run->mmio.phys_addr = op->gpa;
	vcpu->run->mmio.is_write = write;
	return 0;
}

static int model_memory(struct vcpu *vcpu, const struct model_op *op)
{
	bool entered, done;
	int r;

	local_irq_disable();
	entered = guest_enter(vcpu);
	done = entered && model_use(vcpu, op);
	guest_leave(vcpu);
	local_irq_enable();
	if (done)
		model_done(vcpu, op);
	if (done || !entered)
		return 1;
	r = fault_handle(vcpu, op->gpa, op->kind == MODEL_WRITE);
	return r ? r : model_device(vcpu, op);
}

static int model_port(struct vcpu *vcpu, const struct model_op *op)
{
	struct kvm_run *run = vcpu->run;
	bool write = op->kind == MODEL_OUT;
	u32 data = op->value;

	model_done(vcpu, op);
	if (bus_io(vcpu->vm, BUS_PORTS, op->port, sizeof(data), write, &data)) {
		if (!write)
			vcpu->arch.value = data;
		return 1;
	}
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = write ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	run->io.size = sizeof(data);
	run->io.port = op->port;
	run->io.count = 1;
	run->io.data_offset = PAGE_SIZE;
	memcpy((void *)run + PAGE_SIZE, &data, sizeof(data));
	vcpu->arch.pending_in = !write;
	return 0;
}

int arch_vcpu_complete_io(struct vcpu *vcpu)
{
	u32 data;

	if (!vcpu->arch.pending_in)
		return 1;
	vcpu->arch.pending_in = false;
	memcpy(&data, (void *)vcpu->run + PAGE_SIZE, sizeof(data));
	vcpu->arch.value = data;
	return 1;
}

static int model_wait(struct vcpu *vcpu, const struct model_op *op)
{
	if (atomic_add_unless(&vcpu->arch.events, -1, 0)) {
		model_done(vcpu, op);
		return 1;
	}
	if (op->kind == MODEL_WAIT) {
		vcpu_sleep(vcpu);
		return 1;
	}
	local_irq_disable();
	if (guest_enter(vcpu)) {
		safe_halt();
		local_irq_disable();
	}
	guest_leave(vcpu);
	local_irq_enable();
	return 1;
}

static long model_event(struct vm *vm, unsigned long id)
{
	struct vcpu *vcpu;

	if (id >= MAX_VCPUS)
		return -EINVAL;
	/* pairs with the release in vcpu_publish() */
	vcpu = smp_load_acquire(&vm->vcpus[id]);
	if (!vcpu)
		return -ENOENT;
	atomic_inc(&vcpu->arch.events);
	vcpu_request(vcpu, REQUEST_EVENT);
	return 0;
}

static int model_idle(struct vcpu *vcpu)
{
	if (vcpu->arch.parked) {
		vcpu_sleep(vcpu);
		return 1;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

int arch_vcpu_run(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;
	const struct model_op *op;

	if (!arch->todo)
		return model_idle(vcpu);
	op = &arch->script->op[__ffs(arch->todo)];
	switch (op->kind) {
	case MODEL_TOUCH:
	case MODEL_WRITE:
		return model_memory(vcpu, op);
	case MODEL_OUT:
	case MODEL_IN:
		return model_port(vcpu, op);
	case MODEL_WAIT:
	case MODEL_SPIN:
		return model_wait(vcpu, op);
	}
	model_done(vcpu, op);
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	if (op->kind == MODEL_CALL) {
		vcpu->run->exit_reason = KVM_EXIT_HYPERCALL;
		vcpu->run->hypercall.nr = op->value;
	}
	return 0;
}

long arch_vcpu_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	struct arch_vcpu *arch = &vcpu->arch;
	struct model_script script;

	switch (cmd) {
	case MODEL_SET_SCRIPT:
		if (copy_from_user(&script, argp, sizeof(script)))
			return -EFAULT;
		if (script.n > MODEL_OPS)
			return -EINVAL;
		*arch->script = script;
		arch->todo = (1U << script.n) - 1;
		arch->parked = arch->ready = 0;
		return 0;
	case MODEL_GET_VALUE:
		return copy_to_user(argp, &arch->value, sizeof(arch->value)) ?
			-EFAULT : 0;
	case MODEL_ASYNC:
		return model_async(vcpu, (unsigned long)argp);
	}
	return -EINVAL;
}

int arch_init(void)
{
	return 0;
}

void arch_exit(void)
{
}

int arch_check_extension(unsigned long cap)
{
	return 0;
}

long arch_dev_ioctl(unsigned int cmd, void __user *argp)
{
	return -EINVAL;
}

int arch_vm_init(struct vm *vm)
{
	return 0;
}

void arch_vm_destroy(struct vm *vm)
{
}

long arch_vm_ioctl(struct vm *vm, unsigned int cmd, void __user *argp)
{
	return cmd == MODEL_EVENT ? model_event(vm, (unsigned long)argp) :
				    -ENOTTY;
}

int arch_vcpu_init(struct vcpu *vcpu)
{
	vcpu->arch.script = kzalloc(sizeof(*vcpu->arch.script),
				    GFP_KERNEL_ACCOUNT);
	return vcpu->arch.script ? 0 : -ENOMEM;
}

void arch_vcpu_destroy(struct vcpu *vcpu)
{
	kfree(vcpu->arch.script);
}

void arch_vcpu_load(struct vcpu *vcpu)
{
}

void arch_vcpu_put(struct vcpu *vcpu)
{
}
