// SPDX-License-Identifier: GPL-2.0-only
/* Pages, and what a host does with those of a process. */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#undef min
#undef max
#include <string.h>
#include "address_space.h"
#include "scenario.h"

#define NR_PAGES	8192		/* the arena's */

struct page shim_mem_map[NR_PAGES];
static unsigned long pages_used[64];	/* to be cleared at the next start */
static int npages_used;
static struct {			/* the process's memory */
	char *start;
	size_t size;
} areas[8];
static int asked;

/* Pages. The first one of an allocation counts for all of it. */

static void page_used(struct page *page)
{
	if (npages_used < 64)
		pages_used[npages_used] = page - shim_mem_map;
	npages_used++;
}

static void *pages(size_t size, gfp_t flags, const char *name,
		   unsigned long pc)
{
	void *p = allocate(PAGE_ALIGN(size), PAGE_SIZE, flags, name, pc);

	if (!p)
		return NULL;
	virt_to_page(p)->refs = 1;
	page_used(virt_to_page(p));
	return p;
}

static struct page *head(struct page *page)
{
	struct object *o = arena_object((uintptr_t)page_address(page));

	return o ? virt_to_page(o->start) : page;
}

void *shim_pages(size_t size, gfp_t flags)
{
	return pages(size, flags, "pages", HERE);
}

/* What the host counts as written. Of a file it must hear before. */
bool PageDirty(struct page *page)
{
	return head(page)->dirty;
}

bool PageAnon(struct page *page)
{
	return !head(page)->file;
}

void SetPageDirty(struct page *page)
{
	page = head(page);
	if (page->file)
		visible("SetPageDirty", NULL, HERE, NULL, NULL);
	use(page_address(page), 1, T_WRITE, HERE);
	if (page->file && page->read_only)
		fail("warning", "page", HERE, NULL, NULL,
		     "a file's page is marked dirty when it is read-only");
	page->dirty = true;
}

static void drop_page(struct page *page, unsigned long pc)
{
	page = head(page);
	use(page_address(page), 1, T_WRITE, pc);
	release(page);
	if (--page->refs)
		return;
	acquire(page);
	arena_free(page_address(page), pc);
}

void shim_free_pages(const void *p)
{
	if (p)
		drop_page(virt_to_page(p), HERE);
}

void get_page(struct page *page)
{
	visible("get_page", NULL, HERE, NULL, NULL);
	page = head(page);
	use(page_address(page), 1, T_WRITE, HERE);
	page->refs++;
}

void put_page(struct page *page)
{
	visible("put_page", NULL, HERE, NULL, NULL);
	drop_page(page, HERE);
}

/* Memory of user space: an object a page, so that each can go by itself. */
static void *user_pages(size_t size, size_t align)
{
	char *first = NULL, *p;
	size_t at;
	int i = 0;

	note("mmap()", "memory", HERE);
	for (at = 0; at < size; at += PAGE_SIZE) {
		p = arena_alloc(PAGE_SIZE, at ? PAGE_SIZE : align, "user page",
				HERE);
		memset(p, 0, PAGE_SIZE);
		virt_to_page(p)->refs = 1;
		page_used(virt_to_page(p));
		arena_object((uintptr_t)p)->init = true;
		if (!first)
			first = p;
		/* The red zone costs a page; addresses must be contiguous. */
		arena_rewind((uintptr_t)p + PAGE_SIZE);
	}
	while (areas[i].size)
		if (++i == 8)
			die("too many pieces of memory");
	areas[i].start = first;
	areas[i].size = size;
	return first;
}

/* The address space ends: nobody is left to be told. */
void unmap_pages(unsigned long pc)
{
	struct object *o;
	size_t at;
	int i;

	for (i = 0; i < 8; i++) {
		for (at = 0; at < areas[i].size; at += PAGE_SIZE) {
			o = arena_object((uintptr_t)areas[i].start + at);
			if (o && o->live)
				drop_page(virt_to_page(o->start), pc);
		}
	}
}

int mmap_class(void)
{
	static const char key;

	return class_of(&key, 0, "mmap_lock");
}

void *u_memory(size_t size)
{
	return user_pages(size, PAGE_SIZE);
}

/* Of the 2 MiB only as much is there as a scenario uses. */
void *u_aligned_memory(size_t size)
{
	char *p = user_pages(size, LARGE);

	arena_rewind((uintptr_t)p + LARGE);
	return p;
}

