/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_RCULIST_H
#define SHIM_RCULIST_H

#include <linux/list.h>
#include <linux/rcupdate.h>

static inline void list_add_rcu(struct list_head *n, struct list_head *head)
{
	struct list_head *next = head->next;

	n->next = next;
	n->prev = head;
	rcu_assign_pointer(head->next, n);
	next->prev = n;
}

/* Who stands on it finds the way on. */
static inline void list_del_rcu(struct list_head *e)
{
	list_unlink_(e);
	e->prev = LIST_POISON2;
}

#define list_entry_rcu(p, type, member)	\
	container_of(READ_ONCE(p), type, member)
#define list_for_each_entry_srcu(p, h, m, cond)				\
	for (p = list_entry_rcu((h)->next, typeof(*p), m);		\
	     !list_entry_is_head(p, h, m);				\
	     p = list_entry_rcu((p)->m.next, typeof(*p), m))

#endif
