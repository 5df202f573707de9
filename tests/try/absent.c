// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are absent, as a VMM gives them and a guest is told of them: the
 * three registers, what stands in the area that they name, how many pages the
 * VMM is asked for, and when the guest waits instead.
 *
 * usage: absent [swapped|alone]	alone: where KVM, which gives interrupts
 *					itself, would never come back
 */
#include <linux/loop.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include "../vm/late.h"

#define NONE_FOR 300		/* ms, and then nothing comes any more */
#define MOST 64			/* pages on their way to one vCPU */
#define SWAPPED 256

static struct late l;

static uint32_t word(unsigned int at)
{
	uint32_t value;

	memcpy(&value, l.low + at, sizeof(value));
	return value;
}

static void show(void)
{
	printf("[%u absent, news %u/0x%x]", word(LATE_ABSENT), word(LATE_NEWS),
	       word(LATE_NEWS + 4));
}

static uint64_t get(uint32_t index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { { .nmsrs = 1 }, { .index = index } };

	if (ioctl(l.vcpu, KVM_GET_MSRS, &msr) != 1)
		errx(1, "no register %#x", index);
	return msr.entry.data;
}

static void show_registers(void)
{
	printf("[0x%llx 0x%llx 0x%llx]",
	       (unsigned long long)get(MSR_KVM_ASYNC_PF_EN),
	       (unsigned long long)get(MSR_KVM_ASYNC_PF_INT),
	       (unsigned long long)get(MSR_KVM_ASYNC_PF_ACK));
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Which pages the VMM is asked for until it is not asked any more. */
static int questions(void *asked[])
{
	int n = 0, i, number[MOST + 10];

	while ((asked[n] = late_wanted(&l, n ? NONE_FOR : -1))) {
		number[n] = ((uint8_t *)asked[n] - l.pages) / LATE_PAGE;
		n++;
	}
	qsort(number, n, sizeof(number[0]), compare);
	printf("[asked for");
	for (i = 0; i < n && i < 4; i++)
		printf(" %d", number[i]);
	printf(i < n ? ".. %d]" : "]", number[n - 1]);
	return n;
}

static void give(int n, void *asked[])
{
	while (n--)
		late_give(&l, asked[n]);
}

static void go(void)
{
	int port = late_run(&l);

	if (port < 0)
		err(1, "KVM_RUN");
	printf("%s", port == LATE_TOUCHED ? "[touched]" :
	       port == LATE_COME ? "[come]" : "[fault]");
	show();
}

static void *go_on(void *unused)
{
	if (late_run(&l) != LATE_TOUCHED)
		errx(1, "the guest does not go on");
	return unused;
}

/* The guest is waiting while the VMM is asked, and goes on when it answers. */
static void go_and_give(void)
{
	void *asked[MOST + 10];
	pthread_t thread;
	int n;

	if (pthread_create(&thread, NULL, go_on, NULL))
		errx(1, "pthread_create");
	n = questions(asked);
	give(n, asked);
	pthread_join(thread, NULL);
	printf("[touched]");
}

static int kvm;

static void start(const char *name, unsigned int pages)
{
	printf("\n%s: ", name);
	l = late_make(kvm, pages);
}

static void enable(uint64_t value)
{
	printf("%s", late_set_msr(&l, MSR_KVM_ASYNC_PF_INT, LATE_VECTOR) == 1 &&
	       late_set_msr(&l, MSR_KVM_ASYNC_PF_EN, value) == 1 ?
	       "[enabled]" : "[refused]");
}

#define ENABLE (LATE_NEWS | KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define ALWAYS (ENABLE | KVM_ASYNC_PF_SEND_ALWAYS)

/* Enabled, and told that every page that it may wait for has come. */
static void start_told(const char *name, unsigned int pages)
{
	start(name, pages);
	enable(ALWAYS);
	late_begin(&l, 0, 1);
	go();
	late_take_away(&l);
}

static void try_registers(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 4, 8, 9, 0x10, 0x20, 0x30, 0xff, 0x100, 0x130,
		1ULL << 32, ENABLE, ALWAYS, ALWAYS | 0x10, ALWAYS | 4,
	};
	static const uint32_t index[] = {
		MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_ACK,
	};
	unsigned int i, j;

	start("registers", 1);
	show_registers();
	for (i = 0; i < 3; i++) {
		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			printf("\n  %#x = %#llx: %d", index[i],
			       (unsigned long long)values[j],
			       late_set_msr(&l, index[i], values[j]));
			show_registers();
		}
	}
	printf("\n  outside of memory: %d",
	       late_set_msr(&l, MSR_KVM_ASYNC_PF_EN, ALWAYS + 0x80000000));
	late_unmake(&l);
}

