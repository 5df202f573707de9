/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_ATOMIC_H
#define SHIM_ATOMIC_H

#include <linux/kernel.h>

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	long counter;
} atomic64_t;
typedef atomic64_t atomic_long_t;

#define ATOMIC_INIT(n)	{ n }

/*
 * Stand before the operation, check the memory; the rest is one step. What
 * returns a value orders everything, what returns none orders nothing.
 */
#define shim_atomic(op, name, p, size, how)				\
	shim_marked(op, &(name)[*(name) == '&'], p, size, how)
#define SHIM_RELAXED	SHIM_WRITES

#define SHIM_RMW(op, v, expr) ({					\
	typeof(v) v_ = (v);						\
	shim_atomic(op, #v, v_, sizeof(*v_), SHIM_RELAXED);	\
	typeof(v_->counter) old_ = v_->counter, new_ = (expr);		\
	v_->counter = new_;						\
	(void)old_; (void)new_; })
#define SHIM_RMW_NEW(op, v, expr) ({					\
	typeof(v) v_ = (v);						\
	shim_atomic(op, #v, v_, sizeof(*v_), SHIM_FULL);		\
	typeof(v_->counter) old_ = v_->counter; v_->counter = (expr); })
#define SHIM_RMW_OLD(op, v, expr) ({					\
	typeof(v) v_ = (v);						\
	shim_atomic(op, #v, v_, sizeof(*v_), SHIM_FULL);		\
	typeof(v_->counter) old_ = v_->counter; v_->counter = (expr); old_; })

#define atomic_set(v, n)	SHIM_RMW("atomic_set", v, n)
#define atomic_read(v) ({						\
	typeof(v) v_ = (v);						\
	shim_atomic("atomic_read", #v, v_, sizeof(*v_), SHIM_READS);	\
	v_->counter; })
#define atomic_inc(v)		SHIM_RMW("atomic_inc", v, old_ + 1)
#define atomic_dec(v)		SHIM_RMW("atomic_dec", v, old_ - 1)
#define atomic_add(n, v)	SHIM_RMW("atomic_add", v, old_ + (n))
#define atomic_sub(n, v)	SHIM_RMW("atomic_sub", v, old_ - (n))
#define atomic_inc_return(v)	SHIM_RMW_NEW("atomic_inc_return", v, old_ + 1)
#define atomic_dec_return(v)	SHIM_RMW_NEW("atomic_dec_return", v, old_ - 1)
#define atomic_add_return(n, v)	SHIM_RMW_NEW("atomic_add_return", v, old_ + (n))
#define atomic_fetch_add(n, v)	SHIM_RMW_OLD("atomic_fetch_add", v, old_ + (n))
#define atomic_sub_return(n, v)	SHIM_RMW_NEW("atomic_sub_return", v, old_ - (n))
#define atomic_fetch_sub(n, v)	SHIM_RMW_OLD("atomic_fetch_sub", v, old_ - (n))
#define atomic_fetch_dec(v)	SHIM_RMW_OLD("atomic_fetch_dec", v, old_ - 1)
#define atomic_fetch_or(n, v)	SHIM_RMW_OLD("atomic_fetch_or", v, old_ | (n))
#define atomic_fetch_and(n, v)	SHIM_RMW_OLD("atomic_fetch_and", v, old_ & (n))
#define atomic_fetch_xor(n, v)	SHIM_RMW_OLD("atomic_fetch_xor", v, old_ ^ (n))
#define atomic_fetch_inc(v)	SHIM_RMW_OLD("atomic_fetch_inc", v, old_ + 1)
#define atomic_xchg(v, n)	SHIM_RMW_OLD("atomic_xchg", v, n)
#define atomic_cmpxchg(v, o, n)	\
	SHIM_RMW_OLD("atomic_cmpxchg", v, old_ == (o) ? (n) : old_)
#define atomic_add_unless(v, n, u) \
	(SHIM_RMW_OLD("atomic_add_unless", v, \
		      old_ == (u) ? old_ : old_ + (n)) != (u))
#define atomic_inc_not_zero(v)	atomic_add_unless(v, 1, 0)
#define atomic_dec_and_test(v)	(atomic_dec_return(v) == 0)
#define atomic_inc_and_test(v)	(atomic_inc_return(v) == 0)
#define atomic_sub_and_test(n, v)	(atomic_sub_return(n, v) == 0)
#define atomic_add_negative(n, v)	(atomic_add_return(n, v) < 0)
#define atomic_dec_if_positive(v) \
	(SHIM_RMW_OLD("atomic_dec_if_positive", v, \
		      old_ > 0 ? old_ - 1 : old_) - 1)

#define atomic64_set(v, n)	atomic_set(v, n)
#define atomic64_read(v)	atomic_read(v)
#define atomic64_inc(v)		atomic_inc(v)
#define atomic64_dec(v)		atomic_dec(v)
#define atomic64_add(n, v)	atomic_add(n, v)
#define atomic64_inc_return(v)	atomic_inc_return(v)
#define atomic_long_set(v, n)	atomic_set(v, n)
#define atomic_long_read(v)	atomic_read(v)
#define atomic_long_inc(v)	atomic_inc(v)
#define atomic_long_dec(v)	atomic_dec(v)
#define atomic_long_add(n, v)	atomic_add(n, v)
#define atomic_long_sub(n, v)	atomic_sub(n, v)
#define atomic_long_dec_and_test(v)	atomic_dec_and_test(v)

#define xchg(p, n) ({							\
	typeof(p) p_ = (p);						\
	shim_atomic("xchg", #p, p_, sizeof(*p_), SHIM_FULL);		\
	typeof(*p_) old_ = *p_; *p_ = (n); old_; })
#define cmpxchg(p, o, n) ({						\
	typeof(p) p_ = (p);						\
	shim_atomic("cmpxchg", #p, p_, sizeof(*p_), SHIM_FULL);		\
	typeof(*p_) old_ = *p_; if (old_ == (o)) *p_ = (n); old_; })
#define try_cmpxchg(p, o, n) ({						\
	typeof(p) q_ = (p); typeof(o) r_ = (o);				\
	typeof(*q_) was_ = cmpxchg(q_, *r_, n);				\
	bool ok_ = was_ == *r_; *r_ = was_; ok_; })
#define cmpxchg64(p, o, n)	cmpxchg(p, o, n)

#endif
