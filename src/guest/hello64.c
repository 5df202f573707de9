// SPDX-License-Identifier: GPL-2.0-only
/* Says hello from long mode. */
#include "guest.h"

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	if (id)
		return 0;
	print("hello from long mode, with %u MiB and %u CPU%s\n",
	      (unsigned int)mib, cpus, cpus == 1 ? "" : "s");
	finish(0);
}
