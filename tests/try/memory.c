// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a host does to its memory, done to that of guests which run: taken away
 * and given back, protected, discarded, swapped, merged, moved, put together
 * and broken up, copied on write. Two vCPUs use their pages all the time; a
 * third is asked what it sees. What it must not see ends the program.
 */
#define _GNU_SOURCE
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include "flat.h"

#define USES 0x1300	/* a program */
#define PROGRESS 0x3000		/* a word for each of the two: rounds */
#define LIST 0x4000		/* the pages that they use */
#define NPAGES 16
#define NPLACES 8

/*
 * Its word in each page becomes the number of the round. What it reads back is
 * that number, or zero if the page was discarded between; it halts otherwise.
 */
GUEST(uses, 32,
	"1:	inc	%esi\n"
	"	mov	$0x4000, %ebp\n"
	"2:	mov	(%ebp), %ebx\n"
	"	test	%ebx, %ebx\n"
	"	jz	4f\n"
	"	mov	%esi, (%ebx,%edi)\n"
	"	mov	(%ebx,%edi), %eax\n"
	"	cmp	%esi, %eax\n"
	"	je	3f\n"
	"	test	%eax, %eax\n"
	"	jz	3f\n"
	"	hlt\n"
	"3:	add	$4, %ebp\n"
	"	jmp	2b\n"
	"4:	mov	%esi, 0x3000(%edi)\n"
	"	jmp	1b");

static struct user {
	struct vcpu vcpu;
	unsigned int word;	/* where in a page it writes */
	pthread_t thread;
} users[2];

static int pagemap;

static void say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerror(-r));
	else
		printf("%s: %lx\n", what, r);
}

static void *use(void *arg)
{
	struct user *u = arg;
	struct vcpu *v = &u->vcpu;
	struct kvm_regs regs = { .rip = USES, .rflags = 2, .rdi = u->word };

	ASK(v->fd, KVM_SET_REGS, &regs);
	while (ioctl(v->fd, KVM_RUN, 0)) {
		must(errno == EFAULT || errno == EINTR);
		usleep(500);	/* until the host gives the page back */
	}
	ASK(v->fd, KVM_GET_REGS, &regs);
	errx(1, "exit %u: round %llx, but %llx in page %llx",
	     v->run->exit_reason, regs.rsi, regs.rax, regs.rbx);
}

/*
 * Both have been everywhere since: what a round has written is in the pages
 * that we have now.
 */
static void all_is_used(void)
{
	const uint32_t *page;
	uint32_t round;
	int i;

	for (i = 0; i < 2; i++) {
		round = at(PROGRESS + users[i].word);
		while (at(PROGRESS + users[i].word) - round < 2)
			usleep(200);
		for (page = (uint32_t *)(memory + LIST); *page; page++)
			must(at(*page + users[i].word) > round);
	}
}

static void start_users(void)
{
	uint32_t *list = (uint32_t *)(memory + LIST);
	int i;

	memcpy(memory + USES, uses, uses_end - uses);
	for (i = 0; i < NPAGES; i++)
		*list++ = PAGES + i * PAGE;
	for (i = 0; i < NPLACES; i++)
		*list++ = PIECE + i * (LARGE / NPLACES);
	for (i = 0; i < 2; i++) {
		users[i].word = 8 * (i + 1);
		make_vcpu(&users[i].vcpu, i + 1);
		must(!pthread_create(&users[i].thread, NULL, use, &users[i]));
	}
	all_is_used();
}

