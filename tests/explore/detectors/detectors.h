/* SPDX-License-Identifier: GPL-2.0-only */
/* What the detectors are to the shim, and to one another. */
#ifndef DETECTORS_H
#define DETECTORS_H

#include "engine/engine.h"

/* memory.c */
struct object {
	uintptr_t start;
	size_t size;
	const char *name;
	bool live;
	bool init;			/* allocated by a module's init */
	unsigned int tag;
	unsigned long pc;
};

struct lifetime {			/* while recording */
	struct stack born, freed;
};

#define ARENA_AT	0x100000000000UL
#define ARENA_SIZE	(32UL << 20)
#define MAX_OBJECTS	4096
extern uint32_t *shadow, generation;
extern struct object objects[];
extern struct lifetime lifetimes[];

static inline struct stack *born(const struct object *o)
{
	return &lifetimes[o - objects].born;
}

static inline struct stack *freed(const struct object *o)
{
	return &lifetimes[o - objects].freed;
}

/* What was last allocated there, in this execution. */
static inline struct object *arena_object(uintptr_t addr)
{
	uint32_t tag;

	if (addr - ARENA_AT >= ARENA_SIZE)
		return NULL;
	tag = shadow[(addr - ARENA_AT) / 8];
	return tag >> 12 == generation ? &objects[tag & 0xfff] : NULL;
}

void memory_setup(void);
void memory_reset(void);
void *arena_alloc(size_t size, size_t align, const char *name,
		  unsigned long pc);
void arena_free(const void *p, unsigned long pc);
void arena_rewind(uintptr_t to);
struct object *check_place(uintptr_t addr, size_t size, bool write,
			   unsigned long pc);
extern uintptr_t data_start, data_size;

static inline bool in_data(uintptr_t addr, size_t size)
{
	return addr - data_start < data_size &&
	       size <= data_size - (addr - data_start);
}

/* What lies there, if it is an allocation; an access outside of all fails. */
static inline struct object *check_access(uintptr_t addr, size_t size,
					  bool write, unsigned long pc)
{
	struct object *o = arena_object(addr);

	if (o && o->live && addr + size <= o->start + o->size)
		return o;
	if (in_data(addr, size))
		return NULL;
	return check_place(addr, size, write, pc);
}

void marked_access(const void *p, size_t size, bool write, unsigned long pc);
unsigned int state_hash(void);
void blame(unsigned long pc, const struct stack *s);
void check_leaks(bool with_init);
void mark_init_objects(void);
const char *plain_name(const char *expr);
/* The grader's: may what lies there, on a stack, be read or written? */
extern bool (*stack_guard)(uintptr_t addr, size_t size, bool write);

/* race.c */
extern bool racing;
void race_setup(void);
void race_reset(void);
void race_start(void);
void race_join(void);
void acquire(const void *at);
void release(const void *at);
void relaxed(const void *at, bool write);
void fence(bool before, bool after);
void race_access(struct object *o, uintptr_t addr, size_t size, bool write,
		 bool marked, unsigned long pc);
void race_free(struct object *o, unsigned long pc);
void race_birth(struct object *o);
/* An access of the shim's, part of the visible operation: it does not race. */
void use(const void *p, size_t size, enum mode mode, unsigned long pc);

/* lock_order.c */
/* For whoever unites what several searches of one program have learnt. */
struct lock_edge {
	const void *from, *to;		/* by which the classes are known */
	const char *from_name, *to_name;
	char task;
	char text[128];
	const struct stack *stack;
};

bool nth_edge(int n, struct lock_edge *to);
void order_begin(void);
int class_of(const void *key, int sub, const char *name);
int class_of_sub(int class, int sub);
int pseudo_class(const void *key, const char *name);
const char *class_name(int class);
void learn_order(int class, const char *op, unsigned long pc);
void wait_order(int class, const char *op, unsigned long pc);
void begin_anew(const void *what);
void completes(const void *what, int class, unsigned long pc);
struct held *new_held(const void *lock, int class, unsigned long pc);
int held_at(const void *lock);
void drop_held(int i);
void check_held(uintptr_t start, struct object *o, unsigned long pc);
struct held *hold_pseudo(const void *what, int class, unsigned long pc);
void drop_pseudo(const void *what);
void hand_back(const void *what, int class);
void drop_loose(void);

/* What the detectors call, and the shim's files define. */
void guest_boundary(unsigned long pc);			/* guest_cpu.c */
void late_settle(uintptr_t at, size_t size);		/* late.c */

#endif
