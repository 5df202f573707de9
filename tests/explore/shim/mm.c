// SPDX-License-Identifier: GPL-2.0-only
/* Pages, the address space and those who watch it. */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#undef min
#undef max
#include <string.h>
#include "engine/runtime.h"
#include "scenario.h"

#define NR_PAGES	8192		/* the arena's */
#define LARGE		(512 * PAGE_SIZE)

struct page shim_mem_map[NR_PAGES];
static unsigned long pages_used[64];	/* to be cleared at the next start */
static int npages_used;
static struct task_struct kernel_tasks[NR_TASKS];
static struct mm_struct *mm;
static unsigned long mm_last_get;
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

/* The address space. */

struct task_struct *shim_current(void)
{
	return &kernel_tasks[cur->id];
}

/* Another process got the descriptors over a socket. */
void u_elsewhere(bool on)
{
	static struct mm_struct elsewhere;

	kernel_tasks[cur->id].mm = on ? &elsewhere : mm;
}

static void count_mm(struct mm_struct *m, int users, int count,
		     const char *op, unsigned long pc)
{
	visible(op, "mm", pc, NULL, NULL);
	use(m, sizeof(*m), T_WRITE, pc);
	release(m);
	acquire(m);
	if (!m->mm_count || (users > 0 && !m->mm_users))
		fail("refcount", "mm", pc, NULL, NULL, "%s from zero", op);
	if (users > 0 || count > 0)
		mm_last_get = pc;
	m->mm_users += users;
	m->mm_count += count;
	if (m->mm_users < 0)
		fail("refcount", "mm", pc, NULL, NULL, "%s underflows", op);
	if (!m->mm_count)
		arena_free(m, pc);
}

void mmgrab(struct mm_struct *m)
{
	count_mm(m, 0, 1, "mmgrab", HERE);
}

void mmdrop(struct mm_struct *m)
{
	count_mm(m, 0, -1, "mmdrop", HERE);
}

void mmget(struct mm_struct *m)
{
	count_mm(m, 1, 0, "mmget", HERE);
}

void mmput(struct mm_struct *m)
{
	may_sleep("mmput", HERE);
	count_mm(m, -1, 0, "mmput", HERE);
}

bool mmget_not_zero(struct mm_struct *m)
{
	count_mm(m, m->mm_users ? 1 : 0, 0, "mmget_not_zero", HERE);
	if (!m->mm_users)
		return false;
	return true;
}

/* Memory of user space: an object a page, so that each can go by itself. */
static void *user_pages(size_t size, size_t align)
{
	char *first = NULL, *p;
	size_t at;

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
	return first;
}

/* What callbacks run under, and those who go away wait for. */
static int notifier_class(void)
{
	static const char key;

	return pseudo_class(&key, "notifier");
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

static void invalidate(struct mmu_notifier_range *r)
{
	struct mmu_notifier *mn;

	touch(mm, T_WRITE);
	acquire(mm);
	release(mm);
	for (mn = mm->notifiers; mn; mn = mn->next) {
		touch(mn, T_WRITE);
		mn->active++;
	}
	hold_pseudo(mm, mmap_class(), HERE);
	hold_pseudo(&mm->notifiers, notifier_class(), HERE);
	for (mn = mm->notifiers; mn; mn = mn->next)
		if (mn->ops->invalidate_range_start)
			mn->ops->invalidate_range_start(mn, r);
}

static void invalidated(struct mmu_notifier_range *r)
{
	struct mmu_notifier *mn;

	for (mn = mm->notifiers; mn; mn = mn->next) {
		if (!mn->active)	/* registered meanwhile */
			continue;
		if (mn->ops->invalidate_range_end)
			mn->ops->invalidate_range_end(mn, r);
		touch(mn, T_RELEASE);
		release(mn);
		mn->active--;
	}
	drop_pseudo(&mm->notifiers);
	drop_pseudo(mm);
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

/* One page is asked about, by a callback of each notifier that has it. */
static int ask(void *p, bool flush, unsigned long pc)
{
	unsigned long at = (unsigned long)p;
	struct mmu_notifier *mn;
	int young = 0;

	cur->kernel = true;
	visible("age", "memory", pc, NULL, NULL);
	touch(mm, T_READ);
	acquire(mm);
	hold_pseudo(&mm->notifiers, notifier_class(), pc);
	for (mn = mm->notifiers; mn; mn = mn->next) {
		const struct mmu_notifier_ops *ops = mn->ops;

		touch(mn, T_WRITE);
		mn->active++;
		if (flush && ops->clear_flush_young)
			young |= ops->clear_flush_young(mn, mm, at,
							at + PAGE_SIZE);
		if (!flush && ops->clear_young)
			young |= ops->clear_young(mn, mm, at, at + PAGE_SIZE);
		if (!flush && ops->test_young)
			young |= ops->test_young(mn, mm, at) << 1;
		touch(mn, T_RELEASE);
		release(mn);
		mn->active--;
	}
	drop_pseudo(&mm->notifiers);
	cur->kernel = false;
	return young;
}

/* The host asks whether the guest has used its page lately. */
int u_age(void *p)
{
	return ask(p, true, HERE);
}

/* Idle page tracking: clears (bit 0: it was young), then looks (bit 1). */
int u_idle(void *p)
{
	return ask(p, false, HERE);
}

/* The process ends: its address space goes, whoever still has its files. */
void u_exit(void)
{
	struct mmu_notifier *mn;

	cur->kernel = true;
	visible("exit", "mm", HERE, NULL, NULL);
	touch(mm, T_WRITE);
	acquire(mm);
	for (mn = mm->notifiers; mn; mn = mn->next) {
		touch(mn, T_WRITE);
		mn->active++;
	}
	hold_pseudo(&mm->notifiers, notifier_class(), HERE);
	for (mn = mm->notifiers; mn; mn = mn->next)
		if (mn->ops->release)
			mn->ops->release(mn, mm);
	drop_pseudo(&mm->notifiers);
	wait_for("exit", "mm", HERE, NULL, NULL);
	touch(mm, T_WRITE);
	while ((mn = mm->notifiers)) {
		touch(mn, T_RELEASE);
		release(mn);
		mm->notifiers = mn->next;
		mn->gone = true;
		mn->active--;
	}
	cur->kernel = false;
}

static long find_pages(unsigned long start, unsigned long n, struct page **to,
		       bool write, bool ask)
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
		to[i]->absent = false;
		if (write && ask && to[i]->file) {
			to[i]->read_only = false;
			to[i]->dirty = true;
		}
		to[i]->refs++;
	}
	return i;
}

