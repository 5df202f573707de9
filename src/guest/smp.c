// SPDX-License-Identifier: GPL-2.0-only
/* Processors that count together. */
#include <stdatomic.h>
#include "guest.h"

#define ROUNDS 2000

static atomic_uint counter, next_ticket, serving, here, done;
static volatile unsigned int guarded;

static void count(void)
{
	unsigned int ticket = atomic_fetch_add(&next_ticket, 1);

	while (atomic_load(&serving) != ticket)
		relax();
	guarded = guarded + 1;
	atomic_fetch_add(&serving, 1);
	atomic_fetch_add(&counter, 1);
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	unsigned int i;

	(void)mib;
	atomic_fetch_add(&here, 1);
	while (atomic_load(&here) != cpus)
		relax();
	for (i = 0; i < ROUNDS; i++)
		count();
	atomic_fetch_add(&done, 1);
	if (id)
		return 0;
	while (atomic_load(&done) != cpus)
		relax();
	print("%u CPUs counted to %u and to %u\n", cpus, atomic_load(&counter),
	      guarded);
	finish(counter != cpus * ROUNDS || guarded != cpus * ROUNDS);
}
