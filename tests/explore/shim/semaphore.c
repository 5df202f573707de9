// SPDX-License-Identifier: GPL-2.0-only
/*
 * Semaphores. One task may take what another gives back, so a semaphore has no
 * owner, and the kernel's lockdep leaves it alone. Here one that begins with 1
 * is a lock, until it is given back by another task than took it; one that
 * begins with 0 is a completion; and of others nothing is said.
 */
#include <linux/semaphore.h>
#undef min
#undef max
#include "shim/shim.h"

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

static const char *name_of(const struct semaphore *s)
{
	return plain(s->name ? s->name : "semaphore");
}

static int semaphore_class(const struct semaphore *s)
{
	return pseudo_class(s->key ? s->key : s, name_of(s));
}

void shim_sema_init(struct semaphore *s, unsigned int n, const char *name,
		    const void *key)
{
	use(s, sizeof(*s), T_WRITE, HERE);
	s->count = s->first = n;
	s->name = name;
	s->key = key;
}

static bool can_enter(void *arg)
{
	return is_gone(arg) || ((struct semaphore *)arg)->count;
}

static void take(struct semaphore *s, unsigned long pc)
{
	use(s, sizeof(*s), T_WRITE, pc);
	acquire(s);
	if (!--s->count)
		begin_anew(s);
	if (s->first == 1)
		hold_pseudo(s, semaphore_class(s), pc)->loose = true;
	watch("%u left", s->count);
}

void down(struct semaphore *s)
{
	unsigned long pc = HERE;

	may_sleep("down", pc);
	check_access((uintptr_t)s, sizeof(*s), true, pc);
	if (s->first < 2)
		wait_order(semaphore_class(s), "down", pc);
	cur->waits_for = s;
	cur->waits_since = operations;
	visible("down", name_of(s), pc, can_enter, s);
	cur->waits_for = NULL;
	take(s, pc);
}

int down_trylock(struct semaphore *s)
{
	unsigned long pc = HERE;

	check_access((uintptr_t)s, sizeof(*s), true, pc);
	visible("down_trylock", name_of(s), pc, NULL, NULL);
	if (!s->count) {
		use(s, sizeof(*s), T_READ, pc);
		return 1;
	}
	take(s, pc);
	return 0;
}

/* Its time is over whenever the scheduler says so. */
int down_timeout(struct semaphore *s, long time)
{
	unsigned long pc = HERE;

	(void)time;
	may_sleep("down_timeout", pc);
	check_access((uintptr_t)s, sizeof(*s), true, pc);
	cur->timed = true;
	visible("down_timeout", name_of(s), pc, NULL, NULL);
	cur->timed = false;
	if (!s->count) {
		use(s, sizeof(*s), T_READ, pc);
		watch("time is over");
		return -ETIME;
	}
	take(s, pc);
	return 0;
}

void up(struct semaphore *s)
{
	unsigned long pc = HERE;

	check_access((uintptr_t)s, sizeof(*s), true, pc);
	if (!s->first)
		completes(s, semaphore_class(s), pc);
	visible("up", name_of(s), pc, NULL, NULL);
	use(s, sizeof(*s), T_WRITE, pc);
	if (s->first == 1)
		hand_back(s, semaphore_class(s));
	release(s);
	s->count++;
	watch("%u left", s->count);
}