long get_user_pages_unlocked(unsigned long start, unsigned long n,
			     struct page **to, unsigned int flags)
{
	may_sleep("get_user_pages", HERE);
	wait_order(mmap_class(), "get_user_pages", HERE);
	visible("get_user_pages", NULL, HERE, NULL, NULL);
	return find_pages(start, n, to, flags & FOLL_WRITE, true) ?: -EFAULT;
}

int get_user_pages_fast_only(unsigned long start, int n, unsigned int flags,
			     struct page **to)
{
	visible("get_user_pages_fast", NULL, HERE, NULL, NULL);
	return find_pages(start, n, to, flags & FOLL_WRITE, false);
}

/* How often the host was asked for pages so far. */
int u_asked(void)
{
	return asked;
}

/* Those who want to know what happens to it. */

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *m)
{
	may_sleep("mmu_notifier_register", HERE);
	wait_order(mmap_class(), "mmu_notifier_register", HERE);
	visible("mmu_notifier_register", NULL, HERE, NULL, NULL);
	use(mn, sizeof(*mn), T_WRITE, HERE);
	use(m, sizeof(*m), T_WRITE, HERE);
	acquire(m);
	release(m);
	if (may_fail("mmu_notifier_register", HERE))
		return -ENOMEM;
	m->mm_count++;
	mn->mm = m;
	mn->active = 0;
	mn->gone = false;
	mn->next = m->notifiers;
	m->notifiers = mn;
	return 0;
}

static bool notifier_idle(void *arg)
{
	return !((struct mmu_notifier *)arg)->active;
}

void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *m)
{
	struct mmu_notifier **p = &m->notifiers;

	may_sleep("mmu_notifier_unregister", HERE);
	wait_order(notifier_class(), "mmu_notifier_unregister", HERE);
	visible("mmu_notifier_unregister", NULL, HERE, NULL, NULL);
	use(mn, sizeof(*mn), T_WRITE, HERE);
	use(m, sizeof(*m), T_WRITE, HERE);
	acquire(m);
	hold_pseudo(&m->notifiers, notifier_class(), HERE);
	if (mn->ops->release && !mn->gone)
		mn->ops->release(mn, m);
	drop_pseudo(&m->notifiers);
	wait_for("mmu_notifier_unregister", "notifier", HERE, notifier_idle,
		 mn);
	touch(mn, T_WAIT);
	touch(m, T_WRITE);
	acquire(mn);
	while (*p && *p != mn)
		p = &(*p)->next;
	if (!*p && !mn->gone)
		fail("warning", "notifier", HERE, NULL, NULL,
		     "mmu_notifier_unregister of what is not registered");
	if (*p)
		*p = mn->next;
	count_mm(m, 0, -1, "mmdrop", HERE);
}

void mm_reset(void)
{
	int i;

	if (npages_used > 64) {
		memset(shim_mem_map, 0, sizeof(shim_mem_map));
		npages_used = 0;
	}
	while (npages_used)
		shim_mem_map[pages_used[--npages_used]] = (struct page){};
	asked = 0;
	cur = &tasks[MAIN_TASK];
	mm = arena_alloc(sizeof(*mm), 16, "mm", HERE);
	memset(mm, 0, sizeof(*mm));
	mm->mm_users = mm->mm_count = 1;
	mm->pgd.mm = mm;
	for (i = 0; i < NR_TASKS; i++)
		kernel_tasks[i].mm = mm;
}

/* What is left of it when all files are closed. */
void check_mm(void)
{
	if (mm->mm_users != 1 || mm->mm_count != 1) {
		blame(mm_last_get, NULL);
		fail("leak", "mm", mm_last_get, NULL, NULL,
		     "mm_users is %d and mm_count %d, not 1 and 1",
		     mm->mm_users, mm->mm_count);
	}
	arena_free(mm, HERE);
}
