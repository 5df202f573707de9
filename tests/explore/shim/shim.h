/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the shim know of one another. */
#ifndef SHIM_H
#define SHIM_H

#include "detectors/detectors.h"

/* sync.c */
void may_sleep(const char *what, unsigned long pc);
bool is_gone(const void *p);

/* sleep.c */
void sleep_reset(void);

/* rcu.c */
void wait_reset(void);
bool have_callback(void);
bool no_callbacks(void);
void run_callback(void);

/* work.c */
const void *work_of(const struct task *t);
const void *queue_of(const struct task *t);
void work_reset(void);
void queue_delayed_fput(void);
bool workers_idle(void);

/* guest_cpu.c */
void cpu_reset(void);
void need_irqs(void);
bool irq_idle(void);

/* modules.c */
struct module;
void modules_reset(void);
void load_modules(void);
void unload_modules(void);
void check_modules(void);
void check_text(void *fn);
void check_work_text(void *fn, const void *work, const void *queue);
void is_in_text(unsigned long pc);
void module_waits(const void *what);
void rehearse_exits(void);
bool get_module(struct module *m, unsigned long pc);
void put_module(struct module *m, unsigned long pc);

/* files.c */
void kernel_reset(void);
void check_files(void);
void check_nodes(void);
void run_task_works(void);
void delayed_fput(void);

/* late.c: writes that others do not see yet */
void late_setup(void *at);
void late_flush_all(void);
void *late_access(void *p, size_t size, bool write, bool once);

/* slab.c */
void *allocate(size_t size, size_t align, unsigned int flags, const char *name,
	       unsigned long pc);

/* process.c */
void check_mm(void);
void enter_process(void);
void leave_process(unsigned long pc);
void live_elsewhere(int id);

/* mm.c */
void mm_reset(void);
int unmap_memory(void *p, size_t size);
int mmap_class(void);

#endif
