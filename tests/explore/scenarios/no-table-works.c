// SPDX-License-Identifier: GPL-2.0-only
/* What a table and its notifier are for, whoever else may look for the table. */
#include <asm-generic/errno.h>
#include "page.h"

#define FAR (1UL << 39)		/* the second entry of the root leads there */

static int second, other_vm;
static char *spare;
static bool told, told_too;

static int run_ops(int fd, const struct model_op *op, int n)
{
	struct model_script s = { .n = n };

	while (n--)
		s.op[n] = op[n];
	u_assert(!u_ioctl(fd, MODEL_SET_SCRIPT, &s));
	return u_ioctl(fd, KVM_RUN, 0);
}

static int touch(unsigned long at)
{
	struct model_op op = { .kind = MODEL_TOUCH, .gpa = at };

	return run_ops(vcpu, &op, 1);
}

static __u64 value_at(unsigned long at)
{
	__u64 value = 0;

	u_assert(!touch(at));
	u_assert(!u_ioctl(vcpu, MODEL_GET_VALUE, &value));
	return value;
}

static void write_seven(void)
{
	struct model_op op = { .kind = MODEL_WRITE, .value = 7 };

	u_assert(!run_ops(vcpu, &op, 1));
}

static void setup_used(void)
{
	setup();
	write_seven();
}

/* Mapped, and not used since the host last asked. */
static void setup_old(void)
{
	setup_used();
	u_assert(u_age(memory));
}

/* Two pages in a slot, of which only the first is used. */
static void setup_pages(void)
{
	setup();
	u_munmap(memory, PAGE);
	set_memory(0);
	memory = u_memory(3 * PAGE);
	set_memory(3 * PAGE);
	u_assert(!touch(0));
}

static void close_pages(void)
{
	u_close(vcpu);
	u_close(vm);
	u_munmap(memory, 3 * PAGE);
}

static void setup_spare(void)
{
	setup_used();
	spare = u_memory(PAGE);
	u_assert(!set_slot(vm, 1, PAGE, PAGE, spare));
}

static void close_spare(void)
{
	close_all();
	if (spare)
		u_munmap(spare, PAGE);
}


/* The host asks. */

static void used_once(void)
{
	u_assert(u_young(memory) && u_young(memory));
	u_assert(u_age(memory));
	u_assert(!u_young(memory) && !u_age(memory) && !u_idle(memory));
	u_assert(!touch(0));
	u_assert(u_young(memory) && u_idle(memory) == 1);
	u_assert(!u_idle(memory) && !u_age(memory));
}

static void never_used(void)
{
	char *other = u_memory(PAGE);

	u_assert(!u_age(other) && !u_idle(other) && !u_young(other));
	u_assert(!u_age(memory + PAGE) && !u_young(memory + 2 * PAGE));
	u_assert(!touch(PAGE));		/* the third page is mapped unasked */
	u_assert(u_young(memory + PAGE) && !u_young(memory + 2 * PAGE));
	u_assert(!u_age(memory + 2 * PAGE) && u_age(memory + PAGE));
	u_assert(u_age(memory) && !u_age(memory));
	u_assert(!touch(2 * PAGE));
	u_assert(u_age(memory + 2 * PAGE) && !u_age(memory + PAGE));
	u_munmap(other, PAGE);
}

/* One page in two slots: used in either, it is used. */
static void in_two_slots(void)
{
	u_assert(!set_slot(vm, 2, FAR, PAGE, memory));
	u_assert(u_age(memory) && !u_age(memory));
	u_assert(value_at(FAR) == 7);
	u_assert(u_young(memory) && u_age(memory) && !u_age(memory));
	u_assert(!touch(0));
	u_assert(u_idle(memory) == 1 && !u_idle(memory));
}

/* Two pages of a slot that has 2 MiB: what the host takes takes the table. */
static void setup_wide(void)
{
	setup();
	u_munmap(memory, PAGE);
	set_memory(0);
	memory = u_aligned_memory(2 * PAGE);
	set_memory(512 * PAGE);
	write_seven();
}

/* Two slots in one range: the host maps them by one entry. */
static void setup_range(void)
{
	setup();
	u_munmap(memory, PAGE);
	set_memory(0);
	memory = u_aligned_memory(2 * PAGE);
	u_collapse(memory);
	set_memory(PAGE);
	u_assert(!set_slot(vm, 1, FAR, PAGE, memory + PAGE));
}

