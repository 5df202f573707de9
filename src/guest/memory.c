// SPDX-License-Identifier: GPL-2.0-only
/* Tests memory: from the end of the program to the stacks. */
#include "guest.h"

static int test(volatile uint64_t *first, volatile uint64_t *end,
		uint64_t seed)
{
	volatile uint64_t *p;

	for (p = first; p < end; p++)
		*p = (uintptr_t)p * 0x9e3779b97f4a7c15 ^ seed;
	for (p = first; p < end; p++) {
		uint64_t want = (uintptr_t)p * 0x9e3779b97f4a7c15 ^ seed;
		uint64_t got = *p;

		if (got != want) {
			print("0x%x: 0x%x, not 0x%x\n", (uint64_t)p, got, want);
			return 0;
		}
	}
	return 1;
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	volatile uint64_t *first, *end;
	uint64_t seed;

	(void)cpus;
	if (id)
		return 0;
	first = (uint64_t *)(((uintptr_t)_end + 4095) & -4096UL);
	end = (uint64_t *)(mib * MIB - STACKS);
	print("testing %u KiB from 0x%x\n",
	      (unsigned int)((end - first) / 128), (uint64_t)first);
	for (seed = 0; seed < 2; seed++) {
		if (!test(first, end, seed ? ~0ULL : 0))
			finish(1);
	}
	print("all of it is there\n");
	finish(0);
}
