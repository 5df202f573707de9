/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel has handed out, before and after: slab objects, pages,
 * vmalloc'ed areas, page tables. For payloads of the tests' machine.
 *
 * What is not exact is made so: the caches are shrunk (which also empties
 * KASAN's quarantine), RCU has had its grace period, the page cache is dropped,
 * what vfree() left to be unmapped later is unmapped, the CPUs' own lists of free
 * pages are free too, and what the kernel keeps however little is in use is not
 * counted: KASAN's depot of stacks, the tables of vmalloc() and its shadow, up to
 * hundreds of pages. Of these and the areas settle.ko takes care, which has to be
 * loaded. What is left of chance is the kernel's own doings, and that a cache
 * takes all of the slab that a CPU has at hand for used. So a slab for each CPU
 * is allowed, ACCOUNT_PAGES and ACCOUNT_SLACK for the rest: who wants to see a
 * leak of one object a life lives more often than that.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#define ACCOUNT_SLACK 24	/* page tables, areas, per-CPU pages */
#define ACCOUNT_PAGES 128	/* pages, which come and go by slabs */
#define ACCOUNT_CACHES 64

struct account {
	int n;
	struct {
		char name[32];
		long used;	/* objects */
		long slab;	/* objects that a slab of it has */
	} cache[ACCOUNT_CACHES];
	long tables;		/* pages of page tables of processes */
	long areas;		/* areas that vmalloc has handed out */
	long percpu;		/* pages of per-CPU memory */
	long pages;		/* that are in use and not the kernel's to keep */
};

/* Let things settle, and count. */
void account_take(struct account *a);

/*
 * Whether all is back; says what is not. What is freed late (a file by task
 * work, an object by RCU in batches, an area by the next purge) is given some
 * looks.
 */
int account_balanced(const char *what, const struct account *old);

/* Whether all is back after ROUNDS of PART, which has run before to warm up. */
int account_rounds(const char *what, void (*part)(int rounds), int rounds);

#endif
