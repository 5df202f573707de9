/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LIST_H
#define SHIM_LIST_H

#include <linux/kernel.h>

#define LIST_HEAD_INIT(l)	{ &(l), &(l) }
#define LIST_HEAD(l)		struct list_head l = LIST_HEAD_INIT(l)
#define LIST_POISON1		((void *)0x100)
#define LIST_POISON2		((void *)0x122)

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l;
	l->prev = l;
}

static inline void list_insert_(struct list_head *n, struct list_head *prev,
				struct list_head *next)
{
	next->prev = n;
	n->next = next;
	n->prev = prev;
	WRITE_ONCE(prev->next, n);
}

static inline void list_add(struct list_head *n, struct list_head *head)
{
	list_insert_(n, head, head->next);
}

static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_insert_(n, head->prev, head);
}

static inline void list_unlink_(struct list_head *e)
{
	e->next->prev = e->prev;
	WRITE_ONCE(e->prev->next, e->next);
}

static inline void list_del(struct list_head *e)
{
	list_unlink_(e);
	e->next = LIST_POISON1;
	e->prev = LIST_POISON2;
}

static inline void list_del_init(struct list_head *e)
{
	list_unlink_(e);
	INIT_LIST_HEAD(e);
}

static inline void list_move(struct list_head *e, struct list_head *head)
{
	list_unlink_(e);
	list_add(e, head);
}

static inline void list_move_tail(struct list_head *e, struct list_head *head)
{
	list_unlink_(e);
	list_add_tail(e, head);
}

static inline int list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline int list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline void list_splice_init(struct list_head *list,
				    struct list_head *head)
{
	if (list_empty(list))
		return;
	list->next->prev = head;
	list->prev->next = head->next;
	head->next->prev = list->prev;
	head->next = list->next;
	INIT_LIST_HEAD(list);
}

#define list_entry(p, type, member)	container_of(p, type, member)
#define list_first_entry(h, type, m)	list_entry((h)->next, type, m)
#define list_last_entry(h, type, m)	list_entry((h)->prev, type, m)
#define list_first_entry_or_null(h, type, m) \
	(list_empty(h) ? NULL : list_first_entry(h, type, m))
#define list_next_entry(p, m)	list_entry((p)->m.next, typeof(*(p)), m)
#define list_prev_entry(p, m)	list_entry((p)->m.prev, typeof(*(p)), m)
#define list_for_each(p, h)	for (p = (h)->next; p != (h); p = p->next)
#define list_for_each_safe(p, n, h) \
	for (p = (h)->next, n = p->next; p != (h); p = n, n = p->next)
#define list_entry_is_head(p, h, m)	(&(p)->m == (h))
#define list_for_each_entry(p, h, m)					\
	for (p = list_first_entry(h, typeof(*p), m);			\
	     !list_entry_is_head(p, h, m); p = list_next_entry(p, m))
#define list_for_each_entry_reverse(p, h, m)				\
	for (p = list_last_entry(h, typeof(*p), m);			\
	     !list_entry_is_head(p, h, m); p = list_prev_entry(p, m))
#define list_for_each_entry_safe(p, n, h, m)				\
	for (p = list_first_entry(h, typeof(*p), m),			\
	     n = list_next_entry(p, m);					\
	     !list_entry_is_head(p, h, m);				\
	     p = n, n = list_next_entry(n, m))

#endif
