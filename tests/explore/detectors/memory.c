// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of an execution, and the check of each access to it.
 *
 * All allocations come from one arena at a fixed address and are never used
 * again within an execution. A shadow of one cell for 8 bytes says which
 * object they belong to; a cell of an earlier execution has another
 * generation, so that starting anew costs nothing.
 *
 * gcc -fsanitize=thread calls __tsan_read4() and its kin before each access
 * of the code under test; they are defined here.
 */
#include <string.h>
#include <sys/mman.h>
#include <wchar.h>
#include "detectors/detectors.h"
#include "scenario.h"

#define ARENA		((char *)ARENA_AT)
#define MAX_ACCESSES	20000000L	/* in one execution */
#define REDZONE		16

extern char __start_twill_data[], __stop_twill_data[];
extern char __executable_start[], _end[];

uintptr_t data_start, data_size;
bool (*stack_guard)(uintptr_t addr, size_t size, bool write);

uint32_t *shadow;		/* generation << 12 | object */
uint32_t generation;
struct object objects[MAX_OBJECTS];
struct lifetime lifetimes[MAX_OBJECTS];
static int nobjects;
static uintptr_t next_free;
static long accesses;
static char *saved_data;

void memory_setup(void)
{
	size_t size = __stop_twill_data - __start_twill_data;

	if (mmap(ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) !=
	    ARENA)
		die("no room for the arena");
	shadow = mmap(NULL, ARENA_SIZE / 8 * sizeof(*shadow),
		      PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	saved_data = mmap(NULL, size + 1, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shadow == MAP_FAILED || saved_data == MAP_FAILED)
		die("no room for the shadow");
	memcpy(saved_data, __start_twill_data, size);
	data_start = (uintptr_t)__start_twill_data;
	data_size = size;
}

void memory_reset(void)
{
	if (++generation == 1 << 20) {
		memset(shadow, 0, ARENA_SIZE / 8 * sizeof(*shadow));
		generation = 1;
	}
	memcpy(__start_twill_data, saved_data,
	       __stop_twill_data - __start_twill_data);
	nobjects = 0;
	next_free = (uintptr_t)ARENA + 4096;
	accesses = 0;
}

void *arena_alloc(size_t size, size_t align, const char *name,
		  unsigned long pc)
{
	struct object *o;
	uint32_t tag;
	size_t i;

	if (nobjects == MAX_OBJECTS)
		die("too many objects in one execution");
	o = &objects[nobjects];
	o->start = (next_free + align - 1) & -align;
	o->size = size;
	o->name = name;
	o->live = true;
	o->init = false;
	o->pc = pc;
	born(o)->depth = freed(o)->depth = 0;
	next_free = o->start + ((size + REDZONE + 7) & ~7UL);
	if (next_free > (uintptr_t)ARENA + ARENA_SIZE)
		die("the arena is full");
	o->tag = tag = generation << 12 | nobjects++;
	race_birth(o);
	i = (o->start - (uintptr_t)ARENA) / 8;
	wmemset((wchar_t *)&shadow[i], tag, (size + 7) / 8);
	if (recording)
		take_stack(born(o), cur, pc);
	note("alloc", name, pc);
	return (void *)o->start;
}

/* The next allocation may follow at once, without a red zone. */
void arena_rewind(uintptr_t to)
{
	next_free = to;
}

void arena_free(const void *p, unsigned long pc)
{
	struct object *o = arena_object((uintptr_t)p);
	const char *name = o ? o->name : "?";

	if ((uintptr_t)p >= stacks_start && (uintptr_t)p < stacks_end)
		name = "a task's stack";
	note("free", name, pc);
	if (!o || o->start != (uintptr_t)p)
		fail("bad-free", name, pc, NULL, NULL,
		     "%p is not the start of an allocation", p);
	if (!o->live)
		fail("double-free", o->name, pc, freed(o), "first freed",
		     "freed twice");
	check_held((uintptr_t)p, o, pc);
	race_free(o, pc);
	o->live = false;
	if (recording)
		take_stack(freed(o), cur, pc);
}

static _Noreturn void bad_access(uintptr_t addr, size_t size, bool write,
				 unsigned long pc)
{
	const char *what = write ? "write" : "read";
	struct object *o = arena_object(addr);

	note(what, o ? o->name : addr < 65536 ? "NULL" : "?", pc);
	if (addr < 65536)
		fail("null-dereference", "NULL", pc, NULL, NULL,
		     "%s of %zu bytes at address %#lx", what, size, addr);
	if (o && !o->live) {
		at_place(o->size, addr - o->start);
		fail("use-after-free", o->name, pc, freed(o), "freed",
		     "%s of %zu bytes at offset %zu of %s, %zu bytes, freed",
		     what, size, addr - o->start, o->name, o->size);
	}
	if (o)
		fail("out-of-bounds", o->name, pc, born(o), "allocated",
		     "%s of %zu bytes at offset %zu of %s, which has %zu",
		     what, size, addr - o->start, o->name, o->size);
	if (addr - (uintptr_t)ARENA < ARENA_SIZE) {
		while (--addr >= (uintptr_t)ARENA &&
		       !(o = arena_object(addr)))
			;
		if (o)
			fail("out-of-bounds", o->name, pc, born(o),
			     "allocated", "%s of %zu bytes just behind %s",
			     what, size, o->name);
	}
	fail("wild-access", "?", pc, NULL, NULL, "%s of %zu bytes at %#lx",
	     what, size, addr);
}

static inline bool within(uintptr_t addr, size_t size, const void *start,
			  const void *end)
{
	return addr >= (uintptr_t)start && addr + size <= (uintptr_t)end;
}

struct object *check_place(uintptr_t addr, size_t size, bool write,
			   unsigned long pc)
{
	struct object *o;

	if (!size)
		return NULL;
	if (addr - (uintptr_t)ARENA < ARENA_SIZE) {
		o = arena_object(addr);
		if (o && o->live && addr + size <= o->start + o->size)
			return o;
		bad_access(addr, size, write, pc);
	}
	if (within(addr, size, (void *)stacks_start, (void *)stacks_end)) {
		if (!stack_guard || stack_guard(addr, size, write))
			return NULL;
		fail("wild-access", "a task's stack", pc, NULL, NULL,
		     "%s of %zu bytes where no function has a variable",
		     write ? "write" : "read", size);
	}
	if (!write && within(addr, size, __executable_start, _end))
		return NULL;
	bad_access(addr, size, write, pc);
}

void mark_init_objects(void)
{
	int i;

	for (i = 0; i < nobjects; i++)
		objects[i].init = true;
}

/* What is left at the end is the fault of an earlier moment: its stack. */
void blame(unsigned long pc, const struct stack *s)
{
	int i;

	note("end", NULL, pc);
	cur->depth = 0;
	for (i = s ? s->depth : 0; i-- > 1;)
		cur->frames[cur->depth++] = s->pc[i];
}

int u_objects(void)
{
	int i, n = 0;

	visible("count objects", NULL, HERE, NULL, NULL);
	for (i = 0; i < nobjects; i++)
		n += objects[i].live;
	return n;
}

/* The first object that nobody freed: owners are older than what they own. */
void check_leaks(bool with_init)
{
	struct object *o, *first = NULL;
	char text[200];
	int i, n = 0, len = 0;

	for (i = 0; i < nobjects; i++) {
		o = &objects[i];
		if (!o->live || (o->init && !with_init))
			continue;
		if (!first)
			first = o;
		if (n++ < 6)
			len += snprintf(text + len, sizeof(text) - len, "%s%s",
					n > 1 ? ", " : "", o->name);
		if (len >= (int)sizeof(text))
			len = sizeof(text) - 1;
	}
	if (!first)
		return;
	blame(first->pc, born(first));
	fail("leak", first->name, first->pc, NULL, NULL,
	     "%d object%s never freed: %s%s", n, n > 1 ? "s" : "", text,
	     n > 6 ? ", ..." : "");
}

/* "sizeof(struct vm)" and "sizeof(*vm)" are a vm, sizeof(*a->vm) as well. */
const char *plain_name(const char *expr)
{
	static struct { const char *expr; char name[32]; } known[256];
	static int nknown;
	const char *s, *p;
	char *out;
	int i;

	for (i = 0; i < nknown; i++)
		if (known[i].expr == expr)
			return known[i].name;
	if (nknown == 256)
		return expr;
	known[nknown].expr = expr;
	out = known[nknown].name;
	if ((s = strstr(expr, "sizeof(")))
		s += 7;
	else if ((s = strstr(expr, "struct_size(")))
		s += 12;
	else
		s = expr;
	if (!strncmp(s, "struct ", 7))
		s += 7;
	while ((p = strstr(s, "->")))
		s = p + 2;
	s += strspn(s, "*&( ");
	for (i = 0; i < 31 && s[i] && !strchr("),[ *", s[i]); i++)
		out[i] = s[i];
	out[i] = 0;
	return known[nknown++].name;
}

/* What is left in the end; addresses depend on the order, names do not. */
unsigned int state_hash(void)
{
	unsigned int h = 2166136261u;
	const uintptr_t *p;

	for (p = (void *)__start_twill_data; (char *)(p + 1) <=
	     __stop_twill_data; p++) {
		uintptr_t v = *p;
		struct object *o = arena_object(v);

		if (v - (uintptr_t)ARENA < ARENA_SIZE)
			v = o ? (uintptr_t)o->name : 1;
		h = (h ^ v ^ v >> 32) * 16777619;
		h ^= h >> 15;
	}
	return h;
}

static inline void plain(uintptr_t addr, size_t size, bool write,
			 unsigned long pc)
{
	bool on_stack = addr - stacks_start < stacks_end - stacks_start;
	struct object *o;
	bool marked;

	if (on_stack && !stack_guard)
		return;
	if (++accesses > MAX_ACCESSES)
		fail("livelock", "memory", pc, NULL, NULL,
		     "more than %ld accesses", MAX_ACCESSES);
	marked = addr == (write ? cur->marked_write : cur->marked_read);
	if (cur->guest && !marked && !on_stack)
		guest_boundary(pc);
	o = check_access(addr, size, write, pc);
	if (!racing)
		return;
	if (marked) {
		cur->marked_read = 0;
		if (write)
			cur->marked_write = 0;
		return;
	}
	if (nlate)
		late_settle(addr, size);
	race_access(o, addr, size, write, false, pc);
}

/* What gcc -fsanitize=thread calls. */
void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	if (cur->depth == MAX_FRAMES)
		fail("stack-overflow", "stack", HERE, NULL, NULL,
		     "%d functions deep", MAX_FRAMES);
	cur->frames[cur->depth++] = (unsigned long)pc;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
	if (cur->depth)
		cur->depth--;
}

