// SPDX-License-Identifier: GPL-2.0-only
/* What no task chooses: an allocation fails, a write is late. */
#include "engine/search.h"

static int faults, lates;

void chance_reset(void)
{
	faults = lates = 0;
}

bool may_fail(const char *what, unsigned long pc)
{
	if (faults == opts.faults || cur->id == MAIN_TASK || !by_chance())
		return false;
	faults++;
	note("fails", what, pc);
	return true;
}

/* Does the task that comes by miss what is on its way? */
bool is_late(void)
{
	if (lates == opts.late || cur->id == MAIN_TASK || !by_chance())
		return false;
	lates++;
	watch("misses a write");
	return true;
}
