/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SRCU_H
#define SHIM_SRCU_H

#include <linux/kernel.h>

/* By task: how deep it is inside, how often it has left. */
struct srcu_struct {
	unsigned char inside[8];
	unsigned short left[8];
	void *memory;
	const void *key;
	const char *name;
};

int shim_init_srcu(struct srcu_struct *s, const char *name, const void *key);
#define init_srcu_struct(s)	({					\
	static const char shim_key_;					\
	shim_init_srcu(s, #s, &shim_key_); })
void cleanup_srcu_struct(struct srcu_struct *s);
int shim_srcu_read_lock(struct srcu_struct *s, const char *name);
void shim_srcu_read_unlock(struct srcu_struct *s, int i, const char *name);
void shim_synchronize_srcu(struct srcu_struct *s, const char *name);
#define DEFINE_STATIC_SRCU(s)	static struct srcu_struct s
#define srcu_read_lock(s)	shim_srcu_read_lock(s, #s)
#define srcu_read_unlock(s, i)	shim_srcu_read_unlock(s, i, #s)
#define synchronize_srcu(s)	shim_synchronize_srcu(s, #s)
#define synchronize_srcu_expedited(s)	shim_synchronize_srcu(s, #s)
#define srcu_read_lock_held(s)	true
#define srcu_dereference(p, s)	READ_ONCE(p)
#define srcu_dereference_check(p, s, c)	READ_ONCE(p)
#include <linux/rcupdate.h>

#endif
