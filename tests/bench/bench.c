// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long things take, for any hypervisor that speaks KVM's ABI. Each line
 * printed is one sample: the name of a row, and nanoseconds or bytes. What is
 * short is measured in batches of a few milliseconds: on a busy machine some
 * of them are not disturbed.
 *
 * usage: bench DEVICE SAMPLES DIVISOR [ROW]
 *	Samples of what is long; what is short is measured ten times as often.
 *	The divisor, a power of two, makes it all shorter and the numbers worth
 *	less.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include "machine.h"

/* Guests, in flat 32-bit protected mode without paging. */
static const uint8_t halt[] = { 0xf4 };
static const uint8_t cpuid[] = {
	0x31, 0xc0,		/* 1: xor %eax, %eax */
	0x31, 0xc9,		/* xor %ecx, %ecx */
	0x0f, 0xa2,		/* cpuid */
	0x4e, 0x75, 0xf7,	/* dec %esi; jnz 1b */
	0xf4,			/* hlt */
};
static const uint8_t rdmsr[] = {
	0xb9, 0x77, 0x02, 0, 0,	/* mov $0x277, %ecx: PAT */
	0x0f, 0x32,		/* 1: rdmsr */
	0x4e, 0x75, 0xfb,	/* dec %esi; jnz 1b */
	0xf4,			/* hlt */
};
static const uint8_t device[] = {
	0x8b, 0x07,		/* 1: mov (%edi), %eax */
	0xeb, 0xfc,		/* jmp 1b */
};
static const uint8_t change[] = {
	0x8a, 0x07,		/* 1: mov (%edi), %al */
	0x88, 0x07,		/* mov %al, (%edi) */
	0x01, 0xd7,		/* add %edx, %edi */
	0x4e, 0x75, 0xf7,	/* dec %esi; jnz 1b */
	0xf4,			/* hlt */
};
static const uint8_t spin[] = { 0xeb, 0xfe };
static const uint8_t out[] = {
	0xe6, 0x10,		/* 1: out %al, $0x10 */
	0xeb, 0xfc,		/* jmp 1b */
};
static const uint8_t touch[] = {
	0x88, 0x07,		/* 1: mov %al, (%edi) */
	0x01, 0xd7,		/* add %edx, %edi */
	0x4e, 0x75, 0xf9,	/* dec %esi; jnz 1b */
	0xf4,			/* hlt */
};

static void *code_memory;

static void give_cpuid(int vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[256];
	} table = { .head.nent = 256 };

	ASK(kvm, KVM_GET_SUPPORTED_CPUID, &table);
	ASK(vcpu, KVM_SET_CPUID2, &table);
}

static void row_cpuid(void)
{
	struct machine m = make(code_memory, cpuid, sizeof(cpuid));
	int i, n = 200 / divisor;

	give_cpuid(m.vcpu);
	timed(&m, 0, 10, 0);
	for (i = 0; i < 10 * samples; i++)
		sample("cpuid", timed(&m, 0, n, 0) / n);
	unmake(&m);
}

static void row_msr(void)
{
	struct machine m = make(code_memory, rdmsr, sizeof(rdmsr));
	int i, n = 200 / divisor;

	timed(&m, 0, 10, 0);
	for (i = 0; i < 10 * samples; i++)
		sample("msr", timed(&m, 0, n, 0) / n);
	unmake(&m);
}

/* A guest asks the VMM, again and again. */
static void to_user_space(const char *row, const void *code, size_t size,
			  unsigned int reason)
{
	struct machine m = make(code_memory, code, size);
	int i, j, n = 100 / divisor;
	double start;

	begin(&m, DATA, 0, 0);
	run(&m, reason);
	for (i = 0; i < 10 * samples; i++) {
		start = now();
		for (j = 0; j < n; j++)
			run(&m, reason);
		sample(row, (now() - start) / n);
	}
	unmake(&m);
}

static void row_io(void)
{
	to_user_space("io", out, sizeof(out), KVM_EXIT_IO);
}

