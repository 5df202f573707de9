/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario: a few system calls to begin with, two or three tasks whose
 * system calls may come in any order, and a few to end with.
 *
 *	static void setup(void)		{ vm = u_ioctl(...); }
 *	static void close_vm(void)	{ u_close(vm); }
 *
 *	SCENARIO("name", "what it shows", setup, end, close_vm, ...);
 *
 * The same text runs in the explorer, where the calls go into the shim, and
 * compiled with -DON_KERNEL on a booted kernel, where they are the system's.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <linux/types.h>
#ifndef MODULE			/* a litmus program in a kernel has none of these */
#include <linux/ioctl.h>
#include <stdbool.h>
#include <stddef.h>
#endif

#ifndef EXPLORE_H
struct scenario {
	const char *name;
	const char *shows;
	bool bare;
	bool guest;
	bool apart;
	int faults;
	void (*setup)(void);
	void (*task[4])(void);
	void (*end)(void);
};
#endif

#if defined(LITMUS) || defined(GUEST)
#define SCENARIO_BARE	true
#else
#define SCENARIO_BARE	false
#endif
#ifdef GUEST			/* a guest's tasks, and its host */
#define SCENARIO_GUEST	true
#else
#define SCENARIO_GUEST	false
#endif

#define SCENARIO_PASTE(a, b)	a##b
#define SCENARIO_ID(n, line)	SCENARIO_PASTE(n, line)
#define SCENARIO(id, text, begin, finish, ...)				\
	SCENARIO_WITH(0, false, id, text, begin, finish, __VA_ARGS__)
/* ... in which up to N allocations, descriptors and the like may fail. */
#define SCENARIO_FAULTS(number, id, text, begin, finish, ...)		\
	SCENARIO_WITH(number, false, id, text, begin, finish, __VA_ARGS__)
/*
 * ... in which each task is a process of its own, and all have the same
 * descriptors. Setup's process, whose the machine is, goes on as the first.
 */
#define SCENARIO_APART(id, text, begin, finish, ...)			\
	SCENARIO_WITH(0, true, id, text, begin, finish, __VA_ARGS__)
#define SCENARIO_WITH(number, lone, id, text, begin, finish, ...)	\
	static const struct scenario SCENARIO_ID(scenario_, __LINE__) = {	\
		.name = id, .shows = text,				\
		.bare = SCENARIO_BARE, .guest = SCENARIO_GUEST,		\
		.apart = lone, .faults = number,			\
		.setup = begin, .end = finish,				\
		.task = { __VA_ARGS__ },				\
	};								\
	__attribute__((used, section("twill_scenarios")))		\
	static const struct scenario *const				\
	SCENARIO_ID(scenario_at_, __LINE__) =				\
		&SCENARIO_ID(scenario_, __LINE__)

/* System calls; -errno on failure. Opened read-write, close-on-exec. */
int u_open(const char *path);
int u_close(int fd);
long u_ioctl_(int fd, unsigned int cmd, unsigned long arg);
#define u_ioctl(fd, cmd, arg)	u_ioctl_(fd, cmd, (unsigned long)(arg))
void *u_mmap(int fd, size_t size);	/* shared; NULL on failure */
void *u_memory(size_t size);		/* anonymous memory, zeroed */
int u_munmap(void *p, size_t size);

/*
 * What a host does to a process, and its end. In the explorer; on a booted
 * kernel what booted/calls.c has of it.
 */
int u_age(void *p);
void *u_aligned_memory(size_t size);	/* where 2 MiB begin */
void u_collapse(void *p);		/* ... which are now mapped by one entry */
void u_map_anew(void *p);		/* the same, after munmap() page by page */
int u_idle(void *p);
int u_young(void *p);			/* was it used? and nothing is changed */
int u_asked(void);			/* how often for pages, so far */
void u_file(void *p, bool read_only);	/* it is a page of a file, clean */
void u_absent(void *p);			/* it must be brought first */
void u_lazy(void *p);			/* ... and waited for, by who wants it, */
void u_supply(void *p);			/* until this */
bool u_dirty(void *p);			/* the host counts it as written */
bool u_saved(void *p);			/* ... or the file has what is in it */
void u_write_back(void *p);		/* the host writes it to the file */
void u_reclaim(void *p);		/* the host takes it, and keeps a copy */
void u_reap(void *p);			/* the same, and nothing may sleep */
int u_objects(void);			/* how many the kernel has allocated */
void u_exit(void);		/* of the process whose machine it is */
void u_elsewhere(bool on);	/* this task's calls are another process's */

/* What this task saw; a litmus program's outcome is what each one has seen. */
void u_saw(long value);

/* What must hold. */
#define u_assert(cond)	((cond) ? (void)0 : u_failed(#cond))
void u_failed(const char *cond);

#endif
