// SPDX-License-Identifier: GPL-2.0-only
/* What Twill answered and what KVM did, and where they may differ. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

static unsigned int kernel;	/* the one that answered: 6.12 is 612 */

/* A program's answers, and how many; other lines are not ours. */
static struct answer *read_answers(const char *file, size_t *n)
{
	struct answer *all = NULL, a;
	FILE *f = fopen(file, "r");
	unsigned int major, minor;
	char line[200];

	if (!f) {
		perror(file);
		exit(1);
	}
	for (*n = 0; fgets(line, sizeof(line), f); ) {
		if (sscanf(line, "kernel %u.%u", &major, &minor) == 2)
			kernel = 100 * major + minor;
		if (sscanf(line, "= %hu %hd %u", &a.what, &a.error,
			   &a.exit_reason) != 3)
			continue;
		if (!(*n & (*n - 1)))
			all = realloc(all, (*n ? 2 * *n : 1) * sizeof(a));
		all[(*n)++] = a;
	}
	fclose(f);
	return all;
}

static const char *name(unsigned int what)
{
	return what < request_count ? requests[what].name :
	       what == A_MMAP ? "mmap" : "nothing";
}

/*
 * How far a guest comes before it is stopped is a matter of speed, and so is
 * whether it has met memory that the VMM has unmapped.
 */
static bool of_the_guest(int error)
{
	return !error || error == EINTR || error == EFAULT;
}

static bool same(const struct answer *a, const struct answer *b)
{
	bool run = a->what < request_count && requests[a->what].nr == KVM_RUN;

	return a->error == b->error ||
	       (run && of_the_guest(a->error) && of_the_guest(b->error));
}

/* A guest that has run keeps its CPUID; one that was stopped before has not. */
static bool only_one_ran(const struct answer *a, const struct answer *b)
{
	return a->error != b->error && requests[a->what].nr == KVM_RUN;
}

static bool asks_who_ran(const struct answer *a)
{
	return a->what < request_count &&
	       requests[a->what].nr == KVM_SET_CPUID2;
}

/* After this the two lives are not the same any more. */
static bool parts(const struct answer *a)
{
	return a->what == A_MMAP || requests[a->what].makes != KINDS ||
	       requests[a->what].nr == KVM_SET_USER_MEMORY_REGION;
}

#define ANY -1
static const struct {
	unsigned int since;	/* a kernel, as above */
	unsigned long nr;
	int twill, kvm;
	const char *why;
} allowed[] = {
	{ 0, KVM_GET_MSR_INDEX_LIST, ANY, ANY,
	  "KVM has more registers, and wants more room" },
	{ 0, KVM_GET_SUPPORTED_CPUID, ANY, ANY,
	  "KVM has more leaves, and wants more room" },
	{ 0, KVM_CREATE_VCPU, EINVAL, ANY, "Twill has 16 vCPUs" },
	{ 0, KVM_SET_USER_MEMORY_REGION, EINVAL, ANY,
	  "Twill has 32 slots, no log of dirty pages, no read-only memory" },
	{ 0, KVM_SET_XCRS, 0, EINVAL,
	  "KVM looks up in the guest's CPUID which registers there are" },
	{ 0, KVM_SET_CPUID2, 0, EPERM, "KVM looks for AMX, which needs leave" },
	{ 0, KVM_SET_CPUID2, 0, EINVAL,
	  "KVM refuses addresses of other than 48 or 57 bits" },
	{ 612, KVM_SET_SREGS, 0, EINVAL,
	  "KVM looks up long mode and NX in the guest's CPUID" },
};

static const char *excuse(const struct answer *a, const struct answer *b)
{
	size_t i;

	if (a->what >= request_count)
		return NULL;
	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (allowed[i].nr == requests[a->what].nr &&
		    allowed[i].since <= kernel &&
		    (allowed[i].twill == ANY || allowed[i].twill == a->error) &&
		    (allowed[i].kvm == ANY || allowed[i].kvm == b->error))
			return allowed[i].why;
	}
	return NULL;
}

int compare(const char *twill, const char *kvm, unsigned int calls)
{
	size_t n, m, i, skip, alike = 0, excused = 0, differ = 0, uneven = -1;
	struct answer *a = read_answers(twill, &n), *b = read_answers(kvm, &m);

	for (i = 0; i < n && i < m; i += 1 + skip) {
		skip = 0;
		if (a[i].what == NOTHING || a[i].what != b[i].what)
			continue;
		if (same(&a[i], &b[i])) {
			if (only_one_ran(&a[i], &b[i]))
				uneven = i / calls;
			alike++;
			continue;
		}
		if (parts(&a[i]))
			skip = calls - i % calls - 1;
		if (excuse(&a[i], &b[i]) ||
		    (uneven == i / calls && asks_who_ran(&a[i]))) {
			excused++;
			continue;
		}
		differ++;
		printf("life %zu call %zu %s: %s, KVM %s\n",
		       i / calls, i % calls, name(a[i].what),
		       strerrorname_np(a[i].error),
		       strerrorname_np(b[i].error));
	}
	printf("%zu the same, %zu excused, %zu differ\n", alike, excused,
	       differ);
	free(a);
	free(b);
	return differ || n != m || !alike;
}
