// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes that are late: a processor may keep what is only marked to itself for
 * a while, and make it visible in another order than it was written.
 *
 * When --late-writes allows it, WRITE_ONCE() leaves its value in a list. The
 * task itself reads it from there. For others it comes to memory, at the
 * latest, before whatever orders the task's writes: a barrier, a release, a
 * lock, an atomic operation. When it comes earlier need not be decided before
 * another task touches the same place; so then it is asked. In which order the
 * writes to one place come is asked when the second is made; and of one task's
 * none overtakes another.
 *
 * That is less than a processor may do. Reads are not early, and what one task
 * has seen of a third all others can see.
 */
#include <linux/compiler.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

#define MOST_LATE	64

static struct late {
	uintptr_t at;
	size_t size;
	int task;
	uint64_t value;
} *list;		/* oldest first; where the code under test may write */
int nlate;

void late_setup(void *at)
{
	list = at;
}

static bool meets(const struct late *l, uintptr_t at, size_t size)
{
	return l->at < at + size && at < l->at + l->size;
}

/* Now all can see it, if the memory is there still. */
static void arrive(int i)
{
	struct late l = list[i];
	const struct object *o = arena_object(l.at);

	memmove(&list[i], &list[i + 1], (--nlate - i) * sizeof(l));
	touch((void *)l.at, T_WRITE);
	if (!o || o->live)
		memcpy((void *)l.at, &l.value, l.size);
}

/* What is on its way to a place that TASK touches: does it come before? */
static void settle(uintptr_t at, size_t size, bool ask)
{
	bool stay = false;
	int i = 0;

	while (i < nlate) {
		if (!meets(&list[i], at, size)) {
			i++;
			continue;
		}
		touch((void *)list[i].at, T_WRITE);
		stay = stay || (ask && is_late());
		if (stay)
			i++;
		else
			arrive(i);
	}
}

/* ... and what comes before it in the same place. */
static void arrive_in_turn(int i)
{
	int j = 0;

	while (j < i)
		if (meets(&list[j], list[i].at, list[i].size)) {
			arrive(j);
			i--;
		} else {
			j++;
		}
	arrive(i);
}

void late_flush(int task)
{
	int i = 0;

	while (i < nlate)
		if (list[i].task == task) {
			arrive_in_turn(i);
			i = 0;
		} else {
			i++;
		}
}

void late_flush_all(void)
{
	while (nlate)
		arrive(0);
}

static bool mine(uintptr_t at, size_t size)
{
	int i;

	for (i = 0; i < nlate; i++)
		if (list[i].task == cur->id && meets(&list[i], at, size))
			return true;
	return false;
}

/* A plain access is ordered after what it meets, or it is a race. */
void late_settle(uintptr_t at, size_t size)
{
	settle(at, size, false);
}

/* Where in the order of what is on its way to a place it comes. */
static int turn(uintptr_t at, size_t size)
{
	int i, turn = nlate;

	for (i = nlate; i-- > 0;) {
		if (!meets(&list[i], at, size))
			continue;
		touch((void *)list[i].at, T_WRITE);
		if (list[i].task == cur->id || !is_late())
			break;
		turn = i;
	}
	return turn;
}

static void *leave(uintptr_t at, size_t size)
{
	int i = turn(at, size);

	memmove(&list[i + 1], &list[i], (nlate++ - i) * sizeof(*list));
	list[i] = (struct late){ at, size, cur->id };
	return &list[i].value;
}

/* Its own, if it is just that. */
static void *own_write(uintptr_t at, size_t size)
{
	int i = nlate;

	while (i-- > 0)
		if (list[i].task == cur->id && meets(&list[i], at, size))
			return list[i].at == at && list[i].size == size ?
			       &list[i].value : NULL;
	return NULL;
}

/* Where a marked access reads or writes; if it can be ONCE, not in memory. */
void *late_access(void *p, size_t size, bool write, bool once)
{
	uintptr_t at = (uintptr_t)p;
	void *own = once && !write ? own_write(at, size) : NULL;

	if (own)
		return own;
	if (write && once && racing && cur->id != MAIN_TASK &&
	    size <= sizeof(list->value) && nlate < MOST_LATE &&
	    (in_data(at, size) || arena_object(at)))
		return leave(at, size);
	if (mine(at, size))
		late_flush(cur->id);
	settle(at, size, true);
	return p;
}