static void close_range(void)
{
	u_close(vcpu);
	u_close(vm);
	u_munmap(memory, 2 * PAGE);
}

static void over_two_slots(void)
{
	u_assert(!u_age(memory));
	u_assert(!touch(0));
	u_assert(u_age(memory) && !u_age(memory));
	u_assert(!touch(FAR));
	u_assert(u_idle(memory) && !u_idle(memory) && !u_age(memory));
}

/* Who asks is a task of the host's, or of some process: not of this one. */
static void asked_by_others(void)
{
	u_elsewhere(true);
	u_assert(u_young(memory) && u_age(memory) && !u_age(memory));
	u_elsewhere(false);
	u_assert(!touch(0));
	u_elsewhere(true);
	u_assert(u_idle(memory) == 1);
	u_reclaim(memory);
	u_elsewhere(false);
	u_assert(!u_young(memory) && value_at(0) == 7 && u_young(memory));
}

static void asked_while_busy(void)
{
	u_assert(u_young(memory) && u_age(memory));
}

static void take_spare(void)
{
	u_munmap(spare, PAGE);
	spare = NULL;
}

static void use_spare(void)
{
	u_assert(!touch(PAGE));
}

/* Of two who ask at a time, one is told. */
static void ask(void)
{
	told = u_age(memory);
}

static void ask_too(void)
{
	told_too = u_idle(memory) & 1;
}

static void one_was_told(void)
{
	u_assert(told != told_too);
	close_all();
}

static void use(void)
{
	u_assert(!touch(0));
}

static void told_then_or_now(void)
{
	u_assert(told || u_age(memory));
	close_all();
}

SCENARIO("works-used", "a page that was used is young, once for each use",
	 setup_used, close_all, used_once);
SCENARIO("works-never-used", "a page that was not used is not young",
	 setup_pages, close_pages, never_used);
SCENARIO("works-in-two-slots", "a page in two slots is young when either is used",
	 setup_used, close_all, in_two_slots);
SCENARIO("works-over-slots", "2 MiB of the host's are young when either slot is used",
	 setup_range, close_range, over_two_slots);
SCENARIO("works-asked-by-others", "the host asks from outside of the process",
	 setup_used, close_all, asked_by_others);
SCENARIO("busy-unmap", "a page is asked after while another one is taken",
	 setup_spare, close_spare, asked_while_busy, take_spare);
SCENARIO("busy-fault", "... while the guest faults on another one",
	 setup_spare, close_spare, asked_while_busy, use_spare);
SCENARIO("told-once", "of two of the host's tasks one is told of a use",
	 setup_used, one_was_told, ask, ask_too);
SCENARIO("told-of-all", "a use is told now, or when the host next asks",
	 setup_old, told_then_or_now, use, ask);


/* Memory comes and goes. */

static void brought_again(void)
{
	u_reclaim(memory);
	u_assert(!u_young(memory) && value_at(0) == 7);
	u_munmap(memory, PAGE);
	u_assert(touch(0) == -EFAULT);
	memory = NULL;
}

/* Somewhere else each time, and no more tables than before. */
static void moved(void)
{
	unsigned long at;
	int objects = 0;

	u_assert(!set_slot(vm, 1, PAGE, 0, NULL));
	for (at = FAR; at < 6 * FAR; at += FAR) {
		u_assert(!set_slot(vm, 0, at, PAGE, memory));
		u_assert(value_at(at) == 7 && u_age(memory));
		u_assert(!objects || u_objects() == objects);
		objects = u_objects();
	}
	u_assert(!set_slot(vm, 0, 0, 0, memory));
	u_assert(!u_age(memory) && u_objects() < objects);
}

static void end_process(void)
{
	u_exit();
}

static void close_first(void)
{
	u_close(vcpu);
	u_close(vm);
}

static void look_for_idle(void)
{
	u_idle(memory);
}

static void reclaim(void)
{
	u_reclaim(memory);
}

static void reap(void)
{
	u_reap(memory);
}

static void run_and_ask(void)
{
	u_assert(!touch(0) && value_at(0) == 7);
	u_age(memory);
}