static void listed(void)
{
	struct {
		struct kvm_msr_list head;
		uint32_t index[500];
	} list = { .head.nmsrs = 500 };
	unsigned int i;

	LATE_ASK(kvm, KVM_GET_MSR_INDEX_LIST, &list);
	for (i = 0; i < list.head.nmsrs; i++) {
		if (list.index[i] == MSR_KVM_ASYNC_PF_EN ||
		    list.index[i] == MSR_KVM_ASYNC_PF_INT ||
		    list.index[i] == MSR_KVM_ASYNC_PF_ACK)
			printf("[listed 0x%x]", list.index[i]);
	}
	printf("[offered %d %d]",
	       ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ASYNC_PF),
	       ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ASYNC_PF_INT));
}

static void try_enabling(void)
{
	struct kvm_regs regs;

	start("enabled", 1);
	enable(ALWAYS);
	late_begin(&l, 0, 1);
	LATE_ASK(l.vcpu, KVM_GET_REGS, &regs);
	regs.rflags = 2;
	LATE_ASK(l.vcpu, KVM_SET_REGS, &regs);
	go();				/* and the interrupt waits */
	enable(ALWAYS);			/* once more says nothing new */
	late_begin(&l, 0, 1);
	go();
	go();
	late_unmake(&l);
}

static void try_telling(void)
{
	void *asked[MOST + 10];
	int n;

	start_told("told", 3);
	late_begin(&l, 0, 3);
	go();
	show_registers();
	n = questions(asked);
	give(n, asked);
	go();
	late_begin(&l, 0, 3);
	go();
	late_unmake(&l);

	start_told("as many as there may be", MOST + 4);
	late_begin(&l, 0, MOST + 1);
	go_and_give();
	go();
	late_unmake(&l);
}

/*
 * A guest that takes no note of what has come, and agrees anew, has one item
 * more than there may be, and none beyond that.
 */
static void try_too_many(void)
{
	start_told("one too many", MOST + 4);
	memset(l.low + LATE_NEWS + 4, 1, 4);
	late_begin(&l, 0, MOST);
	go();
	enable(ALWAYS);
	late_begin(&l, MOST, 1);
	go_and_give();
	show();
	late_unmake(&l);
}

/* Touched again, it is waited for, and the VMM is not asked again. */
static void try_twice(void)
{
	void *asked[MOST + 10];
	pthread_t thread;
	int n;

	start_told("touched again", 2);
	late_begin(&l, 0, 1);
	go();
	n = questions(asked);
	late_begin(&l, 0, 1);
	if (pthread_create(&thread, NULL, go_on, NULL))
		errx(1, "pthread_create");
	printf("%s", late_wanted(&l, NONE_FOR) ? "[asked again]" : "[not asked]");
	give(n, asked);
	pthread_join(thread, NULL);
	printf("[touched]");
	go();
	late_unmake(&l);
}

/* A guest that cannot be told waits. */
static void try_waiting(const char *name, uint64_t value, uint64_t rflags)
{
	struct kvm_regs regs;

	start(name, 2);
	enable(value);
	late_begin(&l, 0, 1);
	go();
	late_take_away(&l);
	late_begin(&l, 0, 1);
	LATE_ASK(l.vcpu, KVM_GET_REGS, &regs);
	regs.rflags = rflags;
	LATE_ASK(l.vcpu, KVM_SET_REGS, &regs);
	go_and_give();
	go();
	late_unmake(&l);
}

static void *give_both(void *unused)
{
	usleep(100000);
	late_give(&l, l.pages);
	late_give(&l, l.pages + LATE_PAGE);
	return unused;
}

/*
 * The guest is told of no page any more, until it wants to be again: of all.
 * To disable it, KVM waits for the pages.
 */
