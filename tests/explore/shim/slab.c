// SPDX-License-Identifier: GPL-2.0-only
/* Allocation; where a scenario allows it, an allocation may fail. */
#include <linux/slab.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

void *allocate(size_t size, size_t align, unsigned int flags, const char *name,
	       unsigned long pc)
{
	void *p;

	if (flags & __GFP_DIRECT_RECLAIM)
		may_sleep("GFP_KERNEL", pc);
	if (may_fail(name, pc))
		return NULL;
	p = arena_alloc(size, align, name, pc);
	memset(p, flags & __GFP_ZERO ? 0 : 0x5a, size);
	return p;
}

void *shim_alloc(size_t size, gfp_t flags, const char *name)
{
	return allocate(size, 16, flags, plain_name(name), HERE);
}

void *shim_alloc_array(size_t n, size_t size, gfp_t flags, const char *name)
{
	if (__builtin_mul_overflow(n, size, &size))
		return NULL;
	return allocate(size, 16, flags, plain_name(name), HERE);
}

void *shim_memdup(const void *from, size_t size, gfp_t flags, const char *name)
{
	void *p = allocate(size, 16, flags, plain_name(name), HERE);

	check_access((uintptr_t)from, size, false, HERE);
	return p ? memcpy(p, from, size) : NULL;
}

void kfree(const void *p)
{
	if (p)
		arena_free(p, HERE);
}

struct kmem_cache {
	char name[32];
	unsigned int size, align;
	int live;
};

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *))
{
	struct kmem_cache *c = allocate(sizeof(*c), 16, GFP_KERNEL | __GFP_ZERO,
					"kmem_cache", HERE);

	(void)flags;
	if (ctor)
		die("no constructors in this slab");
	strncpy(c->name, name, sizeof(c->name) - 1);
	c->size = size;
	c->align = align > 16 ? align : 16;
	return c;
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t flags)
{
	void *p;

	check_access((uintptr_t)c, sizeof(*c), true, HERE);
	p = allocate(c->size, c->align, flags, c->name, HERE);
	c->live += !!p;
	return p;
}

void kmem_cache_free(struct kmem_cache *c, void *p)
{
	check_access((uintptr_t)c, sizeof(*c), true, HERE);
	arena_free(p, HERE);
	c->live--;
	cur->rounds = 0;		/* a loop that frees gets somewhere */
}

void kmem_cache_destroy(struct kmem_cache *c)
{
	if (!c)
		return;
	check_access((uintptr_t)c, sizeof(*c), true, HERE);
	if (c->live)
		fail("leak", c->name, HERE, NULL, NULL,
		     "%d objects left in the cache", c->live);
	arena_free(c, HERE);
}
