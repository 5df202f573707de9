// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots and the stage-2 table, each against a model that a child could write:
 * an array with an entry a frame. One task, no scheduler: what may happen at
 * the same time is the explorer's question.
 */
#include <check.h>
#include <errno.h>
#include <linux/io.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <stdlib.h>
#include "twill.h"

/* What the two files ask of a kernel. */

/* Check's own writes to a pipe each time it is asked. */
#define must(cond, ...)	do { if (!(cond)) ck_abort_msg(__VA_ARGS__); } while (0)

static int objects;		/* allocated and not freed */
static bool fail_next;
static bool stale;		/* a vCPU may remember what was taken out */
static int held;		/* locks */
struct page shim_mem_map[16];

void *shim_alloc(size_t size, gfp_t flags, const char *name)
{
	size_t whole = (size + PAGE_SIZE - 1) & PAGE_MASK;
	void *p;

	if (fail_next)
		return NULL;
	objects++;
	p = aligned_alloc(PAGE_SIZE, whole);
	return flags & __GFP_ZERO ? memset(p, 0, whole) : p;
}

void *shim_memdup(const void *from, size_t size, gfp_t flags, const char *name)
{
	void *p = shim_alloc(size, flags, name);

	return p ? memcpy(p, from, size) : NULL;
}

void kfree(const void *p)
{
	objects -= !!p;
	free((void *)p);
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *))
{
	return (void *)1;
}

void kmem_cache_destroy(struct kmem_cache *c)
{
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t flags)
{
	return shim_alloc(PAGE_SIZE, flags, "table");
}

void kmem_cache_free(struct kmem_cache *c, void *p)
{
	must(!held, "a table is freed under the lock");
	must(!stale, "a table is freed that a vCPU may stand on");
	kfree(p);
}

void vm_flush(struct vm *vm)
{
	stale = false;
}

void shim_lock_init(struct shim_lock *l, const char *name, const void *key)
{
}

void shim_lock(struct shim_lock *l, enum lock_kind kind, int subclass)
{
	held++;
}

void shim_unlock(struct shim_lock *l, enum lock_kind kind)
{
	held--;
}

bool shim_is_held(struct shim_lock *l)
{
	return held;
}

void shim_assert_held(struct shim_lock *l, bool wanted)
{
	must(!!held == wanted, "a lock is held, or not");
}

static int warnings, may_warn;

void shim_warn(const char *class, const char *text)
{
	if (++warnings > may_warn)
		ck_abort_msg("%s: %s", class, text);
}

static struct mm_struct ours;
static struct task_struct self;

struct task_struct *shim_current(void)
{
	return &self;
}

int shim_init_srcu(struct srcu_struct *s, const char *name, const void *key)
{
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
}

void shim_synchronize_srcu(struct srcu_struct *s, const char *name)
{
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const unsigned char *at = p;

	for (; n; at++, n--) {
		if (*at != (unsigned char)c)
			return (void *)at;
	}
	return NULL;
}

void shim_cond_resched(void)
{
	must(!held, "others may run under a lock");
}

void *shim_marked(const char *op, const char *name, const void *p, size_t size,
		  int how)
{
	return (void *)p;
}

static struct vm vm;

static void begin(void)
{
	memset(&vm, 0, sizeof(vm));
	vm.mm = self.mm = &ours;
	ck_assert_int_eq(stage2_init_cache() | stage2_init(&vm) |
			 memslots_init(&vm), 0);
}

static void end(void)
{
	memslots_free(&vm);
	stage2_free(&vm);
	stage2_exit_cache();
	ck_assert_int_eq(objects, 0);
	ck_assert_int_eq(held, 0);
}

static u64 dice = 88172645463325252ULL;

static unsigned int roll(unsigned int n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 20) % n;
}

/* Slots. */

#define TOP STAGE2_SIZE
#define ANY 0x10000000

