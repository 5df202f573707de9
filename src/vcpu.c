// SPDX-License-Identifier: GPL-2.0-only
/* A virtual processor, its file, and the loop that runs it. */
#include <linux/anon_inodes.h>
#include <linux/bitops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#include <trace/events/ipi.h>
#include "compat.h"
#include "twill.h"

static struct vcpu *vcpu_create(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	int r = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(r);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->guest_cpu = -1;
	mutex_init(&vcpu->lock);
	rcuwait_init(&vcpu->wait);
	INIT_LIST_HEAD(&vcpu->async_pfs);
	vcpu->run = alloc_pages_exact(VCPU_MMAP_SIZE,
				      GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vcpu->run)
		goto free_vcpu;
	r = arch_vcpu_init(vcpu);
	if (r)
		goto free_run;
	return vcpu;

free_run:
	free_pages_exact(vcpu->run, VCPU_MMAP_SIZE);
free_vcpu:
	kfree(vcpu);
	return ERR_PTR(r);
}

static void vcpu_destroy(struct vcpu *vcpu)
{
	async_pf_destroy(vcpu);
	arch_vcpu_destroy(vcpu);
	stage2_empty_pool(&vcpu->pool);
	free_pages_exact(vcpu->run, VCPU_MMAP_SIZE);
	kfree(vcpu);
}

/**
 * vcpus_destroy() - free every vCPU of a machine
 * @vm: a machine without references
 */
void vcpus_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++) {
		if (vm->vcpus[i])
			vcpu_destroy(vm->vcpus[i]);
	}
}

/**
 * guest_enter() - say that the guest runs here, and see whether it may
 * @vcpu: the vCPU
 *
 * Returns: whether it may. The caller enters the guest, or does not, and
 *	calls guest_leave() in either case.
 * Context: interrupts off, until after guest_leave(); in between only the
 *	guest may be interrupted, and by every interrupt.
 * Holds: vcpu->lock.
 */
bool guest_enter(struct vcpu *vcpu)
{
	lockdep_assert_irqs_disabled();
	WRITE_ONCE(vcpu->guest_cpu, smp_processor_id());
	smp_mb();	/* pairs with those in vm_flush() and vcpu_request() */
	if (signal_pending(current) || need_resched() ||
	    task_work_pending(current) ||
	    test_bit(REQUEST_EVENT, &vcpu->requests))
		return false;
	if (test_and_clear_bit(REQUEST_FLUSH, &vcpu->requests))
		arch_vcpu_flush(vcpu);
	return true;
}

/**
 * guest_leave() - the guest does not run any more
 * @vcpu: the vCPU
 *
 * Context: interrupts off, since before guest_enter().
 * Holds: vcpu->lock.
 */
void guest_leave(struct vcpu *vcpu)
{
	/* pairs with the acquire in vm_flush() */
	smp_store_release(&vcpu->guest_cpu, -1);
}

static void came_out(void *unused)
{
}

/**
 * vm_flush() - make every vCPU forget its translations
 * @vm: the machine whose stage-2 table has lost entries
 *
 * On return no vCPU uses an entry that was removed before the call.
 *
 * Context: interrupts on.
 * Holds: vm->mmu_lock.
 */
void vm_flush(struct vm *vm)
{
	unsigned int i;

	lockdep_assert_held(&vm->mmu_lock);
	cpumask_clear(vm->called);
	smp_mb();	/* first the table, then the vCPUs: see vcpu_publish() */
	for (i = 0; i < MAX_VCPUS; i++) {
		/* pairs with the release in vcpu_publish() */
		struct vcpu *vcpu = smp_load_acquire(&vm->vcpus[i]);
		int cpu;

		if (!vcpu)
			continue;
		set_bit(REQUEST_FLUSH, &vcpu->requests);
		smp_mb__after_atomic();	/* pairs with the one in guest_enter() */
		cpu = smp_load_acquire(&vcpu->guest_cpu);	/* ... in guest_leave() */
		if (cpu >= 0)
			__cpumask_set_cpu(cpu, vm->called);
	}
	smp_call_function_many(vm->called, came_out, NULL, true);
}

/**
 * vcpu_kick() - get a vCPU's thread out of its guest, or out of its sleep
 * @vcpu: which the caller keeps from being freed
 *
 * Context: any but NMI; does not sleep.
 */
void vcpu_kick(struct vcpu *vcpu)
{
	int cpu;

	rcuwait_wake_up(&vcpu->wait);
	preempt_disable();	/* or the CPU might go offline */
	cpu = READ_ONCE(vcpu->guest_cpu);
	if (cpu >= 0)
		smp_send_reschedule(cpu);
	preempt_enable();
}

/**
 * vcpu_request() - have a vCPU's thread look before its guest runs again
 * @vcpu: which the caller keeps from being freed
 * @request: what for
 *
 * Context: any but NMI; does not sleep.
 */
