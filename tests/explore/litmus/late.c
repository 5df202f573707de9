// SPDX-License-Identifier: GPL-2.0-only
/* Marked accesses and nothing that orders them: wrong when writes are late. */
#include <linux/atomic.h>
#include <linux/completion.h>
#include "scenario.h"

static int x, y;
static DECLARE_COMPLETION(done);

/* Two words that belong together, as where a vCPU runs, and that it does. */
static void write_both(void)
{
	WRITE_ONCE(x, 1);
	WRITE_ONCE(y, 1);
}

static void write_both_in_order(void)
{
	WRITE_ONCE(x, 1);
	smp_wmb();
	WRITE_ONCE(y, 1);
}

static void write_and_release(void)
{
	WRITE_ONCE(x, 1);
	smp_store_release(&y, 1);
}

static void read_both(void)
{
	if (READ_ONCE(y)) {
		smp_rmb();
		u_assert(READ_ONCE(x) == 1);
	}
}

SCENARIO("late-pair", "two marked writes in no order: silent, but not when late",
	 NULL, NULL, write_both, read_both);
SCENARIO("late-pair-barrier", "... with a barrier between: silent",
	 NULL, NULL, write_both_in_order, read_both);
SCENARIO("late-pair-release", "... the second a release: silent",
	 NULL, NULL, write_and_release, read_both);

/* Each says that it is there, and leaves if the other one is. */
static atomic_t inside;

static void enter_x(void)
{
	WRITE_ONCE(x, 1);
	if (!READ_ONCE(y))
		u_assert(!atomic_fetch_add(1, &inside));
}

static void enter_y(void)
{
	WRITE_ONCE(y, 1);
	if (!READ_ONCE(x))
		u_assert(!atomic_fetch_add(1, &inside));
}

static void enter_x_fenced(void)
{
	WRITE_ONCE(x, 1);
	smp_mb();
	if (!READ_ONCE(y))
		u_assert(!atomic_fetch_add(1, &inside));
}

static void enter_y_fenced(void)
{
	WRITE_ONCE(y, 1);
	smp_mb();
	if (!READ_ONCE(x))
		u_assert(!atomic_fetch_add(1, &inside));
}

SCENARIO("late-flags", "each looks for the other's flag: silent, but not when late",
	 NULL, NULL, enter_x, enter_y);
SCENARIO("late-flags-fenced", "... behind a barrier: silent",
	 NULL, NULL, enter_x_fenced, enter_y_fenced);

/* A task's own write is not late for itself, nor are its writes out of turn. */
static void write_and_look(void)
{
	WRITE_ONCE(x, 1);
	WRITE_ONCE(x, 2);
	u_assert(READ_ONCE(x) >= 2);
}

static void look_twice(void)
{
	int first = READ_ONCE(x);

	u_assert(READ_ONCE(x) >= first);
}

static void write_three(void)
{
	WRITE_ONCE(x, 3);
}

SCENARIO("late-own", "one's own writes, and one place: silent",
	 NULL, NULL, write_and_look, look_twice);
SCENARIO("late-own-three", "... and a second writer: silent",
	 NULL, NULL, write_and_look, write_three);

static void write_and_complete(void)
{
	WRITE_ONCE(x, 1);
	complete(&done);
}

static void wait_and_look(void)
{
	wait_for_completion(&done);
	u_assert(READ_ONCE(x) == 1);
}

SCENARIO("late-completion", "a completion brings what was written before: silent",
	 NULL, NULL, write_and_complete, wait_and_look);