static void map_anew(uint32_t gpa, size_t size)
{
	must(mmap(memory + gpa, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	     memory + gpa);
}

/* What the kernel knows of a page: its frame, or that it is swapped out. */
#define SWAPPED (1ULL << 62)
static uint64_t entry_of(uint32_t gpa)
{
	uint64_t entry;

	must(pread(pagemap, &entry, 8, (uintptr_t)(memory + gpa) / PAGE * 8)
	     == 8);
	return entry;
}

static long read_from(const char *path)
{
	char text[40] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		err(1, "%s", path);
	close(fd);
	return atol(text);
}

static void taken_and_given_back(void)
{
	int i;

	put(PAGES, 0x11);
	say("a page", load(PAGES));
	must(!munmap(memory + PAGES, PAGE));
	say("taken: read", load(PAGES));
	say("taken: written", store(PAGES, 1));
	map_anew(PAGES, PAGE);
	say("given back", load(PAGES));
	for (i = 1; i <= 100; i++) {
		uint32_t gpa = PAGES + i % NPAGES * PAGE;

		if (i % 2)
			must(!munmap(memory + gpa, PAGE));
		map_anew(gpa, PAGE);
		if (i % 3)
			put(gpa, i);
		must(load(gpa) == (i % 3 ? i : 0));
		must(store(gpa, i + 1) == i + 1 && at(gpa) == (uint32_t)i + 1);
	}
	all_is_used();
}

/* What was taken is not written to again: we see it by another mapping. */
static void left_alone(void)
{
	int fd = memfd_create("page", 0), i, j;
	volatile uint32_t *view;
	uint32_t last[2];

	must(fd >= 0 && !ftruncate(fd, PAGE));
	view = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	must(view != MAP_FAILED);
	for (i = 0; i < 30; i++) {
		must(mmap(memory + PAGES, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, 0) == memory + PAGES);
		all_is_used();
		map_anew(PAGES, PAGE);
		for (j = 0; j < 2; j++)
			last[j] = view[users[j].word / 4];
		all_is_used();
		for (j = 0; j < 2; j++)
			must(last[j] && view[users[j].word / 4] == last[j]);
	}
	must(!munmap((void *)view, PAGE) && !close(fd));
	printf("left alone\n");
}

static void protected(void)
{
	uint8_t *page = memory + PAGES;
	int i;

	put(PAGES, 0x21);
	must(!mprotect(page, PAGE, PROT_READ));
	say("read-only: read", load(PAGES));
	say("read-only: written", store(PAGES, 0x22));
	must(!mprotect(page, PAGE, PROT_NONE));
	say("protected: read", load(PAGES));
	must(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	say("neither: read", load(PAGES));
	say("neither: written", store(PAGES, 0x23));
	must(at(PAGES) == 0x23);
	for (i = 0; i < 50; i++) {
		must(!mprotect(page, 4 * PAGE, i % 2 ? PROT_READ : PROT_NONE));
		must(store(PAGES, i) == -EFAULT);
		must(!mprotect(page, 4 * PAGE, PROT_READ | PROT_WRITE));
		must(load(PAGES) == 0x23);
	}
	all_is_used();
}

static void discarded(void)
{
	int i;

	put(PAGES, 0x31);
	must(!madvise(memory + PAGES, PAGE, MADV_DONTNEED));
	say("discarded", load(PAGES));
	for (i = 1; i <= 100; i++) {
		uint32_t gpa = PAGES + i % NPAGES * PAGE;

		must(store(gpa, i) == i);
		must(!madvise(memory + gpa, PAGE, MADV_DONTNEED));
		must(load(gpa) == 0);
	}
	all_is_used();
}

/* A file in memory, of which a part goes: nobody unmaps anything. */
static void truncated(void)
{
	int fd = memfd_create("memory", 0);

	must(fd >= 0 && !ftruncate(fd, 2 * PAGE));
	must(mmap(memory + QUIET, 2 * PAGE, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED, fd, 0) == memory + QUIET);
	put(QUIET, 0x41);
	put(QUIET + PAGE, 0x42);
	say("a file", load(QUIET) + load(QUIET + PAGE));
	must(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			PAGE));
	say("with a hole", load(QUIET));
	must(!ftruncate(fd, PAGE));
	say("without its end", load(QUIET + PAGE));
	close(fd);
	map_anew(QUIET, 2 * PAGE);
	say("no file", load(QUIET + PAGE));
}

static void swap_on(void)
{
	uint8_t header[PAGE] = { 0 };
	uint32_t first[2] = { 1 };
	uint64_t size;
	int fd = open("/dev/ram0", O_RDWR);

	must(fd >= 0 && !ioctl(fd, BLKGETSIZE64, &size));
	first[1] = size / PAGE - 1;
	memcpy(header + 1024, first, 8);
	memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
	must(write(fd, header, PAGE) == (ssize_t)PAGE && !fsync(fd));
	close(fd);
	must(!swapon("/dev/ram0", 0));
}

static bool swap_out(uint32_t gpa, size_t size)
{
	uint32_t end = gpa + size;
	int tries = 500;

	/* A page that was used since it was last asked about stays. */
	while (gpa < end && tries) {
		if (entry_of(gpa) & SWAPPED) {
			gpa += PAGE;
			continue;
		}
		must(!madvise(memory + gpa, end - gpa, MADV_PAGEOUT));
		tries--;
	}
	return tries;
}

static void swapped(void)
{
	int i, j;

	for (i = 0; i < NPAGES; i++)
		must(store(QUIET + i * PAGE, 0x5100 + i) == 0x5100 + i);
	must(swap_out(QUIET, NPAGES * PAGE));
	say("swapped out", load(QUIET + 5 * PAGE));
	must(swap_out(QUIET, NPAGES * PAGE));
	say("... and written", store(QUIET + 5 * PAGE, 0x52));
	for (i = 0; i < NPAGES; i++)
		must(load(QUIET + i * PAGE) == (i == 5 ? 0x52 : 0x5100 + i));
	/* Those in use come back at once, if they ever go. */
	for (j = 0; j < 12; j++) {
		for (i = 0; i < NPAGES; i++)
			must(store(PAGES + i * PAGE, i + j) == i + j);
		must(!madvise(memory + PAGES, NPAGES * PAGE, MADV_PAGEOUT));
		for (i = 0; i < NPAGES; i++)
			must(load(PAGES + i * PAGE) == i + j);
	}
	all_is_used();
}

/* How much of our memory is mapped in pieces of 2 MiB, in KiB. */
static long huge(void)
{
	long n, sum = 0;
	char line[200];
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	must(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %ld", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

static void put_together(void)
{
	int i, j;

	must(!madvise(memory + PIECE, LARGE, MADV_HUGEPAGE));
	for (i = 0; i < NPLACES; i++)
		put(PIECE + i * (LARGE / NPLACES), 0x6100 + i);
	collapse();
	printf("put together: %ld kB\n", huge());
	for (i = 0; i < NPLACES; i++)
		must(load(PIECE + i * (LARGE / NPLACES)) == 0x6100 + i);
	all_is_used();
	must(!madvise(memory + PIECE, PAGE, MADV_DONTNEED));
	printf("broken up: %ld kB\n", huge());
	say("the piece that is gone", load(PIECE));
	for (i = 1; i < NPLACES; i++)
		must(load(PIECE + i * (LARGE / NPLACES)) == 0x6100 + i);
	for (j = 0; j < 12; j++) {
		uint32_t gpa = PIECE + j % NPLACES * (LARGE / NPLACES);

		collapse();
		must(store(gpa, j) == j && at(gpa) == (uint32_t)j);
		if (j % 4 == 0)
			must(!madvise(memory + gpa, PAGE, MADV_DONTNEED));
		else if (j % 4 == 1)
			must(!mprotect(memory + gpa, PAGE, PROT_READ));
		else if (j % 4 == 2)
			must(!madvise(memory + PIECE, LARGE, MADV_PAGEOUT));
		must(load(gpa) == (j % 4 ? j : 0));
		must(!mprotect(memory + gpa, PAGE, PROT_READ | PROT_WRITE));
	}
	all_is_used();
}

/* The child has the memory as it was, whatever our guests do to theirs. */
static void copied(void)
{
	uint32_t there[2], gpa[3] = { PAGES, QUIET, PIECE };
	int go[2], status, i;
	pid_t pid;
	char c;

	collapse();
	for (i = 0; i < 3; i++)
		must(store(gpa[i], 0x71) == 0x71);
	must(!pipe(go));
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		for (i = 0; i < 2; i++)
			there[i] = at(PIECE + users[i].word);
		must(read(go[0], &c, 1) == 1);
		for (i = 0; i < 2; i++)
			must(at(PIECE + users[i].word) == there[i]);
		for (i = 0; i < 3; i++)
			must(at(gpa[i]) == 0x71);
		must(ioctl(asked.fd, KVM_RUN, 0) == -1 && errno == EIO);
		_exit(0);
	}
	for (i = 0; i < 3; i++)
		must(load(gpa[i]) == 0x71 && store(gpa[i], 0x72) == 0x72);
	all_is_used();
	must(write(go[1], "", 1) == 1);
	must(waitpid(pid, &status, 0) == pid);
	printf("the child ends with %d\n", status);
	for (i = 0; i < 3; i++)
		must(load(gpa[i]) == 0x72 && at(gpa[i]) == 0x72);
	close(go[0]);
	close(go[1]);
}

/* Taking a page out of service for good moves what is in it. */
static void moved(void)
{
	uint64_t old = 0;
	int i, tries;

	for (i = 0; i < 8; i++) {
		uint32_t gpa = i < 4 ? QUIET + i * PAGE : PAGES + i * PAGE;

		must(store(gpa, 0x8100 + i) == 0x8100 + i);
		for (tries = 100; tries; tries--) {
			old = entry_of(gpa);
			if (!madvise(memory + gpa, PAGE, MADV_SOFT_OFFLINE))
				break;
		}
		must(tries && entry_of(gpa) != old);
		must(load(gpa) == 0x8100 + i);
		must(store(gpa, i) == i && at(gpa) == (uint32_t)i);
	}
	printf("moved\n");
	all_is_used();
}

static void merged(void)
{
	uint32_t first = QUIET, second = QUIET + 8 * PAGE;

	memset(memory + first, 0x91, PAGE);
	memset(memory + second, 0x91, PAGE);
	must(load(first) == load(second));
	must(!madvise(memory + QUIET, NPAGES * PAGE, MADV_MERGEABLE));
	write_to("/sys/kernel/mm/ksm/run", "1");
	while (!read_from("/sys/kernel/mm/ksm/pages_sharing"))
		usleep(1000);
	while (entry_of(first) != entry_of(second))
		usleep(1000);
	printf("merged: %d\n", load(first) == load(second));
	must(store(first, 0x92) == 0x92);
	say("the other", load(second) & 0xff);
	must(load(first) == 0x92);
	write_to("/sys/kernel/mm/ksm/run", "0");
	must(!madvise(memory + QUIET, NPAGES * PAGE, MADV_UNMERGEABLE));
}

static siginfo_t signalled;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	signalled = *info;
}

static void failed(void)
{
	struct sigaction action = {
		.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO,
	};

	must(!sigaction(SIGBUS, &action, NULL));
	must(store(QUIET + 3 * PAGE, 0xa1) == 0xa1);
	must(!madvise(memory + QUIET + 3 * PAGE, PAGE, MADV_HWPOISON));
	say("a page that has failed", load(QUIET + 3 * PAGE));
	printf("a signal: %d, at page %ld, %d bits\n",
	       signalled.si_code == BUS_MCEERR_AR,
	       ((uint8_t *)signalled.si_addr - memory - QUIET) / PAGE,
	       signalled.si_addr_lsb);
	map_anew(QUIET + 3 * PAGE, PAGE);
	say("another page", load(QUIET + 3 * PAGE));
}

static void from_the_pool(void)
{
	uint8_t *p;

	write_to("/proc/sys/vm/nr_hugepages", "2");
	p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	must(p != MAP_FAILED);
	set_slot(vm, 1, MEMORY, LARGE, p);
	say("from the pool", load(MEMORY));
	must(store(MEMORY + PAGE, 0xb1) == 0xb1);
	must(*(uint32_t *)(p + PAGE) == 0xb1);
	must(!munmap(p, LARGE));
	say("gone", load(MEMORY));
	set_slot(vm, 1, MEMORY, 0, NULL);
	write_to("/proc/sys/vm/nr_hugepages", "0");
}

/*
 * The kernel shows each process where its clock stands, in memory that has no
 * pages (VM_PFNMAP), is for reading only, and is not mapped until it is used.
 */
static uint8_t *clock_page(void)
{
	unsigned long first = 0;
	char line[200];
	FILE *f = fopen("/proc/self/maps", "r");

	must(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[vvar]"))
			first = strtoul(line, NULL, 16);
	fclose(f);
	must(first);
	return (uint8_t *)first;
}

static long exit_of_store(uint32_t gpa)
{
	struct kvm_regs regs = { .rip = STORES, .rflags = 2, .rbx = gpa };

	ASK(asked.fd, KVM_SET_REGS, &regs);
	if (ioctl(asked.fd, KVM_RUN, 0))
		return -errno;
	return asked.run->exit_reason;
}

static void no_pages(void)
{
	uint8_t *page = clock_page();
	uint32_t words[2] = { 0x84, 0x90 };	/* which clock, and its mask */
	int i;

	set_slot(vm, 1, MEMORY, PAGE, page);
	for (i = 0; i < 2; i++)
		printf("memory without pages: %d\n", (uint32_t)load(MEMORY +
		       words[i]) == *(uint32_t *)(page + words[i]));
	say("written", exit_of_store(MEMORY + 0x84));
	if (asked.run->exit_reason == KVM_EXIT_MMIO)
		printf("at %llx, %u bytes\n", asked.run->mmio.phys_addr,
		       asked.run->mmio.len);
	say("and on", ioctl(asked.fd, KVM_RUN, 0));
	set_slot(vm, 1, MEMORY, 0, NULL);
	/* Without a slot it is a device's address: no memory is there. */
	say("no slot", exit_of_store(MEMORY + 0x84));
	say("and on", ioctl(asked.fd, KVM_RUN, 0));
}

/* Where a slot may lie depends on the processor. */
static void far_away(void)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1, .memory_size = PAGE,
		.userspace_addr = (uintptr_t)memory,
	};
	uint32_t eax = 0x80000008, ebx, ecx, edx;
	uint64_t end;
	int i;

	asm("cpuid" : "+a" (eax), "=b" (ebx), "=c" (ecx), "=d" (edx));
	end = 1ULL << (eax & 0xff);
	for (i = -2; i < 2; i++) {
		region.guest_phys_addr = end + i * (long)PAGE;
		say("a slot near the end",
		    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0);
	}
	region.guest_phys_addr = end - 2 * PAGE;
	region.memory_size = 4 * PAGE;
	region.slot = 2;
	say("over another, and the end",
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0);
	set_slot(vm, 1, 0, 0, NULL);
	say("over the end",
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	start();
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	must(pagemap >= 0);
	swap_on();
	start_users();
	taken_and_given_back();
	left_alone();
	protected();
	discarded();
	truncated();
	swapped();
	put_together();
	copied();
	moved();
	merged();
	failed();
	from_the_pool();
	no_pages();
	far_away();
	must(!swapoff("/dev/ram0"));
	all_is_used();
	return 0;
}