void vcpu_request(struct vcpu *vcpu, unsigned int request)
{
	set_bit(request, &vcpu->requests);
	smp_mb__after_atomic();	/* pairs with the one in guest_enter() */
	step(vcpu_request, vcpu);
	vcpu_kick(vcpu);
}

/**
 * vcpu_sleep() - sleep until there is an event for the guest, or a signal
 * @vcpu: the vCPU; the loop of KVM_RUN finds out which of the two it was
 *
 * Context: may sleep; by the thread that runs @vcpu.
 * Holds: vcpu->lock.
 */
void vcpu_sleep(struct vcpu *vcpu)
{
	step(vcpu_sleep, vcpu);
	rcuwait_wait_event(&vcpu->wait,
			   test_bit(REQUEST_EVENT, &vcpu->requests),
			   TASK_INTERRUPTIBLE);
}

/* Returns: 1, go on; or why the thread must leave the kernel. */
static int called_away(const struct vcpu *vcpu)
{
	int r = 1;

	if (READ_ONCE(vcpu->run->immediate_exit))
		return -EINTR;
	if (signal_pending(current))
		r = -EINTR;
	else if (task_work_pending(current))
		r = -ERESTARTNOHAND;
	if (r < 0)
		vcpu->run->exit_reason = KVM_EXIT_INTR;
	return r;
}

static void put_on_signals(struct vcpu *vcpu)
{
	if (vcpu->has_sigset)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void take_off_signals(struct vcpu *vcpu)
{
	if (!vcpu->has_sigset)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

static int vcpu_run(struct vcpu *vcpu)
{
	int r = arch_vcpu_complete_io(vcpu);

	put_on_signals(vcpu);
	arch_vcpu_load(vcpu);
	while (r > 0) {
		r = called_away(vcpu);
		if (r < 0)
			break;
		cond_resched();
		/* a full barrier: the event is looked for after this */
		if (test_and_clear_bit(REQUEST_EVENT, &vcpu->requests))
			async_pf_check(vcpu);
		r = arch_vcpu_run(vcpu);
	}
	arch_vcpu_put(vcpu);
	take_off_signals(vcpu);
	if (r == -ERESTARTNOHAND)
		set_thread_flag(TIF_SIGPENDING);
	return r;
}

static int set_signal_mask(struct vcpu *vcpu,
			   struct kvm_signal_mask __user *argp)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!argp) {
		vcpu->has_sigset = false;
		return 0;
	}
	if (copy_from_user(&mask, argp, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, argp->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->has_sigset = true;
	return 0;
}

/* Takes: vcpu->lock. */
static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;
	void __user *argp = (void __user *)arg;
	long r;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (cmd == KVM_RUN)
		r = arg ? -EINVAL : vcpu_run(vcpu);
	else if (cmd == KVM_SET_SIGNAL_MASK)
		r = set_signal_mask(vcpu, argp);
	else
		r = arch_vcpu_ioctl(vcpu, cmd, argp);
	mutex_unlock(&vcpu->lock);
	return r;
}

/* Gets: the page, for the mapping. */
static vm_fault_t vcpu_page_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff >= VCPU_MMAP_SIZE >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	page = virt_to_page((void *)vcpu->run + (vmf->pgoff << PAGE_SHIFT));
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_page_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

/* Puts: the vCPU file's reference to the machine. */
static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	step(vcpu_release, vcpu);
	vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/* Holds: vm->lock. Gets: the machine, for the vCPU's file. */
static int vcpu_publish(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu;
	struct file *file;
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	vcpu = vcpu_create(vm, id);
	if (IS_ERR(vcpu)) {
		put_unused_fd(fd);
		return PTR_ERR(vcpu);
	}
	file = anon_inode_getfile("twill-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		vcpu_destroy(vcpu);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	vm_get(vm);
	/* what vm_flush() finds is complete */
	smp_store_release(&vm->vcpus[id], vcpu);
	step(vcpu_create, vcpu);
	fd_install(fd, file);
	return fd;
}

/**
 * vcpu_create_fd() - make a vCPU and a file descriptor that holds its machine
 * @vm: its machine
 * @id: its number
 *
 * Returns: the descriptor, or a negative errno: EINVAL for a number that is
 *	out of range, EEXIST for one that is taken.
 * Takes: vm->lock.
 */
int vcpu_create_fd(struct vm *vm, unsigned long id)
{
	int fd;

	if (id >= MAX_VCPUS)
		return -EINVAL;
	id = array_index_nospec(id, MAX_VCPUS);
	mutex_lock(&vm->lock);
	fd = vm->vcpus[id] ? -EEXIST : vcpu_publish(vm, id);
	mutex_unlock(&vm->lock);
	return fd;
}