static void row_device(void)
{
	to_user_space("device", device, sizeof(device), KVM_EXIT_MMIO);
}

/* Backwards: a hypervisor that maps ahead maps nothing that is wanted. */
static void backwards(const char *row, const void *code, size_t code_size)
{
	size_t at, batch = MIB / divisor, size = 16 * batch;
	void *data = memory(size, PAGE, MADV_NOHUGEPAGE);
	struct machine m;
	int i;

	for (i = 0; i < samples; i++) {
		m = make(code_memory, code, code_size);
		late_slot(m.vm, 1, DATA, size, data);
		for (at = size; at > 0; at -= batch)
			sample(row, timed(&m, DATA + at - PAGE,
					  batch / PAGE, -PAGE) * PAGE / batch);
		unmake(&m);
	}
	munmap(data, size);
}

static void row_fault(void)
{
	backwards("fault-4k", touch, sizeof(touch));
}

static void row_change(void)
{
	backwards("read-write-4k", change, sizeof(change));
}

/* From the first touch of a page to the last of the machine. */
static void row_touch(void)
{
	size_t size = DATA_SIZE / divisor;
	void *data = memory(size, PAGE, MADV_NOHUGEPAGE);
	size_t at, batch = size / 64;
	struct machine m;
	double t, sum;
	int i;

	for (i = 0; i < samples; i++) {
		m = make(code_memory, touch, sizeof(touch));
		late_slot(m.vm, 1, DATA, size, data);
		sum = 0;
		for (at = 0; at < size; at += batch) {
			t = timed(&m, DATA + at, batch / PAGE, PAGE);
			sample("fault-4k-row", t * PAGE / batch);
			sum += t;
		}
		t = now();
		unmake(&m);
		t = now() - t;
		sample("touch-64m", sum + t);
		sample("teardown-64m", t);
	}
	munmap(data, size);
}

/* The host takes back what a machine uses; and, as a floor, what none does. */
static void row_take_back(void)
{
	size_t size = DATA_SIZE / divisor;
	void *data = memory(size, PAGE, MADV_NOHUGEPAGE);
	struct machine m = make(code_memory, touch, sizeof(touch));
	double start;
	int i;

	late_slot(m.vm, 1, DATA, size, data);
	for (i = 0; i < samples; i++) {
		memset(data, 2, size);
		start = now();
		madvise(data, size, MADV_DONTNEED);
		sample("take-back-64m-unused", now() - start);
		memset(data, 3, size);
		timed(&m, DATA, size / PAGE, PAGE);
		start = now();
		madvise(data, size, MADV_DONTNEED);
		sample("take-back-64m", now() - start);
	}
	unmake(&m);
	munmap(data, size);
}

/* Whether the host has huge pages at all of this memory, it alone knows. */
static int all_huge(void *data, size_t size)
{
	char line[200];
	unsigned long start, end, kib, huge = 0;
	int here = 0;
	FILE *f = fopen("/proc/self/smaps", "r");

	if (!f)
		err(1, "smaps");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start < (uintptr_t)data + size &&
			       end > (uintptr_t)data;
		else if (here && sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			huge += kib;
	}
	fclose(f);
	return huge >= size >> 10;
}

/*
 * The first touch of each 2 MiB, and then the touch of another page of each:
 * where the first mapped all 2 MiB the second costs next to nothing. A slot
 * that goes takes its mappings along, so that one machine does for all.
 */
static void row_huge(void)
{
	size_t size = DATA_SIZE / (divisor > 8 ? 8 : divisor);
	void *data = memory(size, HUGE, MADV_HUGEPAGE);
	struct machine m = make(code_memory, touch, sizeof(touch));
	int i, n = size / HUGE;

	if (!all_huge(data, size))
		errx(1, "the host gave no huge pages");
	for (i = 0; i < 10 * samples; i++) {
		late_slot(m.vm, 1, DATA, size, data);
		timed(&m, 0x2000, 1, 0);
		sample("fault-2m", timed(&m, DATA, n, HUGE) / n);
		sample("fault-2m-next", timed(&m, DATA + PAGE, n, HUGE) / n);
		late_slot(m.vm, 1, DATA, 0, data);
	}
	unmake(&m);
	munmap(data, size);
}