static const struct {
	const char *what;
	struct kvm_userspace_memory_region region;
	int answer;
} requests[] = {
	{ "the first", { 0, 0, 0x1000, 0x4000, ANY }, 0 },
	{ "the same again", { 0, 0, 0x1000, 0x4000, ANY }, 0 },
	{ "touching it from above", { 1, 0, 0x5000, 0x1000, ANY }, 0 },
	{ "touching it from below", { 2, 0, 0, 0x1000, ANY }, 0 },
	{ "over its end", { 3, 0, 0x4000, 0x1000, ANY }, -EEXIST },
	{ "over its beginning", { 3, 0, 0, 0x2000, ANY }, -EEXIST },
	{ "around it", { 3, 0, 0, 0x10000, ANY }, -EEXIST },
	{ "inside it", { 3, 0, 0x2000, 0x1000, ANY }, -EEXIST },
	{ "moved on to another", { 0, 0, 0x5000, 0x4000, ANY }, -EEXIST },
	{ "moved over itself", { 1, 0, 0x6000, 0x1000, ANY }, 0 },
	{ "another size", { 0, 0, 0x1000, 0x3000, ANY }, -EINVAL },
	{ "another address", { 0, 0, 0x1000, 0x4000, 2 * ANY }, -EINVAL },
	{ "half a page long", { 3, 0, 0x10000, 0x1800, ANY }, -EINVAL },
	{ "half a page high", { 3, 0, 0x10800, 0x1000, ANY }, -EINVAL },
	{ "half a page off", { 3, 0, 0x10000, 0x1000, ANY + 8 }, -EINVAL },
	{ "no such number", { MAX_MEMSLOTS, 0, 0x10000, 0x1000, ANY }, -EINVAL },
	{ "a flag", { 3, 1, 0x10000, 0x1000, ANY }, -EINVAL },
	{ "to the end and over it", { 3, 0, TOP - 0x1000, 0x2000, ANY }, -EINVAL },
	{ "the last page there is", { 3, 0, TOP - 0x1000, 0x1000, ANY }, 0 },
	{ "over it, and beyond", { 4, 0, TOP - 0x1000, 0x2000, ANY }, -EEXIST },
	{ "over the end", { 4, 0, TOP - 0x2000, 0x3000, ANY }, -EEXIST },
	{ "beyond the end", { 4, 0, TOP, 0x1000, ANY }, -EINVAL },
	{ "moved beyond the end", { 2, 0, TOP, 0x1000, ANY }, -EINVAL },
	{ "around the end", { 4, 0, -0x1000ULL, 0x2000, ANY }, -EINVAL },
	{ "addresses that wrap", { 4, 0, 0x10000, 0x2000, -0x1000ULL }, -EINVAL },
	{ "removed", { 0, 0, 0, 0, 0 }, 0 },
	{ "removed twice", { 0, 0, 0, 0, 0 }, -EINVAL },
	{ "where it was", { 3 + 1, 0, 0x2000, 0x1000, ANY }, 0 },
};

START_TEST(slot_rules)
{
	unsigned int i;

	begin();
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		int r = memslot_set(&vm, &requests[i].region);

		ck_assert_msg(r == requests[i].answer, "%s: %d, not %d",
			      requests[i].what, r, requests[i].answer);
	}
	end();
}
END_TEST

/* 64 frames and 8 slots; what each frame leads to, and whose it is. */
#define FRAMES 64
#define NUMBERS 8
static u64 leads_to[FRAMES];
static int owner[FRAMES];

static void forget(int id)
{
	int i;

	for (i = 0; i < FRAMES; i++)
		if (owner[i] == id)
			owner[i] = -1;
}

/* What KVM would answer, from the array alone. */
static int expected(const struct kvm_userspace_memory_region *r)
{
	unsigned int first = r->guest_phys_addr >> PAGE_SHIFT, i;
	unsigned int n = r->memory_size >> PAGE_SHIFT, had = 0;
	u64 hva = 0;

	for (i = FRAMES; i-- > 0;)
		if (owner[i] == (int)r->slot) {
			had++;
			hva = leads_to[i];
		}
	if (!n)
		return had ? 0 : -EINVAL;
	if (had && (had != n || hva != r->userspace_addr))
		return -EINVAL;
	for (i = first; i < first + n; i++)
		if (owner[i] >= 0 && owner[i] != (int)r->slot)
			return -EEXIST;
	return 0;
}

static void check_slots(void)
{
	const struct memslots *slots = vm.memslots;
	const struct memslot *s;
	int i;

	for (i = 0; i < FRAMES; i++) {
		s = memslot_find(slots, i);
		must(!!s == (owner[i] >= 0), "frame %d: %sthere", i,
		     s ? "" : "not ");
		must(!s || ((int)s->id == owner[i] && !s->dying &&
			    memslot_hva(s, i) == leads_to[i]),
		     "frame %d is slot %u's", i, s->id);
	}
}

START_TEST(slots_like_the_model)
{
	struct kvm_userspace_memory_region r = {};
	int n, i, answer, done = 0;

	memset(owner, -1, sizeof(owner));
	begin();
	for (n = 0; n < 20000; n++) {
		r.slot = roll(NUMBERS);
		r.memory_size = (u64)roll(12) << PAGE_SHIFT;
		r.guest_phys_addr = (u64)roll(FRAMES - 12) << PAGE_SHIFT;
		r.userspace_addr = ANY << roll(2);
		answer = expected(&r);
		fail_next = !answer && !roll(8);
		i = memslot_set(&vm, &r);
		if (!fail_next || i != -ENOMEM) {	/* nothing to allocate? */
			ck_assert_int_eq(i, answer);
			if (!answer) {
				forget(r.slot);
				done++;
			}
			for (i = 0; !answer && i < (int)(r.memory_size >> PAGE_SHIFT); i++) {
				int gfn = (r.guest_phys_addr >> PAGE_SHIFT) + i;

				owner[gfn] = r.slot;
				leads_to[gfn] = r.userspace_addr + i * PAGE_SIZE;
			}
		}
		fail_next = false;
		check_slots();
	}
	ck_assert_int_gt(done, 2000);
	end();
}
END_TEST

