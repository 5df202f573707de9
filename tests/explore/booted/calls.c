// SPDX-License-Identifier: GPL-2.0-only
/* What scenarios call, on a booted kernel: the system's own calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "scenario.h"

#define PAGE	4096
#define TABLE	(2UL << 20)	/* what a table of the host's last level maps */

/*
 * Memory that was given out. Tasks in other processes do not have it; but they
 * are copies of the one that has, and so know how the host finds it.
 */
static struct memory {
	char *at;
	unsigned long frame;	/* where its first page is */
	int process;		/* which process has it */
} memories[4];

int u_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int u_close(int fd)
{
	return close(fd) ? -errno : 0;
}

long u_ioctl_(int fd, unsigned int cmd, unsigned long arg)
{
	int r = ioctl(fd, cmd, arg);

	return r < 0 ? -errno : r;
}

/* No process that is made later has it. */
static char *map(int fd, size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	u_assert(!madvise(p, size, MADV_DONTFORK));
	return p;
}

void *u_mmap(int fd, size_t size)
{
	return map(fd, size, MAP_SHARED);
}

int u_munmap(void *p, size_t size)
{
	return munmap(p, size) ? -errno : 0;
}

static unsigned long frame_of(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	u_assert(pread(fd, &entry, 8, (uintptr_t)p / PAGE * 8) == 8);
	close(fd);
	u_assert(entry >> 63);		/* it is there */
	return entry & ((1UL << 55) - 1);
}

static int open_bitmap(void)
{
	return open("/sys/kernel/mm/page_idle/bitmap", O_RDWR | O_CLOEXEC);
}

/*
 * Where memory ends in the middle of a word, that word is neither read nor
 * written (page_idle_bitmap_write() in mm/page_idle.c).
 */
static bool can_be_idle(unsigned long frame)
{
	int fd = open_bitmap();
	uint64_t none = 0;
	bool can = pwrite(fd, &none, 8, frame / 64 * 8) == 8;

	close(fd);
	return can;
}

/* Writing its bit notes a page as idle: and the notifiers are asked. */
static bool set_idle(const struct memory *m, bool look)
{
	uint64_t bit = 1ULL << m->frame % 64, now = 0;
	off_t at = m->frame / 64 * 8;
	int fd = open_bitmap();

	u_assert(pwrite(fd, &bit, 8, at) == 8);
	if (look)
		u_assert(pread(fd, &now, 8, at) == 8);
	close(fd);
	return now & bit;
}

/*
 * A page whose table of the host's is its own. A callback of the notifier runs
 * with the table's lock held, and may have to wait in a step: so nobody else
 * may come to need the table.
 */
static char *lonely(size_t size)
{
	char *room = map(-1, size + 2 * TABLE, MAP_PRIVATE | MAP_ANONYMOUS), *p;

	if (!room)
		return NULL;
	p = (char *)(((uintptr_t)room | (TABLE - 1)) + 1);
	u_assert(!mprotect(room, size + 2 * TABLE, PROT_NONE) &&
		 !mprotect(p, size, PROT_READ | PROT_WRITE));
	return p;
}

void *u_memory(size_t size)
{
	struct memory *m = memories;

	while (m->at)
		u_assert(++m < memories + 4);
	/* What lies in the last word is kept, so that the next lies elsewhere. */
	do {
		m->at = lonely(size);
		if (!m->at)
			return NULL;
		memset(m->at, 0, size);
		m->frame = frame_of(m->at);
	} while (!can_be_idle(m->frame));
	m->process = pidfd_open(getpid(), 0);
	/*
	 * The host looks only for pages that are on its lists, and a new one
	 * comes there later, with others of its CPU's. Advice makes it come
	 * now; it need not be about the page itself.
	 */
	do
		u_assert(!madvise(m->at + TABLE, PAGE, MADV_COLD));
	while (!set_idle(m, true));
	return m->at;
}

/* What answers for pages that are waited for; of the process that has them. */
static int userfaults(void)
{
	static int fd = -1;
	struct uffdio_api api = { .api = UFFD_API };

	if (fd >= 0)
		return fd;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	u_assert(fd >= 0 && !ioctl(fd, UFFDIO_API, &api));
	return fd;
}

void u_lazy(void *p)
{
	struct uffdio_register page = {
		.range = { (uintptr_t)p, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	u_assert(!madvise(p, PAGE, MADV_DONTNEED) &&
		 !ioctl(userfaults(), UFFDIO_REGISTER, &page));
}

void u_supply(void *p)
{
	static char zero[PAGE];
	struct uffdio_copy page = {
		.dst = (uintptr_t)p, .src = (uintptr_t)zero, .len = PAGE,
	};

	/* Unless the address space has ended. */
	if (ioctl(userfaults(), UFFDIO_COPY, &page))
		u_assert(errno == ESRCH);
}

static const struct memory *known(const void *p)
{
	const struct memory *m = memories;

	while (m->at != p)
		u_assert(++m < memories + 4);
	return m;
}

int u_idle(void *p)
{
	set_idle(known(p), false);
	return 0;
}

/* It takes what it may; where there is no swap, it only asks. */
void u_reclaim(void *p)
{
	struct iovec page = { p, PAGE };

	if (process_madvise(known(p)->process, &page, 1, MADV_PAGEOUT, 0) < 0)
		u_assert(errno == ESRCH);	/* the process has ended */
}

/* A kernel does it when it is short of memory, not when it is asked to. */
int u_age(void *p)
{
	(void)p;
	u_failed("the explorer's u_age()");
	return 0;
}

void u_exit(void)
{
	_exit(0);
}

void u_failed(const char *cond)
{
	printf("assertion: %s\n", cond);
	fflush(stdout);
	_exit(1);
}