static void row_lives(void)
{
	struct machine m;
	double start;
	int i;

	for (i = 0; i < 3 * samples; i++) {
		start = now();
		close(ASK(kvm, KVM_CREATE_VM, 0));
		sample("create-destroy", now() - start);
		start = now();
		m = make(code_memory, halt, sizeof(halt));
		timed(&m, 0, 0, 0);
		unmake(&m);
		sample("create-run-destroy", now() - start);
	}
}

static void add_and_delete(const char *row, int vm)
{
	void *data = memory(CODE_SIZE, PAGE, MADV_NOHUGEPAGE);
	double start;
	int i;

	for (i = 0; i < 10 * samples; i++) {
		start = now();
		late_slot(vm, 1, DATA, CODE_SIZE, data);
		late_slot(vm, 1, DATA, 0, data);
		sample(row, now() - start);
	}
	munmap(data, CODE_SIZE);
}

static void row_slot(void)
{
	struct machine m = make(code_memory, touch, sizeof(touch));

	timed(&m, 0x2000, 1, 0);
	add_and_delete("slot", m.vm);
	unmake(&m);
}

static void on_cpu(int number)
{
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(number, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		err(1, "sched_setaffinity");
}

static struct kvm_run *spinning;

static void stop_spinning(int signal)
{
	(void)signal;
	spinning->immediate_exit = 1;
}

/* A guest that spins on the other CPU, until a signal comes. */
static void *spinner(void *arg)
{
	struct machine *m = arg;

	on_cpu(0);
	if (!ioctl(m->vcpu, KVM_RUN, 0))
		errx(1, "the guest did not spin");
	return NULL;
}

static void row_slot_running(void)
{
	struct machine m = make(code_memory, spin, sizeof(spin));
	struct sigaction act = { .sa_handler = stop_spinning };
	pthread_t thread;

	begin(&m, 0, 0, 0);
	spinning = m.run;
	sigaction(SIGUSR1, &act, NULL);
	if (pthread_create(&thread, NULL, spinner, &m))
		errx(1, "pthread_create");
	usleep(20000);			/* it is in the guest by now */
	add_and_delete("slot-running", m.vm);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	unmake(&m);
}

/* Gives each page as soon as it is wanted. */
static void *give(void *arg)
{
	const struct late *l = arg;

	on_cpu(0);
	for (;;)
		late_give(l, late_wanted(l, -1));
	return NULL;
}

/*
 * Returns: nanoseconds from the first touch of N absent pages to the first of
 * the instructions that come after all of them, and then until all have come.
 */
static void touch_absent(unsigned int n, bool tell, bool at_once, double t[2])
{
	struct late l = late_make(kvm, n);
	pthread_t thread;
	double start;

	if (tell && !late_tell(&l))
		errx(1, "this one tells nobody of absent pages");
	late_begin(&l, 0, 1);		/* is told of the agreement */
	if (late_run(&l) != LATE_TOUCHED)
		errx(1, "the guest does not run");
	late_take_away(&l);
	late_begin(&l, 0, n);
	if (at_once && pthread_create(&thread, NULL, give, &l))
		errx(1, "pthread_create");
	start = now();
	if (late_run(&l) != LATE_TOUCHED)
		errx(1, "the guest has not touched all");
	t[0] = now() - start;
	if (!at_once && pthread_create(&thread, NULL, give, &l))
		errx(1, "pthread_create");
	if (late_run(&l) != LATE_COME)
		errx(1, "not all have come");
	/* What it was told of it touches again. */
	late_begin(&l, 0, n);
	if (late_run(&l) != LATE_TOUCHED)
		errx(1, "a page has gone");
	t[1] = now() - start;
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	late_unmake(&l);
}

static void row_absent(void)
{
	unsigned int n = 1000 / divisor;
	double t[2];
	int i;

	for (i = 0; i < samples; i++) {
		touch_absent(1 + 60 / divisor, true, false, t);
		sample("absent-told", t[0] / (1 + 60 / divisor));
		touch_absent(n, false, true, t);
		sample("absent-1000", t[1] * 1000 / n);
		touch_absent(n, true, true, t);
		sample("absent-1000-told", t[1] * 1000 / n);
	}
}

/* Free pages, those in the CPUs' own lists included. */
static long free_pages(void)
{
	char line[200];
	long n, sum = 0;
	FILE *f = fopen("/proc/zoneinfo", "r");

	if (!f)
		err(1, "zoneinfo");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nr_free_pages %ld", &n) == 1 ||
		    sscanf(line, " count: %ld", &n) == 1)
			sum += n;
	}
	fclose(f);
	return sum;
}