pmd_t *shim_pmd(struct mm_struct *m, unsigned long at)
{
	return &m->pmd[(at - SHIM_ARENA) / LARGE % ARRAY_SIZE(m->pmd)];
}

/* The 2 MiB around P are mapped by one entry, or by one for each page. */
static void remap(void *p, bool large, unsigned long pc)
{
	pmd_t *pmd = shim_pmd(mm, (unsigned long)p);
	struct mmu_notifier_range r = { .mm = mm };

	if (pmd->large == large)
		return;
	r.start = (unsigned long)p / LARGE * LARGE;
	r.end = r.start + LARGE;
	visible(large ? "collapse" : "split", "memory", pc, NULL, NULL);
	invalidate(&r);
	use(pmd, sizeof(*pmd), T_WRITE, pc);
	pmd->large = large;
	invalidated(&r);
}

void u_collapse(void *p)
{
	cur->kernel = true;
	remap(p, true, HERE);
	cur->kernel = false;
}

/* The pages stay the same, which nobody can tell. */
void u_map_anew(void *p)
{
	struct mmu_notifier_range r = { .mm = mm, .end = (unsigned long)p };
	struct object *o;

	cur->kernel = true;
	while ((o = arena_object(r.end)) && o->live) {
		r.start = r.end;
		r.end += PAGE_SIZE;
		visible("munmap", "memory", HERE, NULL, NULL);
		invalidate(&r);
		invalidated(&r);
	}
	shim_pmd(mm, (unsigned long)p)->large = 1;
	cur->kernel = false;
}

int unmap_memory(void *p, size_t size)
{
	struct mmu_notifier_range r = { .mm = mm, .start = (unsigned long)p,
					.end = (unsigned long)p + size };
	size_t at;

	if (!of_the_process())
		return -EINVAL;
	remap(p, false, HERE);
	visible("munmap", "memory", HERE, NULL, NULL);
	invalidate(&r);
	for (at = 0; at < size; at += PAGE_SIZE)
		drop_page(virt_to_page((char *)p + at), HERE);
	invalidated(&r);
	return 0;
}

/* A page of a file: to be written only when the file's system knows. */
void u_file(void *p, bool read_only)
{
	virt_to_page(p)->file = true;
	virt_to_page(p)->read_only = read_only;
}

/* Not there until the host is asked to bring it. */
void u_absent(void *p)
{
	virt_to_page(p)->absent = true;
}

/* ... who then has to wait for it, until u_supply(): userfaultfd. */
void u_lazy(void *p)
{
	virt_to_page(p)->absent = virt_to_page(p)->lazy = true;
}

static bool supplied(void *p)
{
	return is_gone(p) || !virt_to_page(p)->lazy || process_closed();
}

void u_supply(void *p)
{
	cur->kernel = true;
	visible("supply", "memory", HERE, NULL, NULL);
	touch(virt_to_page(p), T_RELEASE);
	release(virt_to_page(p));
	virt_to_page(p)->lazy = false;
	cur->kernel = false;
}

bool u_dirty(void *p)
{
	return virt_to_page(p)->dirty;
}

/* What is in the page is in the file, or the host knows that it is not. */
bool u_saved(void *p)
{
	return virt_to_page(p)->dirty ||
	       virt_to_page(p)->saved == *(unsigned long *)p;
}

/* The host writes a page to its file: the right to write goes first. */
void u_write_back(void *p)
{
	struct mmu_notifier_range r = { .mm = mm, .start = (unsigned long)p,
					.end = (unsigned long)p + PAGE_SIZE };
	struct page *page = virt_to_page(p);

	cur->kernel = true;
	visible("write back", "memory", HERE, NULL, NULL);
	if (page->dirty) {
		invalidate(&r);
		use(p, 1, T_WRITE, HERE);
		page->read_only = true;
		invalidated(&r);
		visible("clear dirty", "memory", HERE, NULL, NULL);
		use(p, 1, T_WRITE, HERE);
		/* A fault in between has asked, and waits for the page's lock. */
		if (page->read_only) {
			page->dirty = false;
			page->saved = *(unsigned long *)p;
		}
	}
	cur->kernel = false;
}

/* A page goes, if it is there, and may be brought again. */
static void take(void *p, const char *how, bool in_a_hurry, unsigned long pc)
{
	unsigned long size = in_a_hurry ? LARGE : PAGE_SIZE;
	struct mmu_notifier_range r = {
		.mm = mm, .start = (unsigned long)p / size * size,
		.in_a_hurry = in_a_hurry,
	};

	r.end = r.start + size;
	cur->kernel = true;
	visible(how, "memory", pc, NULL, NULL);
	if (can_be_found()) {
		cur->atomic += in_a_hurry;
		invalidate(&r);
		use(p, 1, T_WRITE, pc);
		virt_to_page(p)->absent = true;
		invalidated(&r);
		cur->atomic -= in_a_hurry;
	}
	cur->kernel = false;
}