#define ACCESS(name, size, write)				\
void __tsan_##name(void *p);					\
void __tsan_##name(void *p)					\
{								\
	plain((uintptr_t)p, size, write, HERE);			\
}

void marked_access(const void *p, size_t size, bool write, unsigned long pc)
{
	struct object *o = check_access((uintptr_t)p, size, write, pc);

	touch(p, write ? T_WRITE : T_READ);
	if (o && is_unbound())
		touch((void *)o->start, T_READ);
	relaxed(p, write);
	if (racing)
		race_access(o, (uintptr_t)p, size, write, true, pc);
}

/* A marked access is for others to see: they may come in between. */
#define MARKED(name, size, write)				\
void __tsan_##name(void *p);					\
void __tsan_##name(void *p)					\
{								\
	visible(write ? "write once" : "read once", NULL, HERE, NULL, NULL); \
	marked_access(p, size, write, HERE);			\
	if (nlate)						\
		late_settle((uintptr_t)p, size);		\
}

#define ALL_SIZES(M, prefix, write)				\
	M(prefix##1, 1, write) M(prefix##2, 2, write)		\
	M(prefix##4, 4, write) M(prefix##8, 8, write)		\
	M(prefix##16, 16, write)

ALL_SIZES(ACCESS, read, false)
ALL_SIZES(ACCESS, write, true)
ALL_SIZES(ACCESS, unaligned_read, false)
ALL_SIZES(ACCESS, unaligned_write, true)
ALL_SIZES(MARKED, volatile_read, false)
ALL_SIZES(MARKED, volatile_write, true)
ALL_SIZES(MARKED, unaligned_volatile_read, false)
ALL_SIZES(MARKED, unaligned_volatile_write, true)

void __tsan_read_range(void *p, size_t size);
void __tsan_read_range(void *p, size_t size)
{
	plain((uintptr_t)p, size, false, HERE);
}

void __tsan_write_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size)
{
	plain((uintptr_t)p, size, true, HERE);
}

/* The code under test calls these for memcpy() and the rest. */
void *checked_memcpy(void *to, const void *from, size_t n);
void *checked_memcpy(void *to, const void *from, size_t n)
{
	plain((uintptr_t)from, n, false, HERE);
	plain((uintptr_t)to, n, true, HERE);
	return memcpy(to, from, n);
}

void *checked_memmove(void *to, const void *from, size_t n);
void *checked_memmove(void *to, const void *from, size_t n)
{
	plain((uintptr_t)from, n, false, HERE);
	plain((uintptr_t)to, n, true, HERE);
	return memmove(to, from, n);
}

void *checked_memset(void *to, int c, size_t n);
void *checked_memset(void *to, int c, size_t n)
{
	plain((uintptr_t)to, n, true, HERE);
	return memset(to, c, n);
}

int checked_memcmp(const void *a, const void *b, size_t n);
int checked_memcmp(const void *a, const void *b, size_t n)
{
	plain((uintptr_t)a, n, false, HERE);
	plain((uintptr_t)b, n, false, HERE);
	return memcmp(a, b, n);
}

/* The first byte that is another. */
void *memchr_inv(const void *p, int c, size_t n);
void *memchr_inv(const void *p, int c, size_t n)
{
	const unsigned char *at = p;

	plain((uintptr_t)p, n, false, HERE);
	/* All are as the first, and the first is no other? */
	if (!n || (*at == (unsigned char)c && !memcmp(at, at + 1, n - 1)))
		return NULL;
	while (*at == (unsigned char)c)
		at++;
	return (void *)at;
}
