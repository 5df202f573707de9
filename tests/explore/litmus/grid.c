// SPDX-License-Identifier: GPL-2.0-only
/* The yardstick: some tasks, each so many critical sections on one lock. */
#include <linux/mutex.h>
#include "scenario.h"

const struct scenario *grid_scenario(int tasks, int sections);

static DEFINE_MUTEX(lock);
static int sections __aligned(8), entered __aligned(8);

static void task(void)
{
	int i;

	for (i = 0; i < sections; i++) {
		mutex_lock(&lock);
		entered++;
		mutex_unlock(&lock);
	}
}

/* Called from outside any execution. */
__attribute__((no_sanitize("thread")))
const struct scenario *grid_scenario(int tasks, int n)
{
	static struct scenario s = {
		.name = "grid",
		.shows = "critical sections on one lock, not reduced",
		.bare = true,
	};
	int i;

	if (tasks < 1 || tasks > 4 || n < 1)
		return NULL;
	for (i = 0; i < tasks; i++)
		s.task[i] = task;
	sections = n;
	return &s;
}