/* The table. Frames in four places: at the ends, around 2 MiB, and at 1 GiB. */

#define LARGE 512
static gfn_t frame(unsigned int i)
{
	static const gfn_t base[] = { 0, 3 * LARGE - 8, LARGE * LARGE,
		(STAGE2_SIZE >> PAGE_SHIFT) - 2 * LARGE };

	return base[i / (2 * LARGE)] + i % (2 * LARGE);
}

static gfn_t min_end(gfn_t end)
{
	return end < STAGE2_SIZE >> PAGE_SHIFT ? end : STAGE2_SIZE >> PAGE_SHIFT;
}

#define SPOTS (4 * 2 * LARGE)
static u64 entry[SPOTS];	/* of the model: as of the architecture, level 1 */

/* What the processor would find. */
static u64 walk(gfn_t gfn)
{
	u64 *table = vm.stage2.root, e;
	int level;

	for (level = STAGE2_LEVELS;; level--) {
		e = table[gfn >> (9 * (level - 1)) & (STAGE2_ENTRIES - 1)];
		if (!arch_stage2_present(e))
			return 0;
		if (arch_stage2_is_leaf(e, level))
			break;
		table = phys_to_virt(arch_stage2_phys(e));
	}
	if (level == 2)
		e = (e & ~(u64)MODEL_LARGE) + ((gfn & (LARGE - 1)) << PAGE_SHIFT);
	return e;
}

/* Which spots lie in the 2 MiB of this one, or in [first, end). */
#define for_each_spot(i, first, end)			\
	for (i = 0; i < SPOTS; i++)			\
		if (frame(i) >= (first) && frame(i) < (end))