static void find_it_again(void)
{
	u_reap(memory);
	u_assert(!u_young(memory) && value_at(0) == 7 && u_young(memory));
	close_range();
}

SCENARIO("works-brought-again", "what the host takes comes back, or is gone",
	 setup_used, close_all, brought_again);
SCENARIO("works-moved", "a slot is moved, and its old tables are freed",
	 setup_spare, close_spare, moved);
SCENARIO("reap-vs-run", "a host without memory takes a page, and may not sleep",
	 setup_wide, find_it_again, run_and_ask, reap);

/* Memory is short when the process ends. */
SCENARIO_WITH(1, true, "exit-fails-vs-idle", "its process ends, one step of which fails, while the host looks",
	      setup_used, close_first, end_process, look_for_idle);
SCENARIO_WITH(1, true, "exit-fails-vs-reclaim", "... while it takes pages",
	      setup_used, close_first, end_process, reclaim);


/* Machines do not hinder one another. */

static void setup_two_machines(void)
{
	setup_used();
	other_vm = make_vm();
	second = make_vcpu(other_vm, 0);
	u_assert(!set_slot(other_vm, 0, 0, PAGE, memory));
}

static void close_second(void)
{
	u_close(second);
	u_close(other_vm);
	unmap();
}

static void use_second(void)
{
	struct model_op op = { .kind = MODEL_TOUCH };

	u_assert(!run_ops(second, &op, 1) && u_young(memory));
}

static void one_ends(void)
{
	close_first();
	u_assert(!u_young(memory));
	use_second();
	u_assert(u_age(memory) && !u_age(memory));
}

SCENARIO_APART("exit-vs-reap", "a host without memory takes a page of a process that ends",
	       setup_wide, close_first, end_process, reap);
SCENARIO("works-two-machines", "a machine ends, and another one goes on",
	 setup_two_machines, close_second, one_ends);
SCENARIO("machine-vs-machine", "a machine is used while another one is closed",
	 setup_two_machines, close_second, use_second, close_first);


/* A machine is its own process's. */

static int set_memory_of(const void *region)
{
	return u_ioctl(vm, KVM_SET_USER_MEMORY_REGION, region);
}

static void refuses(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };
	const void *nowhere = (void *)-4096L;

	u_assert(set_memory_of(nowhere) == -EFAULT);
	u_assert(set_memory_of(NULL) == -EFAULT);
	u_assert(u_ioctl(vm, KVM_CREATE_DEVICE, nowhere) == -EFAULT);
	u_assert(set_slot(vm, 99, PAGE, PAGE, memory) == -EINVAL);
	u_assert(set_slot(vm, 1, 0, PAGE, memory) == -EEXIST);
	u_assert(u_ioctl(vm, KVM_CREATE_VCPU, 0) == -EEXIST);
	u_assert(u_ioctl(vm, KVM_RUN, 0) == -ENOTTY);
	u_assert(u_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY) == 1);
	u_elsewhere(true);
	u_assert(u_ioctl(vcpu, KVM_RUN, 0) == -EIO);
	u_assert(u_ioctl(vm, KVM_CREATE_VCPU, 1) == -EIO);
	u_assert(u_ioctl(vm, KVM_CREATE_DEVICE, &d) == -EIO);
	u_assert(u_ioctl(vm, KVM_RUN, 0) == -EIO);
	u_assert(set_slot(vm, 0, 0, 0, NULL) == -EIO);
	u_elsewhere(false);
	u_assert(value_at(0) == 7);
}

/* Whoever has its descriptors when it has ended can close them. */
static void refuses_afterwards(void)
{
	u_exit();
	u_assert(u_ioctl(vcpu, KVM_RUN, 0) == -EIO);
	u_assert(u_ioctl(vm, KVM_CREATE_VCPU, 1) == -EIO);
	u_assert(set_slot(vm, 0, 0, 0, NULL) == -EIO);
	u_assert(!u_age(memory) && !u_idle(memory) && !u_young(memory));
}

SCENARIO("works-refuses-memory", "what is asked for wrongly is refused, and how",
	 setup_used, close_all, refuses);
SCENARIO("works-after-exit", "its process has ended: nothing but closing is left",
	 setup_used, close_first, refuses_afterwards);
