// SPDX-License-Identifier: GPL-2.0-only
/*
 * When Twill maps 2 MiB by one entry: where the host does, and where slot and
 * memory are in step. And when a page that was read must be mapped once more to
 * be written to: where the host does not let it be written. The trace tells.
 */
#define _GNU_SOURCE
#include <sys/wait.h>
#include "flat.h"

/* How often the table got an entry while the guest swept over 2 MiB. */
#define TRACING "/sys/kernel/tracing/"
static void count(const char *what, uint32_t program, uint32_t gpa,
		  int expected_large, int expected_small)
{
	int large = 0, small = 0;
	char line[300];
	FILE *f;

	write_to(TRACING "trace", "\n");
	must(guest(program, gpa, 0, gpa + LARGE) >= 0);
	f = fopen(TRACING "trace", "r");
	must(f);
	while (fgets(line, sizeof(line), f)) {
		large += !!strstr(line, ": stage2_map_large ");
		small += strstr(line, ": stage2_map ") ||
			 strstr(line, ": stage2_map_more ");
	}
	fclose(f);
	printf("%s: %d of 2 MiB, %d pages\n", what, large, small);
	must(large == expected_large && small == expected_small);
}

static void map_anew(uint32_t gpa)
{
	must(mmap(memory + gpa, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		  MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory + gpa);
}

/* The guest's page is the VMM's own; shared with a child; not yet there. */
static void read_and_write(void)
{
	int fd = memfd_create("page", 0), go[2];
	pid_t pid;
	char c;

	must(store(QUIET, 1) == 1);	/* the programs, once more */
	map_anew(QUIET);
	*(volatile uint32_t *)(memory + QUIET) = 1;
	count("its own, read", LOADS, QUIET, 0, 1);
	count("and written to", STORES, QUIET, 0, 0);
	must(!pipe(go));
	pid = fork();
	must(pid >= 0);
	if (!pid)
		_exit(read(go[0], &c, 1) != 1);
	must(store(QUIET + PAGE, 1) == 1);	/* the programs' page was shared */
	count("shared, read", LOADS, QUIET, 0, 1);
	count("and written to", STORES, QUIET, 0, 1);
	must(write(go[1], "", 1) == 1 && waitpid(pid, NULL, 0) == pid);
	map_anew(QUIET);
	count("never touched, read", LOADS, QUIET, 0, 1);
	count("and written to", STORES, QUIET, 0, 1);
	must(fd >= 0 && !ftruncate(fd, PAGE));
	must(mmap(memory + QUIET, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED |
		  MAP_FIXED, fd, 0) == memory + QUIET);
	count("a file in memory, read", LOADS, QUIET, 0, 1);
	count("and written to", STORES, QUIET, 0, 0);
}

int main(void)
{
	uint8_t *p;

	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(50);
	start();
	/* The page with the programs is mapped from here on. */
	must(store(QUIET, 1) == 1);
	write_to(TRACING "events/twill/twill_step/enable", "1");
	memset(memory + PIECE, 0xc1, LARGE);
	must(!madvise(memory + PIECE, PAGE, MADV_DONTNEED));
	count("pages", SWEEPS, PIECE, 0, 512);
	must(!madvise(memory + PIECE, LARGE, MADV_HUGEPAGE));
	collapse();
	count("put together", SWEEPS, PIECE, 1, 0);
	count("written to", STORES, PIECE + PAGE, 0, 0);
	must(!madvise(memory + PIECE + PAGE, PAGE, MADV_DONTNEED));
	count("broken up", SWEEPS, PIECE, 0, 512);
	collapse();
	set_slot(vm, 1, MEMORY, LARGE, memory + PIECE);
	count("another slot", SWEEPS, MEMORY, 1, 0);
	/* A slot that goes takes the program's page out of the table, too. */
	set_slot(vm, 1, MEMORY + PAGE, LARGE, memory + PIECE);
	count("not in step", SWEEPS, MEMORY + PAGE, 0, 513);
	set_slot(vm, 1, 0, 0, NULL);
	set_slot(vm, 1, MEMORY, LARGE - PAGE, memory + PIECE);
	set_slot(vm, 2, MEMORY + LARGE - PAGE, PAGE, memory + PIECE);
	count("cut short", SWEEPS, MEMORY, 0, 513);
	set_slot(vm, 1, 0, 0, NULL);
	set_slot(vm, 2, 0, 0, NULL);
	write_to("/proc/sys/vm/nr_hugepages", "1");
	p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	must(p != MAP_FAILED);
	set_slot(vm, 1, MEMORY, LARGE, p);
	count("from the pool", SWEEPS, MEMORY, 1, 1);
	set_slot(vm, 1, 0, 0, NULL);
	read_and_write();
	write_to(TRACING "events/twill/twill_step/enable", "0");
	return 0;
}
