/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SLAB_H
#define SHIM_SLAB_H

#include <linux/kernel.h>
#include <linux/gfp.h>
#include <linux/string.h>

struct kmem_cache;

void *shim_alloc(size_t size, gfp_t flags, const char *name);
void *shim_alloc_array(size_t n, size_t size, gfp_t flags, const char *name);
void *shim_memdup(const void *p, size_t size, gfp_t flags, const char *name);
void kfree(const void *p);

/* The object is named by what its size is the size of. */
#define kmalloc(size, flags)	shim_alloc(size, flags, #size)
#define kzalloc(size, flags)	shim_alloc(size, (flags) | __GFP_ZERO, #size)
#define kmalloc_array(n, size, flags)	shim_alloc_array(n, size, flags, #size)
#define kcalloc(n, size, flags)	\
	shim_alloc_array(n, size, (flags) | __GFP_ZERO, #size)
#define kmemdup(p, size, flags)	shim_memdup(p, size, flags, #size)
#define kvmalloc(size, flags)	kmalloc(size, flags)
#define kvzalloc(size, flags)	kzalloc(size, flags)
#define kvcalloc(n, size, flags)	kcalloc(n, size, flags)
#define kvfree(p)		kfree(p)
#define kfree_sensitive(p)	kfree(p)
#define struct_size(p, array, n)	\
	(sizeof(*(p)) + sizeof((p)->array[0]) * (n))

#define SLAB_ACCOUNT		0
#define SLAB_HWCACHE_ALIGN	0
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *));
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t flags);
#define kmem_cache_zalloc(c, flags)	kmem_cache_alloc(c, (flags) | __GFP_ZERO)
void kmem_cache_free(struct kmem_cache *c, void *p);
void kmem_cache_destroy(struct kmem_cache *c);

#endif
