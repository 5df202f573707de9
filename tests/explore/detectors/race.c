// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data races, and frees that nothing orders after the last use.
 *
 * Each task counts its own time, and knows how far it is after the others:
 * a vector clock. A lock, a count, a queued work item carries the clock of
 * who released it to who acquires it. Two accesses to one place race when at
 * least one writes, at least one is not marked, and neither task knew of the
 * other's. That is a fact about all orders of these accesses, not only about
 * the one that was run.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include "detectors/detectors.h"

#define NLOCS		(1 << 12)
#define NRECORDS	(1 << 13)
#define DATA_CELLS	(1 << 14)
#define ARENA_CELLS	(ARENA_SIZE / 8)
#define STACK_CELLS	((stacks_end - stacks_start) / 8)
#define MAX_LOG		(1 << 18)

/* What is known of some bytes of an aligned eight. */
struct record {
	uint32_t tag;			/* of which life of which object */
	uint8_t mask;
	uint8_t writer, marked_writer;
	uint8_t unused;
	uint16_t written, marked_written;
	uint32_t next;			/* other bytes of the same eight */
	clocks_t reads, marked_reads;
};

/*
 * What is known of an object: apart of each cell that was touched by itself,
 * together of the rest. So to look at all of a table, of which a few entries
 * were ever used, costs no more than these.
 */
static struct body {
	struct record rest;
	uintptr_t low, high;		/* no cell outside was touched */
	uint8_t born_by;
	uint16_t born_at;
	clocks_t last;			/* when each task last touched it */
} bodies[MAX_OBJECTS];

struct loc {
	uintptr_t at;
	uint32_t run;
	clocks_t clock;
};

extern char __start_twill_data[], __stop_twill_data[];

bool racing;
static uint32_t run = 1;
static clocks_t now[NR_TASKS], fenced[NR_TASKS], seen[NR_TASKS];
static struct loc locs[NLOCS];
static struct record *cells, data_cells[DATA_CELLS], more[NRECORDS];
static struct record *stack_cells;	/* the grader's, if any */
static int nmore;

/* While recording: every access, for the stack of the other side. */
static struct access {
	uintptr_t at;
	size_t size;
	int task;
	bool write;
	struct stack stack;
} *log_;
static int nlog;

static inline bool any_after(clocks_t a, clocks_t b)
{
	typedef uint64_t half_t __attribute__((vector_size(16)));
	half_t m = (half_t)(a > b);

	return m[0] | m[1];
}

static struct record *make_cells(size_t n)
{
	void *p = mmap(NULL, n * sizeof(*cells), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("no room for the race detector");
	return p;
}

void race_setup(void)
{
	cells = make_cells(ARENA_CELLS);
	if (stack_guard)
		stack_cells = make_cells(STACK_CELLS);
	if ((size_t)(__stop_twill_data - __start_twill_data) > DATA_CELLS * 8)
		die("too much static data");
}

void race_reset(void)
{
	run++;
	racing = false;
	nmore = 1;
	nlog = 0;
	memset(now, 0, sizeof(now));
}

void race_start(void)
{
	int i;

	if (racing)
		return;
	racing = true;
	for (i = 0; i < NR_TASKS; i++)
		if (!now[i][i]++)
			fenced[i] = seen[i] = (clocks_t){};
}

/* A task begins where main is; main goes on where they have all ended. */
void race_spawn(int id)
{
	race_start();
	now[id] = join_clocks(now[id], now[MAIN_TASK]);
	now[MAIN_TASK][MAIN_TASK]++;
}

void race_join(void)
{
	int i;

	for (i = 0; i < NR_TASKS; i++)
		now[MAIN_TASK] = join_clocks(now[MAIN_TASK], now[i]);
	racing = false;
}

static struct loc *loc(const void *at, bool make)
{
	unsigned int i = (uintptr_t)at * 0x9e3779b97f4a7c15UL >> 52;
	int tries = 0;

