// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel has handed out: asked exactly, and compared. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "account.h"

/* The caches that a machine, its files and its address space come from. */
static const char *const caches[] = {
	"twill_", "kmalloc-", "filp", "mm_struct", "vm_area_struct",
	"anon_vma", "task_struct", "signal_cache", "files_cache",
	"eventpoll_", "pid",
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0 && errno != EBUSY)
		perror(path);
	close(fd);
}

/* A CPU that goes off line gives back its free pages and objects. */
static void drain_cpus(void)
{
	char path[64];
	int i, cpus = sysconf(_SC_NPROCESSORS_CONF);

	for (i = 1; i < cpus; i++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%d/online", i);
		put(path, "0");
		put(path, "1");
	}
}

/* A cache's empty and half empty slabs go, and what a CPU keeps for itself. */
static void shrink_caches(void)
{
	struct dirent *entry;
	char path[300];
	DIR *dir = opendir("/sys/kernel/slab");

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 entry->d_name);
		if (entry->d_name[0] != '.')
			put(path, "1");
	}
	if (dir)
		closedir(dir);
}

static long from_line(const char *path, const char *format)
{
	char line[400];
	long value = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, format, &value) == 1)
			break;
	}
	if (f)
		fclose(f);
	return value;
}

/* Returns how many pages the kernel keeps for good. */
static long settle(void)
{
	long kept;

	put("/proc/sys/vm/drop_caches", "3");
	drain_cpus();
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	shrink_caches();
	/* Files, stacks, inodes were freed, and are so after a grace period. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(50000);
	/* This unmaps areas, too, whose records are objects. */
	kept = from_line("/sys/module/settle/parameters/kept", "%ld");
	shrink_caches();
	return kept;
}

static void slabs(struct account *a)
{
	char line[400];
	FILE *f = fopen("/proc/slabinfo", "r");
	unsigned int i;

	a->n = 0;
	while (f && a->n < ACCOUNT_CACHES && fgets(line, sizeof(line), f)) {
		for (i = 0; i < sizeof(caches) /
				sizeof(caches[0]); i++) {
			if (strncmp(line, caches[i],
				    strlen(caches[i])))
				continue;
			if (sscanf(line, "%31s %ld %*d %*d %ld",
				   a->cache[a->n].name, &a->cache[a->n].used,
				   &a->cache[a->n].slab) == 3)
				a->n++;
			break;
		}
	}
	if (f)
		fclose(f);
}

/* A zone's, but for the free ones and what each CPU keeps of those at hand. */
static long pages_in_use(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	long sum = 0, n;
	char line[400];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " managed %ld", &n) == 1)
			sum += n;
		else if (sscanf(line, " pages free %ld", &n) == 1 ||
			 sscanf(line, " count: %ld", &n) == 1)
			sum -= n;
	}
	if (f)
		fclose(f);
	return sum;
}

void account_take(struct account *a)
{
	static int settled;
	char line[400];
	long kept;
	FILE *f;

	/* The first time leaves some pages to be freed by the next. */
	if (!settled++)
		settle();
	kept = settle();
	slabs(a);
	a->tables = from_line("/proc/meminfo", "PageTables: %ld") / 4;
	a->percpu = from_line("/proc/meminfo", "Percpu: %ld") / 4;
	a->pages = pages_in_use() - kept;
	f = fopen("/proc/vmallocinfo", "r");
	for (a->areas = 0; f && fgets(line, sizeof(line), f); )
		a->areas++;
	if (f)
		fclose(f);
}

static int worse(const char *what, const char *name,
				long before, long now, long slack, int tell)
{
	if (now - before <= slack)
		return 0;
	if (tell)
		printf("%s: %s: %ld before, %ld after\n", what, name, before,
		       now);
	return 1;
}

static int compare(const char *what, const struct account *old,
				  const struct account *now, int tell)
{
	int cpus = sysconf(_SC_NPROCESSORS_CONF), i, j, bad = 0;

	for (i = 0; i < now->n; i++) {
		for (j = 0; j < old->n; j++) {
			if (!strcmp(old->cache[j].name, now->cache[i].name))
				bad |= worse(what, now->cache[i].name,
						     old->cache[j].used,
						     now->cache[i].used,
						     cpus * now->cache[i].slab,
						     tell);
		}
	}
	bad |= worse(what, "page tables", old->tables, now->tables,
			     ACCOUNT_SLACK, tell);
	bad |= worse(what, "vmalloc areas", old->areas, now->areas,
			     ACCOUNT_SLACK, tell);
	bad |= worse(what, "per-CPU pages", old->percpu, now->percpu,
			     ACCOUNT_SLACK, tell);
	bad |= worse(what, "pages in use", old->pages, now->pages,
			     ACCOUNT_PAGES, tell);
	return bad;
}

int account_balanced(const char *what, const struct account *old)
{
	struct account now;
	int looks = 60;

	do {
		account_take(&now);
		if (!compare(what, old, &now, looks == 1))
			return 1;
		usleep(300000);
	} while (--looks);
	return 0;
}

int account_rounds(const char *what, void (*part)(int rounds), int rounds)
{
	time_t start = time(NULL);
	struct account before;

	part(1 + rounds / 20);
	account_take(&before);
	part(rounds);
	if (!account_balanced(what, &before))
		return 0;
	printf("%s, %d times, in %ld s\n", what, rounds,
	       (long)(time(NULL) - start));
	return 1;
}