/* The host needs the page for others, and keeps what is in it elsewhere. */
void u_reclaim(void *p)
{
	take(p, "reclaim", false, HERE);
}

/* The host is out of memory: the process gives up all there is nearby. */
void u_reap(void *p)
{
	take(p, "reap", true, HERE);
}

enum { FAST, NOWAIT, WAIT };

static long find_pages(unsigned long start, unsigned long n, struct page **to,
		       bool write, int ask)
{
	unsigned long i;

	touch(mm, T_READ);
	acquire(mm);
	asked++;
	for (i = 0; i < n; i++) {
		struct object *o = arena_object(start + i * PAGE_SIZE);

		touch((void *)(start + i * PAGE_SIZE), T_WRITE);
		if (!o || !o->live || strcmp(o->name, "user page"))
			break;
		to[i] = virt_to_page(o->start);
		if (!ask && (to[i]->absent || (write && to[i]->read_only)))
			break;
		if (ask == NOWAIT && to[i]->absent && to[i]->lazy)
			return 0;
		to[i]->absent = false;
		if (write && ask && to[i]->file) {
			to[i]->read_only = false;
			to[i]->dirty = true;
		}
		to[i]->refs++;
	}
	return i ?: ask ? -EFAULT : 0;
}

long get_user_pages_unlocked(unsigned long start, unsigned long n,
			     struct page **to, unsigned int flags)
{
	may_sleep("get_user_pages", HERE);
	wait_order(mmap_class(), "get_user_pages", HERE);
	visible("get_user_pages", NULL, HERE, NULL, NULL);
	return find_pages(start, n, to, flags & FOLL_WRITE,
			  flags & FOLL_NOWAIT ? NOWAIT : WAIT);
}

void mmap_read_lock(struct mm_struct *m)
{
	may_sleep("mmap_read_lock", HERE);
	wait_order(mmap_class(), "mmap_read_lock", HERE);
	visible("mmap_read_lock", "mm", HERE, NULL, NULL);
	use(m, sizeof(*m), T_READ, HERE);
	hold_pseudo(m, mmap_class(), HERE);
	m->mmap_readers++;
}

void mmap_read_unlock(struct mm_struct *m)
{
	visible("mmap_read_unlock", "mm", HERE, NULL, NULL);
	drop_pseudo(m);
	touch(&m->mmap_readers, T_RELEASE);
	release(&m->mmap_readers);
	m->mmap_readers--;
}

/* Under mmap_lock, which it lets go of while it has to wait. */
int fixup_user_fault(struct mm_struct *m, unsigned long at,
		     unsigned int flags, bool *unlocked)
{
	struct page *page;
	long found;

	may_sleep("fixup_user_fault", HERE);
	visible("fixup_user_fault", NULL, HERE, NULL, NULL);
	use(m, sizeof(*m), T_READ, HERE);
	if (!m->mm_users)
		fail("refcount", "mm", HERE, NULL, NULL,
		     "pages of an address space without users are asked for");
	if (!supplied((void *)at)) {
		mmap_read_unlock(m);
		*unlocked = true;
		wait_for("userfault", "memory", HERE, supplied, (void *)at);
		touch(virt_to_page(at), T_WAIT);
		acquire(virt_to_page(at));
		mmap_read_lock(m);
	}
	found = find_pages(at, 1, &page, flags & FAULT_FLAG_WRITE, WAIT);
	if (found < 0)
		return found;
	page->refs--;
	return 0;
}

int get_user_pages_fast_only(unsigned long start, int n, unsigned int flags,
			     struct page **to)
{
	visible("get_user_pages_fast", NULL, HERE, NULL, NULL);
	return find_pages(start, n, to, flags & FOLL_WRITE, FAST);
}

/* How often the host was asked for pages so far. */
int u_asked(void)
{
	return asked;
}

void mm_reset(void)
{
	if (npages_used > 64) {
		memset(shim_mem_map, 0, sizeof(shim_mem_map));
		npages_used = 0;
	}
	while (npages_used)
		shim_mem_map[pages_used[--npages_used]] = (struct page){};
	asked = 0;
	memset(areas, 0, sizeof(areas));
	notifier_reset();
	process_reset();
}