static void map(struct table_pool *pool)
{
	gfn_t gfn = frame(roll(SPOTS));
	bool writable = roll(2), large = !roll(3);
	u64 pfn = 0x1000 + (large ? roll(64) * LARGE + gfn % LARGE : roll(9999));
	gfn_t first = large ? gfn & -LARGE : gfn;
	unsigned int i, more = large ? 0 : min(roll(16), LARGE - 1 - gfn % LARGE);
	struct page *page[16];
	bool was_large = false;
	u64 *at;

	for (i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = pfn_to_page(8);
	/* A small one in a large one's place: the rest of it goes. */
	if (!large) {
		u64 *t = vm.stage2.root;
		int level;

		for (level = STAGE2_LEVELS; t && level > 1; level--) {
			u64 e = t[gfn >> (9 * (level - 1)) & 511];

			was_large = arch_stage2_present(e) &&
				    arch_stage2_is_leaf(e, level);
			t = arch_stage2_present(e) && !was_large ?
				phys_to_virt(arch_stage2_phys(e)) : NULL;
		}
		if (was_large)
			for_each_spot(i, gfn & -LARGE, (gfn & -LARGE) + LARGE)
				entry[i] = 0;
	}
	ck_assert_int_eq(stage2_fill_pool(pool), 0);
	spin_lock(&vm.mmu_lock);
	stale = true;
	at = stage2_map(&vm, gfn, pfn, large ? 2 : 1, writable, pool);
	stale = false;
	if (more)
		stage2_map_more(&vm, at, page, more, writable);
	stage2_unlock(&vm, true);
	for_each_spot(i, first, first + (large ? LARGE : 1))
		entry[i] = arch_stage2_leaf(pfn - gfn + frame(i), writable, 1);
	for_each_spot(i, gfn + 1, gfn + 1 + more) {
		if (!entry[i]) {
			must(!arch_stage2_test_young(walk(frame(i))),
			     "what nobody has used is young");
			entry[i] = arch_stage2_leaf(8, writable, 1);
		}
	}
}

/* A large leaf that is cut goes whole; what the model says follows the walk. */
static void unmap(void)
{
	gfn_t first = frame(roll(SPOTS)), end = min_end(first + 1 + roll(3 * LARGE));
	bool any = false, expect = false;
	unsigned int i;

	for_each_spot(i, first, end)
		expect |= !!entry[i];
	spin_lock(&vm.mmu_lock);
	any = stage2_unmap(&vm, first, end);
	stale = any;
	if (any)
		vm_flush(&vm);
	stage2_unlock(&vm, true);
	ck_assert(any || !expect);
	for (i = 0; i < SPOTS; i++) {
		bool in = frame(i) >= first && frame(i) < end;
		u64 now = walk(frame(i));

		must(!in || !now, "frame %llx is still there",
			      (unsigned long long)frame(i));
		if (entry[i] && !now && !in)
			must((frame(i) ^ first) < LARGE ||
				      (frame(i) ^ (end - 1)) < LARGE,
				      "frame %llx went with others",
				      (unsigned long long)frame(i));
		entry[i] = now ? entry[i] : 0;
	}
}

/* As a slot's removal does: all of one of the root's entries goes. */
static void clear_top(void)
{
	gfn_t first = round_down(frame(roll(SPOTS)), STAGE2_TOP);
	unsigned int i;

	stale = true;
	stage2_clear_top(&vm, first);
	must(!arch_stage2_present(vm.stage2.root[first / STAGE2_TOP]),
	     "the root's entry is still there");
	for_each_spot(i, first, first + STAGE2_TOP)
		entry[i] = 0;
	stale = false;
}

static void age(void)
{
	gfn_t first = frame(roll(SPOTS)), end = min_end(first + 1 + roll(LARGE));
	bool clear = roll(2), expect = false, got;
	unsigned int i;

	for_each_spot(i, first, end)
		expect |= arch_stage2_test_young(walk(frame(i)));
	spin_lock(&vm.mmu_lock);
	got = stage2_age(&vm, first, end, clear);
	spin_unlock(&vm.mmu_lock);
	ck_assert(got || !expect);
	for_each_spot(i, first, end)
		must(!clear || !arch_stage2_test_young(walk(frame(i))),
		     "spot %u is young still", i);
}

START_TEST(table_like_the_model)
{
	struct table_pool pool = {};
	unsigned int n, i, there = 0;

	dice += _i;	/* four sequences */
	memset(entry, 0, sizeof(entry));
	begin();
	for (n = 0; n < 2000; n++) {
		switch (roll(8)) {
		case 0:
			unmap();
			break;
		case 1:
			age();
			break;
		case 2:
			if (!roll(8))
				clear_top();
			break;
		default:
			map(&pool);
		}
		for (i = 0; i < SPOTS; i++) {
			u64 now = walk(frame(i));

			must((now & ~MODEL_YOUNG) ==
				      (entry[i] & ~MODEL_YOUNG),
				      "frame %llx: %llx, not %llx",
				      (unsigned long long)frame(i),
				      (unsigned long long)now,
				      (unsigned long long)entry[i]);
			there += !!now;
		}
	}
	ck_assert_int_gt(there, 100000);
	stage2_empty_pool(&pool);
	end();
}
END_TEST

/* Room for tables may run out, and what had been found is not lost. */
START_TEST(pool_fails)
{
	struct table_pool pool = {};

	begin();
	fail_next = true;
	ck_assert_int_eq(stage2_fill_pool(&pool), -ENOMEM);
	fail_next = false;
	ck_assert_int_eq(stage2_fill_pool(&pool), 0);
	ck_assert_int_eq(pool.n, STAGE2_LEVELS - 1);
	stage2_empty_pool(&pool);
	end();
}
END_TEST

/* Only a thread of the address space may map, or take a slot's table away. */
START_TEST(only_inside)
{
	struct table_pool pool = {};

	begin();
	ck_assert_int_eq(stage2_fill_pool(&pool), 0);
	self.mm = NULL;
	may_warn = 2;
	spin_lock(&vm.mmu_lock);
	stage2_map(&vm, 1, 1, 1, true, &pool);
	stage2_unmap(&vm, 0, 1);
	stage2_age(&vm, 0, 1, true);
	spin_unlock(&vm.mmu_lock);
	ck_assert_int_eq(warnings, 1);
	stage2_clear_top(&vm, 0);
	ck_assert_int_eq(warnings, 2);
	stage2_empty_pool(&pool);
	end();
}
END_TEST

/* The host asks about a machine that has no table any more. */
START_TEST(no_table)
{
	begin();
	stage2_free(&vm);
	spin_lock(&vm.mmu_lock);
	ck_assert(!stage2_unmap(&vm, 0, STAGE2_SIZE >> PAGE_SHIFT));
	ck_assert(!stage2_age(&vm, 0, STAGE2_SIZE >> PAGE_SHIFT, true));
	spin_unlock(&vm.mmu_lock);
	stage2_free(&vm);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("Slots and tables");
	TCase *t = tcase_create("core");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, slot_rules);
	tcase_add_test(t, slots_like_the_model);
	tcase_add_loop_test(t, table_like_the_model, 0, 4);
	tcase_add_test(t, pool_fails);
	tcase_add_test(t, only_inside);
	tcase_add_test(t, no_table);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