static void try_disabling(void)
{
	pthread_t thread;
	void *asked[MOST + 10];

	start_told("disabled meanwhile", 3);
	late_begin(&l, 0, 2);
	go();
	questions(asked);
	if (pthread_create(&thread, NULL, give_both, NULL))
		errx(1, "pthread_create");
	enable(0);
	pthread_join(thread, NULL);
	memset(l.low + LATE_ABSENT, 0, 4);
	go();
	late_begin(&l, 0, 2);
	go();
	enable(ALWAYS);
	late_begin(&l, 0, 2);
	go();
	late_unmake(&l);
}

/* Where it halts for good, the VMM hears of it, whatever page has come. */
static void try_halting(void)
{
	void *asked[MOST + 10];
	struct kvm_regs regs;
	int n;

	start_told("halts with interrupts off", 1);
	late_begin(&l, 0, 1);
	go();
	n = questions(asked);
	give(n, asked);
	usleep(NONE_FOR * 1000);
	memcpy(l.low + 0x3800, "\xf4\xe6\x13", 3);	/* hlt; out %al, $0x13 */
	LATE_ASK(l.vcpu, KVM_GET_REGS, &regs);
	regs.rip = 0x3800;
	regs.rflags = 2;
	LATE_ASK(l.vcpu, KVM_SET_REGS, &regs);
	LATE_ASK(l.vcpu, KVM_RUN, 0);
	if (l.run->exit_reason != KVM_EXIT_HLT)
		errx(1, "the guest is behind its HLT");
	late_unmake(&l);
	putchar('\n');
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err(1, "%s", path);
	close(fd);
}

#define GROUP "/tmp/cgroup/group"

/* A disk in memory answers at once; one that is a loop device's, later. */
static void swap_on(void)
{
	int loop = open("/dev/loop0", O_RDWR), disk = open("/dev/ram0", O_RDWR);

	if (loop < 0 || disk < 0 || ioctl(loop, LOOP_SET_FD, disk) ||
	    system("mkswap /dev/loop0 >/dev/null") || swapon("/dev/loop0", 0))
		err(1, "no swap");
	mkdir("/tmp/cgroup", 0700);
	if (mount("none", "/tmp/cgroup", "cgroup2", 0, NULL))
		err(1, "no control groups");
	write_to("/tmp/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0700);
	write_to(GROUP "/cgroup.procs", "0");
}

/* What the host has written to the disk goes when it looks again. */
static void swap_out(void)
{
	unsigned char there[SWAPPED];
	int fd = open(GROUP "/memory.reclaim", O_WRONLY), i, left;

	do {
		if (write(fd, "16M", 3) != 3 && errno != EAGAIN)
			err(1, "memory.reclaim");
		usleep(10000);
		if (mincore(l.pages, l.size, there))
			err(1, "mincore");
		for (i = left = 0; i < SWAPPED; i++)
			left += there[i] & 1;
	} while (left > SWAPPED / 4);
	close(fd);
}

/*
 * Not a userfaultfd's pages: the host has swapped them, and reads them back,
 * several at a time. (One at a time it waits for, whatever was asked of it.)
 */
static void try_swapped(void)
{
	unsigned int i, j, wrong = 0;

	swap_on();
	start("swapped", SWAPPED);
	enable(ALWAYS);
	for (i = 0; i < SWAPPED; i++)
		memset(l.pages + i * LATE_PAGE, i | 1, LATE_PAGE);
	swap_out();
	late_begin(&l, 0, SWAPPED);
	while (late_run(&l) != LATE_COME)
		;
	late_begin(&l, 0, SWAPPED);
	while (late_run(&l) != LATE_COME)
		;
	for (i = 0; i < SWAPPED; i++) {
		for (j = 0; j < LATE_PAGE; j++)
			wrong += l.pages[i * LATE_PAGE + j] !=
				 (j ? (uint8_t)(i | 1) : 7);
	}
	printf("[told of %s][%u wrong]\n",
	       word(LATE_TOLD) < SWAPPED / 32 ? "few" : "many", wrong);
	late_unmake(&l);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	if (argc > 1 && !strcmp(argv[1], "alone"))
		try_halting();
	else if (argc > 1 && !strcmp(argv[1], "swapped"))
		try_swapped();
	if (argc > 1)
		return 0;
	listed();
	try_registers();
	try_enabling();
	try_telling();
	try_too_many();
	try_twice();
	try_waiting("not always", ENABLE, 0x202);
	try_waiting("interrupts off", ALWAYS, 2);
	try_waiting("not agreed", LATE_NEWS, 0x202);
	try_disabling();
	putchar('\n');
	return 0;
}
