// SPDX-License-Identifier: GPL-2.0-only
/* What the host does to a machine's memory, against all that may meet it. */
#include "page.h"

/* The page is in the table, and in the vCPU's memory of it. */
static void setup_mapped(void)
{
	struct model_script s = { .n = 1, .op = { { .kind = MODEL_TOUCH } } };

	setup();
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}

/* Tasks. */

static void run(void)
{
	u_ioctl(vcpu, KVM_RUN, 0);
}

static void age(void)
{
	u_age(memory);
}

static void end_process(void)
{
	u_exit();
}

static void close_both(void)
{
	u_close(vcpu);
	u_close(vm);
}

static void add_vcpu(void)
{
	int fd = u_ioctl(vm, KVM_CREATE_VCPU, 1);

	if (fd >= 0)
		u_close(fd);
}

SCENARIO("age-vs-fault", "the host asks after a page while the guest faults",
	 setup, close_all, run, age);
SCENARIO("age-vs-use", "the host asks after a page that is in use",
	 setup_mapped, close_all, run, age);
SCENARIO("age-vs-close", "the host asks after a page of a dying machine",
	 setup_mapped, unmap, close_both, age);
SCENARIO("unmap-vs-close", "a page is taken back from a dying machine",
	 setup_mapped, unmap, close_both, take_back);
SCENARIO("exit-vs-close", "its process ends while the machine is closed",
	 setup_mapped, unmap, close_both, end_process);
SCENARIO("vcpu-vs-unmap", "a vCPU is made while a page is taken back",
	 setup_mapped, close_all, add_vcpu, take_back);
SCENARIO("vcpu-vs-close", "a vCPU is made while the machine is closed",
	 setup, unmap, add_vcpu, close_both);

SCENARIO("age-vs-slot", "the host asks after a page whose slot is removed",
	 setup_mapped, close_all, age, remove_slot);

/* Two that make the same one: one of them fails. */
SCENARIO("vcpu-vs-vcpu", "two make the same vCPU",
	 setup, close_all, add_vcpu, add_vcpu);

static char *spare;

static void setup_spare(void)
{
	setup();
	spare = u_memory(PAGE);
}

static void take_spare(void)
{
	u_munmap(spare, PAGE);
}

static void run_to_end(void)
{
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

SCENARIO("fault-vs-other", "another page is taken back while the guest faults",
	 setup_spare, close_all, run_to_end, take_spare);

static void slot_again(void)
{
	set_slot(vm, 1, PAGE, PAGE, memory);
}

static void slot_gone(void)
{
	set_slot(vm, 0, 0, 0, NULL);
}

SCENARIO("slot-vs-slot", "slots are added and removed by two tasks",
	 setup, close_all, slot_again, slot_gone);

/* Two slots that share tables; both pages are mapped. */
static void setup_two(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_TOUCH }, { .kind = MODEL_WRITE, .gpa = PAGE },
	} };
	struct model_script again = { .n = 2, .op = {
		{ .kind = MODEL_WRITE, .gpa = PAGE, .value = 9 },
		{ .kind = MODEL_TOUCH, .gpa = PAGE },
	} };

	setup_spare();
	u_assert(!set_slot(vm, 1, PAGE, PAGE, spare));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &again));
}

static void run_to_nine(void)
{
	__u64 value = 0;

	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_GET_VALUE, &value));
	u_assert(value == 9);
}

static void close_two(void)
{
	close_all();
	if (spare)
		u_munmap(spare, PAGE);
}

static void lose_spare(void)
{
	take_spare();
	spare = NULL;
}

SCENARIO("tables-vs-use", "a slot goes, with tables that a guest walks through",
	 setup_two, close_two, run_to_nine, slot_gone);
SCENARIO("tables-vs-both", "... and the page in use is taken back meanwhile",
	 setup_two, close_two, run, slot_gone, lose_spare);

/*
 * 2 MiB that the host maps by one entry, of which two pages are used. The host
 * breaks the entry up before it takes one of them.
 */
static void setup_large(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_WRITE, .value = 7 },
		{ .kind = MODEL_TOUCH, .gpa = PAGE },
	} };

	setup();
	u_munmap(memory, PAGE);
	set_memory(0);
	memory = u_aligned_memory(2 * PAGE);
	u_collapse(memory);
	set_memory(512 * PAGE);
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}

static void setup_large_mapped(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_WRITE, .gpa = PAGE, .value = 7 },
		{ .kind = MODEL_TOUCH },
	} };

	setup_large();
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}

static void take_second(void)
{
	u_munmap(memory + PAGE, PAGE);
}

static void close_second(void)
{
	u_close(vcpu);
	u_close(vm);
	u_munmap(memory, PAGE);
}

SCENARIO("split-vs-fault", "2 MiB are broken up, and one page taken, in a fault",
	 setup_large, close_second, run, take_second);
SCENARIO("split-vs-use", "... while they are in use",
	 setup_large_mapped, close_second, run, take_second);
SCENARIO("split-vs-slot", "... while their slot is removed",
	 setup_large_mapped, close_second, run, take_second, remove_slot);

static int vcpu2;

/* Pages that the guest knows as pages. */
static void setup_pages(void)
{
	struct model_script s = { .n = 1, .op = { { .kind = MODEL_TOUCH } } };
	struct model_script t = { .n = 1, .op = {
		{ .kind = MODEL_TOUCH, .gpa = PAGE },
	} };

	setup();
	u_munmap(memory, PAGE);
	set_memory(0);
	memory = u_aligned_memory(2 * PAGE);
	set_memory(512 * PAGE);
	vcpu2 = u_ioctl(vm, KVM_CREATE_VCPU, 1);
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu2, MODEL_SET_SCRIPT, &t));
}

/* There is a table, and nothing in it, where 2 MiB may be mapped. */
static void setup_table(void)
{
	setup_pages();
	u_map_anew(memory);
}

static void run_second(void)
{
	u_assert(!u_ioctl(vcpu2, KVM_RUN, 0));
}

static void close_table(void)
{
	u_close(vcpu);
	u_close(vcpu2);
	u_close(vm);
	u_munmap(memory, 2 * PAGE);
}

static void collapse(void)
{
	u_collapse(memory);
}

SCENARIO("table-vs-walk", "2 MiB take the place of a table that another walks",
	 setup_table, close_table, run_to_end, run_second);
SCENARIO("collapse-vs-fault", "pages become 2 MiB while a guest faults",
	 setup_pages, close_table, run_second, collapse);

/* A guest that goes on from page to page: the last one is mapped unasked. */
static void setup_row(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_WRITE, .gpa = PAGE, .value = 7 },
		{ .kind = MODEL_TOUCH, .gpa = 2 * PAGE },
	} };

	setup();
	u_munmap(memory, PAGE);
	set_memory(0);
	memory = u_memory(3 * PAGE);
	set_memory(3 * PAGE);
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
}

static void take_third(void)
{
	u_munmap(memory + 2 * PAGE, PAGE);
}

static void close_row(void)
{
	u_close(vcpu);
	u_close(vm);
	u_munmap(memory, 2 * PAGE);
}

SCENARIO("row-vs-unmap", "a page that is mapped unasked is taken back",
	 setup_row, close_row, run, take_third);