	while (locs[i].run == run && locs[i].at != (uintptr_t)at) {
		i = (i + 1) % NLOCS;
		if (++tries == NLOCS)
			die("too many things to synchronize by");
	}
	if (locs[i].run != run) {
		if (!make)
			return NULL;
		locs[i].run = run;
		locs[i].at = (uintptr_t)at;
		locs[i].clock = (clocks_t){};
	}
	return &locs[i];
}

void acquire(const void *at)
{
	struct loc *l = racing ? loc(at, false) : NULL;

	if (l)
		now[cur->id] = join_clocks(now[cur->id], l->clock);
}

void release(const void *at)
{
	struct loc *l = racing ? loc(at, true) : NULL;

	if (!l)
		return;
	l->clock = join_clocks(l->clock, now[cur->id]);
	now[cur->id][cur->id]++;
}

/* A marked access orders nothing, unless there is a fence on its way. */
void relaxed(const void *at, bool write)
{
	struct loc *l;

	if (!racing || !(l = loc(at, write)))
		return;
	if (write)
		l->clock = join_clocks(l->clock, fenced[cur->id]);
	else
		seen[cur->id] = join_clocks(seen[cur->id], l->clock);
}

void fence(bool before, bool after)
{
	int i;

	if (!racing)
		return;
	i = cur->id;
	if (after)
		now[i] = join_clocks(now[i], seen[i]);
	if (before) {
		fenced[i] = now[i];
		now[i][i]++;
	}
}

static struct body *body(const struct object *o)
{
	return &bodies[o->tag % MAX_OBJECTS];
}

/* An allocation wrote all of the object: that may be the last that did. */
static bool is_birth(const struct record *r, const struct object *o, int who)
{
	return o && body(o)->born_by == who && r->writer == who &&
	       r->written == body(o)->born_at;
}

static const struct stack *stack_of(uintptr_t at, size_t size, int task,
				    bool write)
{
	int i;

	for (i = nlog; i-- > 0;)
		if (log_[i].task == task && (log_[i].write || !write) &&
		    log_[i].at < at + size && at < log_[i].at + log_[i].size)
			return &log_[i].stack;
	return NULL;
}

static void race(struct object *o, uintptr_t at, size_t size, bool write,
		 bool marked, int other, bool other_writes, bool birth,
		 unsigned long pc)
{
	char title[80], name[40], where[40] = "";

	if (!soft_fatal) {
		contest(at, size);
		soft_finding("data-race", pc);
		return;
	}
	if (!recording)
		return;
	snprintf(title, sizeof(title), "%s by %c", birth ? "allocated" :
		 other_writes ? "written" : "read", tasks[other].letter);
	/* Static data has a symbol; the report looks it up. */
	if (o)
		snprintf(name, sizeof(name), "%s", o->name);
	else if (at - stacks_start < stacks_end - stacks_start)
		snprintf(name, sizeof(name), "a task's stack");
	else
		snprintf(name, sizeof(name), "@%lx", (long)at);
	if (o) {
		snprintf(where, sizeof(where), " at offset %zu", at - o->start);
		at_place(o->size, at - o->start);
	}
	note(write ? "write" : "read", o ? name : NULL, pc);
	fail("data-race", name, pc, birth ? born(o) :
	     stack_of(at, size, other, other_writes),
	     title, "%s%s of %zu bytes%s by %c; nothing orders it after the %s by %c",
	     marked ? "marked " : "", write ? "write" : "read", size, where,
	     cur->letter, birth ? "allocation" : other_writes ? "write" : "read",
	     tasks[other].letter);
}

static int first_after(clocks_t a, clocks_t b)
{
	int i;

	for (i = 0; a[i] <= b[i]; i++)
		;
	return i;
}

/* Whoever was there before is known to have been. */
static inline bool ordered(const struct record *r, bool write, bool marked)
{
	const clocks_t *t = &now[cur->id];

	return r->written <= (*t)[r->writer] &&
	       (marked || r->marked_written <= (*t)[r->marked_writer]) &&
	       (!write || (!any_after(r->reads, *t) &&
			   (marked || !any_after(r->marked_reads, *t))));
}

static __attribute__((noinline))
void conflict(struct record *r, struct object *o, uintptr_t at, size_t size,
	      bool write, bool marked, unsigned long pc)
{
	clocks_t t = now[cur->id];
	bool writes = true;
	int who;

	if (r->written > t[r->writer])
		who = r->writer;
	else if (!marked && r->marked_written > t[r->marked_writer])
		who = r->marked_writer;
	else {
		writes = false;
		who = any_after(r->reads, t) ? first_after(r->reads, t) :
					       first_after(r->marked_reads, t);
	}
	race(o, at, size, write, marked, who, writes,
	     writes && is_birth(r, o, who), pc);
}

static void start_record(struct record *r, struct object *o, uint32_t tag,
			 uint8_t mask)
{
	*r = o ? body(o)->rest : (struct record){};
	r->tag = tag;
	r->mask = mask;
}

static inline void set_apart(struct body *b, uintptr_t at)
{
	b->low = MIN(b->low, at & ~7UL);
	b->high = MAX(b->high, at + 1);
}

static inline void note_write(struct record *r)
{
	r->writer = cur->id;
	r->written = now[cur->id][cur->id];
}

static void access_cell(struct record *r, struct object *o, uintptr_t at,
			size_t size, uint8_t mask, bool write, bool marked,
			unsigned long pc)
{
	uint32_t tag = o ? o->tag : run;
	struct record *mine = NULL;
	uint16_t t = now[cur->id][cur->id];

	if (r->tag != tag) {
		start_record(r, o, tag, mask);
		if (o)
			set_apart(body(o), at);
	}
	for (;; r = &more[r->next]) {
		if ((r->mask & mask) && !ordered(r, write, marked)) {
			conflict(r, o, at, size, write, marked, pc);
			return;
		}
		if (r->mask == mask)
			mine = r;
		if (!r->next)
			break;
	}
	if (!mine) {
		if (nmore == NRECORDS)
			return;
		r->next = nmore;
		mine = &more[nmore++];
		start_record(mine, o, tag, mask);
		if (!ordered(mine, write, marked)) {
			conflict(mine, o, at, size, write, marked, pc);
			return;
		}
	}
	if (write && marked) {
		mine->marked_writer = cur->id;
		mine->marked_written = t;
	} else if (write) {
		note_write(mine);
	} else if (marked) {
		mine->marked_reads[cur->id] = t;
	} else {
		mine->reads[cur->id] = t;
	}
}

static void log_access(uintptr_t at, size_t size, bool write, unsigned long pc)
{
	struct access *a;

	if (!log_)
		log_ = malloc(MAX_LOG * sizeof(*log_));
	if (!log_ || nlog == MAX_LOG)
		return;
	a = &log_[nlog++];
	a->at = at;
	a->size = size;
	a->task = cur->id;
	a->write = write;
	take_stack(&a->stack, cur, pc);
}

static inline struct record *cell(uintptr_t at)
{
	return &cells[(at - ARENA_AT) / 8];
}

static inline void access_part(struct record *r, struct object *o, uintptr_t at,
			       uintptr_t addr, size_t size, bool write,
			       bool marked, unsigned long pc)
{
	uintptr_t end = addr + size;
	uint8_t mask = 0xff;

	if (at < addr)
		mask &= 0xff << (addr - at);
	if (at + 8 > end)
		mask &= 0xff >> (at + 8 - end);
	if (r->tag != (o ? o->tag : run) || r->mask != mask ||
	    r->next || marked || !ordered(r, write, false))
		access_cell(r, o, at < addr ? addr : at, size, mask, write,
			    marked, pc);
	else if (write)
		note_write(r);
	else
		r->reads[cur->id] = now[cur->id][cur->id];
}

/* Was each cell from there to there touched by itself? */
static bool all_apart(const struct object *o, uintptr_t from, uintptr_t to)
{
	while (from < to && cell(from)->tag == o->tag)
		from += 8;
	return from >= to;
}

/* It touches all of the rest, and what it leaves out is known apart. */
static bool is_of_rest(const struct object *o, uintptr_t addr, size_t size)
{
	return size > 64 && !(addr & 7) && all_apart(o, o->start, addr) &&
	       all_apart(o, (addr + size) & ~7UL, o->start + o->size);
}

/* More than one cell, perhaps. */
static __attribute__((noinline))
void access_many(struct record *r, struct object *o, uintptr_t addr,
		 size_t size, bool write, bool marked, unsigned long pc)
{
	uintptr_t at = addr & ~7UL, end = addr + size;

	if (o && is_of_rest(o, addr, size)) {
		struct body *b = body(o);

		access_part(&b->rest, o, addr, addr, size, write, marked, pc);
		for (at = MAX(at, b->low); at < MIN(end, b->high); at += 8)
			if (cell(at)->tag == o->tag)
				access_part(cell(at), o, at, addr, size, write,
					    marked, pc);
		return;
	}
	for (; at < end; at += 8, r++)
		access_part(r, o, at, addr, size, write, marked, pc);
}

/* O is what lies at ADDR; without it, it is static data, or nobody's. */
void race_access(struct object *o, uintptr_t addr, size_t size, bool write,
		 bool marked, unsigned long pc)
{
	struct record *r;

	if (!racing || !(cur->kernel || running->bare))
		return;
	if (o)
		body(o)->last[cur->id] = now[cur->id][cur->id];
	if (cur->quiet) {		/* data_race(): a use all the same */
		if (recording)
			log_access(addr, size, write, pc);
		return;
	}
	if (o)
		r = cell(addr);
	else if (in_data(addr, size))
		r = &data_cells[addr / 8 - data_start / 8];
	else if (stack_cells && running->guest &&
		 addr - stacks_start < stacks_end - stacks_start)
		r = &stack_cells[(addr - stacks_start) / 8];
	else
		return;
	if (recording)
		log_access(addr, size, write, pc);
	if ((addr & 7) + size <= 8)
		access_part(r, o, addr & ~7UL, addr, size, write, marked, pc);
	else
		access_many(r, o, addr, size, write, marked, pc);
}

void race_birth(struct object *o)
{
	struct body *b = body(o);

	b->born_by = cur->id;
	b->born_at = racing ? now[cur->id][cur->id] : 0;
	b->rest = (struct record){ .mask = 0xff, .tag = o->tag,
		.writer = b->born_by, .written = b->born_at };
	b->low = -1;
	b->high = 0;
	b->last = (clocks_t){};
}

/* Whoever used it must have done so before, in every order. */
void race_free(struct object *o, unsigned long pc)
{
	clocks_t t = now[cur->id];
	int who;

	if (is_unbound())
		touch((void *)o->start, T_WRITE);
	if (!racing || !any_after(body(o)->last, t))
		return;
	contest(o->start, o->size);
	if (!soft_fatal) {
		soft_finding("use-after-free", pc);
		return;
	}
	if (!recording)
		return;
	who = first_after(body(o)->last, t);
	fail("use-after-free", o->name, pc,
	     stack_of(o->start, o->size, who, false), "used",
	     "%s is freed by %c; nothing orders this after its use by %c",
	     o->name, cur->letter, tasks[who].letter);
}

/* The shim's own: it does not race, but it is a use of the object. */
void use(const void *p, size_t size, enum mode mode, unsigned long pc)
{
	struct object *o = check_access((uintptr_t)p, size, mode != T_READ, pc);

	touch(p, mode);
	if (!o || !racing)
		return;
	if (is_unbound())
		touch((void *)o->start, T_READ);
	body(o)->last[cur->id] = now[cur->id][cur->id];
	if (recording)
		log_access((uintptr_t)p, size, mode != T_READ, pc);
}