/* Give back what slab caches keep for the next who asks. */
static void shrink_caches(void)
{
	glob_t found;
	size_t i;

	glob("/sys/kernel/slab/*/shrink", 0, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_WRONLY);

		if (fd < 0 || write(fd, "1", 1) != 1)
			err(1, "%s", found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

/* Kernel memory of a new machine, and of a new vCPU, in bytes. */
static void row_memory(void)
{
	enum { FIRST = 16, VMS = 48, VCPUS = 8 };
	int fd[FIRST + VMS], vcpu[VMS][VCPUS], i, j, vms = VMS / divisor;
	long before, with_vms, with_vcpus;

	fd[0] = dup2(kvm, 900);		/* the table of descriptors is large */
	close(fd[0]);
	usleep(300000);			/* what others let go of is gone */
	shrink_caches();
	for (i = 0; i < FIRST; i++)	/* fill what pages were begun */
		fd[VMS + i] = ASK(kvm, KVM_CREATE_VM, 0);
	before = free_pages();
	for (i = 0; i < vms; i++)
		fd[i] = ASK(kvm, KVM_CREATE_VM, 0);
	with_vms = free_pages();
	for (i = 0; i < vms; i++) {
		for (j = 0; j < VCPUS; j++)
			vcpu[i][j] = ASK(fd[i], KVM_CREATE_VCPU, j);
	}
	with_vcpus = free_pages();
	sample("memory-vm", (before - with_vms) * PAGE / vms);
	sample("memory-vcpu", (with_vms - with_vcpus) * PAGE / vms / VCPUS);
	for (i = 0; i < vms; i++) {
		for (j = 0; j < VCPUS; j++)
			close(vcpu[i][j]);
		close(fd[i]);
	}
	for (i = 0; i < FIRST; i++)
		close(fd[VMS + i]);
}

/*
 * Those that use much memory come late. After "take-back" Twill's visits cost
 * half as much again for a while, a new machine's too, until there have been a
 * few thousand CPUID exits; KVM's cost is the same before and after. QEMU's TLB,
 * whose size follows its use and which a visit empties several times, would
 * explain the one, not the other.
 */
static const struct {
	const char *name;
	void (*measure)(void);
} rows[] = {
	{ "memory", row_memory },
	{ "cpuid", row_cpuid },
	{ "msr", row_msr },
	{ "io", row_io },
	{ "device", row_device },
	{ "fault", row_fault },
	{ "read-write", row_change },
	{ "huge", row_huge },
	{ "touch", row_touch },
	{ "take-back", row_take_back },
	{ "absent", row_absent },
	{ "lives", row_lives },
	{ "slot", row_slot },
	{ "slot-running", row_slot_running },
};

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc < 4)
		errx(2, "usage: bench DEVICE SAMPLES DIVISOR [ROW]");
	samples = atoi(argv[2]);
	divisor = atoi(argv[3]);
	kvm = open(argv[1], O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "%s", argv[1]);
	run_size = ASK(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	code_memory = memory(CODE_SIZE, PAGE, MADV_NOHUGEPAGE);
	on_cpu(1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (argc == 4 || !strcmp(argv[4], rows[i].name))
			rows[i].measure();
	}
	return 0;
}
