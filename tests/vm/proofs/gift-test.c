// SPDX-License-Identifier: GPL-2.0-only
/*
 * Race 1 by hand: hold the worker in a page fault, close the file, unload the
 * module, and let the page come. Exit status 0 if all of that could be done:
 * what the worker then returns into, the kernel's log tells.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL

int main(int argc, char **argv)
{
	int unload = argc > 1 && !strcmp(argv[1], "unload");
	struct uffdio_api api = { .api = UFFD_API };
	static char zero[PAGE];
	struct uffd_msg msg;
	int uffd, fd;
	char *page;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (page == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		err(1, "userfaultfd");
	struct uffdio_register range = {
		.range = { (unsigned long)page, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		err(1, "UFFDIO_REGISTER");

	fd = open("/dev/gift", O_RDWR);
	if (fd < 0 || ioctl(fd, 0, page))
		err(1, "/dev/gift");
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		err(1, "userfaultfd: read");
	printf("the worker waits for the page\n");
	if (unload && !syscall(SYS_delete_module, "gift", O_NONBLOCK))
		errx(1, "unloaded with the file open");
	close(fd);
	if (unload && syscall(SYS_delete_module, "gift", O_NONBLOCK))
		err(1, "delete_module");
	printf("closed%s\n", unload ? ", unloaded" : "");

	struct uffdio_copy copy = {
		.dst = (unsigned long)page, .src = (unsigned long)zero,
		.len = PAGE,
	};
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		err(1, "UFFDIO_COPY");
	printf("the page has come\n");
	sleep(1);
	return 0;
}
