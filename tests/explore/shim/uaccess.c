// SPDX-License-Identifier: GPL-2.0-only
/* What is copied to and from a process. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

/* User addresses are those of the scenario's variables and memory. */
static bool bad_user(const void *p, unsigned long n)
{
	struct object *o = arena_object((uintptr_t)p);

	if (o)
		touch((void *)((uintptr_t)p & PAGE_MASK), T_READ);
	return (uintptr_t)p < 65536 || (intptr_t)p < 0 ||
	       (o && (!o->live || (uintptr_t)p + n > o->start + o->size));
}

unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	may_sleep("copy_from_user", HERE);
	wait_order(mmap_class(), "copy_from_user", HERE);
	visible("copy_from_user", NULL, HERE, NULL, NULL);
	check_access((uintptr_t)to, n, true, HERE);
	if (bad_user(from, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	may_sleep("copy_to_user", HERE);
	wait_order(mmap_class(), "copy_to_user", HERE);
	visible("copy_to_user", NULL, HERE, NULL, NULL);
	check_access((uintptr_t)from, n, false, HERE);
	if (bad_user(to, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

char *strndup_user(const char *s, long n)
{
	size_t len;
	char *p;

	may_sleep("strndup_user", HERE);
	wait_order(mmap_class(), "strndup_user", HERE);
	visible("strndup_user", NULL, HERE, NULL, NULL);
	if (bad_user(s, 1))
		return ERR_PTR(-EFAULT);
	len = strnlen(s, n);
	if (len >= (size_t)n)
		return ERR_PTR(-EINVAL);
	p = allocate(len + 1, 16, GFP_KERNEL, "string", HERE);
	if (!p)
		return ERR_PTR(-ENOMEM);
	memcpy(p, s, len);
	p[len] = 0;
	return p;
}
