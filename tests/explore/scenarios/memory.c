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

/* The vCPU remembers the page; that it is used again must still be seen. */
static void use_and_ask(void)
{
	u_assert(u_age(memory));
	u_assert(!u_age(memory));
	run();
	u_assert(u_age(memory));
}

SCENARIO("age-and-use", "the host asks after a page, which is used once more",
	 setup_mapped, close_all, use_and_ask);

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

static void unmap_row(void)
{
	close_row();
	take_third();
}

static void run_row(void)
{
	int asked = u_asked();

	run();
	u_assert(u_asked() == asked + 1);
}

SCENARIO("row-vs-unmap", "a page that is mapped unasked is taken back",
	 setup_row, close_row, run, take_third);
SCENARIO("row-at-once", "... and the guest finds it without a fault",
	 setup_row, unmap_row, run_row);

/* The page is a file's: written to, not mapped, and about to be saved. */
static void setup_file(void)
{
	setup();
	u_file(memory, true);
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(u_dirty(memory));
	script((struct model_op){ .kind = MODEL_WRITE, .value = 8 },
	       (struct model_op){ .kind = MODEL_TOUCH });
}

static void setup_file_unmapped(void)
{
	setup_file();
	u_map_anew(memory);
}

static void write_back(void)
{
	u_write_back(memory);
}

static void close_file(void)
{
	u_assert(u_saved(memory));
	u_write_back(memory);
	u_assert(u_saved(memory) && !u_dirty(memory));
	close_all();
}

SCENARIO("saved-vs-fault", "a file's page is saved while the guest faults on it",
	 setup_file_unmapped, close_file, run_to_end, write_back);
SCENARIO("saved-vs-use", "a file's page is saved while the guest writes to it",
	 setup_file, close_file, run_to_end, write_back);

/* Clean, and the host lets it be written: the mark is all that tells. */
static void setup_clean_file(void)
{
	setup();
	u_file(memory, false);
}

static void run_and_dirty(void)
{
	run_to_end();
	u_assert(u_dirty(memory));
}

SCENARIO("written-is-dirty", "a page that the guest writes to counts as written",
	 setup_clean_file, close_file, run_and_dirty);

/* Of a page that the host lets be read only, the write is another fault. */
static void setup_read_file(void)
{
	setup();
	u_file(memory, true);
	script((struct model_op){ .kind = MODEL_TOUCH },
	       (struct model_op){ .kind = MODEL_WRITE, .value = 7 });
}

SCENARIO("read-only-file", "a file's page is read, then written to: two faults",
	 setup_read_file, close_file, run_and_dirty);

/* A read that finds a page to write to: the write after it does not ask. */
static void setup_read(void)
{
	setup();
	script((struct model_op){ .kind = MODEL_TOUCH },
	       (struct model_op){ .kind = MODEL_WRITE, .value = 7 });
}

static void run_asking_once(void)
{
	run_to_end();
	u_assert(u_asked() == 1);
}

SCENARIO("read-then-write", "a page is read, then written to: one fault",
	 setup_read, close_all, run_asking_once);

/* Brought for a reader, it may be written to: still one fault. */
static void setup_absent(void)
{
	setup();
	u_absent(memory);
}

static void run_asking_four_times(void)
{
	struct model_script write = { .n = 1, .op = { { .kind = MODEL_WRITE } } };
	struct model_script read = { .n = 1, .op = { { .kind = MODEL_TOUCH } } };

	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &read));
	run_to_end();
	u_assert(u_asked() == 4);	/* fast to write, to read; slow; fast */
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &write));
	run_to_end();
	u_assert(u_asked() == 4);
}

SCENARIO("bring-then-write", "a page is brought for a reader, then written to",
	 setup_absent, close_all, run_asking_four_times);

/* The other page lies above, or below. */
static void setup_below(void)
{
	spare = u_memory(PAGE);
	setup();
}

/* An invalidation that ends meanwhile costs a fault its answer, once. */
static void run_asking_twice(void)
{
	run_to_end();
	u_assert(u_asked() <= 2);
}

SCENARIO("fault-beside-unmap", "a fault does not wait for what is taken elsewhere",
	 setup_spare, close_all, run_asking_twice, take_spare);
SCENARIO("fault-above-unmap", "... below it",
	 setup_below, close_all, run_asking_twice, take_spare);

SCENARIO("fault-vs-two-unmaps", "two pages are taken back, one of which the guest faults on",
	 setup_spare, close_all, run, take_back, take_spare);
SCENARIO("fault-vs-two-below", "... with the other one below it",
	 setup_below, close_all, run, take_back, take_spare);

/* The last page of the row is a file's, clean, and nobody has asked for it. */
static void setup_clean(void)
{
	setup_row();
	u_file(memory + 2 * PAGE, false);
	script((struct model_op){ .kind = MODEL_WRITE, .gpa = PAGE },
	       (struct model_op){ .kind = MODEL_TOUCH });
}

static void run_and_leave_clean(void)
{
	run_to_end();
	u_assert(!u_dirty(memory + 2 * PAGE));
}

static void close_clean(void)
{
	u_close(vcpu);
	u_close(vm);
	u_munmap(memory, 3 * PAGE);
}

SCENARIO("row-leaves-clean", "a page that nobody asked for stays as clean as it was",
	 setup_clean, close_clean, run_and_leave_clean);

/* Two slots in different gigabytes: a slot's removal takes one at a time. */
#define GIB	(1UL << 30)

static void setup_pieces(void)
{
	struct model_script s = { .n = 2, .op = {
		{ .kind = MODEL_TOUCH }, { .kind = MODEL_WRITE, .gpa = GIB },
	} };
	struct model_script again = { .n = 2, .op = {
		{ .kind = MODEL_TOUCH },
		{ .kind = MODEL_WRITE, .gpa = GIB, .value = 9 },
	} };

	setup_spare();
	u_assert(!set_slot(vm, 1, GIB, PAGE, spare));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, MODEL_SET_SCRIPT, &again));
}

/* The first of its pages may be memory no more, and then it comes out. */
static void run_on(void)
{
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
}

SCENARIO("pieces-vs-use", "a slot is removed piece by piece, both in use",
	 setup_pieces, close_two, run_on, slot_gone);
/* Whatever the order was, the guest finds neither page afterwards. */
static void run_and_close(void)
{
	u_ioctl(vcpu, KVM_RUN, 0);
	u_ioctl(vcpu, KVM_RUN, 0);
	close_two();
}

SCENARIO("pieces-vs-unmap", "... and a page of the other is taken back meanwhile",
	 setup_pieces, run_and_close, slot_gone, lose_spare);

/* Whatever the guest had before, it finds no memory there now. */
static void find_nothing(void)
{
	struct model_script s = { .n = 1, .op = { { .kind = MODEL_TOUCH } } };
	struct kvm_run *run = u_mmap(vcpu, 2 * PAGE);

	u_assert(run && !u_ioctl(vcpu, MODEL_SET_SCRIPT, &s));
	u_assert(!u_ioctl(vcpu, KVM_RUN, 0));
	u_assert(run->exit_reason == KVM_EXIT_MMIO);
	u_munmap(run, 2 * PAGE);
	close_all();
}

SCENARIO("removed-is-gone", "a slot is removed while the guest faults, and nothing is left",
	 setup, find_nothing, run_to_end, remove_slot);
