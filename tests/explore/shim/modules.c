// SPDX-License-Identifier: GPL-2.0-only
/* Modules: references, and code that must not run without one. */
#include <linux/module.h>
#undef min
#undef max
#include <string.h>
#include "shim/shim.h"

struct module module_twill = { .name = "twill" };
struct module module_twill_vfio = { .name = "twill_vfio" };
struct module module_litmus = { .name = "litmus", .live = true };
struct module module_box = { .name = "box", .live = true };
static struct module *const modules[] = {
	&module_twill, &module_twill_vfio, &module_litmus, &module_box,
};
#define NMODULES (sizeof(modules) / sizeof(modules[0]))

/* Where their code is; build.sh puts it there. The litmus programs' own stays. */
#define TEXT(m)	\
	extern const char __start_##m##_text[] __attribute__((weak));	\
	extern const char __stop_##m##_text[] __attribute__((weak))
TEXT(twill);
TEXT(twill_vfio);
TEXT(box);
static const struct { const char *start, *end; } texts[NMODULES] = {
	{ __start_twill_text, __stop_twill_text },
	{ __start_twill_vfio_text, __stop_twill_vfio_text },
	{ NULL, NULL },
	{ __start_box_text, __stop_box_text },
};

static struct module *module_of(unsigned long pc)
{
	size_t i;

	for (i = 0; i < NMODULES; i++)
		if (pc - (unsigned long)texts[i].start <
		    (unsigned long)(texts[i].end - texts[i].start))
			return modules[i];
	return NULL;
}

/*
 * What a module waits for before it goes: work items, queues, what is called
 * after a grace period of RCU or an SRCU. Its exit is run once without anything
 * to do, to learn that. Their code may run though nothing keeps the module: it
 * would not be gone before they are done.
 */
#define MAX_AWAITED	32

static struct { const struct module *m; const void *what; } awaited[MAX_AWAITED];
static int nawaited;
static const struct module *leaving;

void module_waits(const void *what)
{
	if (leaving && nawaited < MAX_AWAITED) {
		awaited[nawaited].m = leaving;
		awaited[nawaited++].what = what;
	}
}

static bool is_awaited(const struct module *m, const void *what)
{
	int i;

	for (i = 0; i < nawaited; i++)
		if (awaited[i].m == m && awaited[i].what == what)
			return true;
	return false;
}

/* A function is called from outside, or has returned: it must still be there. */
void check_text(void *fn)
{
	struct module *m = module_of((unsigned long)fn);
	unsigned long pc = (unsigned long)fn + 1;

	if (!m)
		return;
	touch(m, T_READ);
	if (!m->live || m->refs)
		return;
	note("call", m->name, pc);
	fail("module-text", m->name, pc, NULL, NULL,
	     "%c is in module %s, which nothing keeps loaded", cur->letter,
	     m->name);
}

/* ... of a work item: it, or its queue, may be waited for. */
void check_work_text(void *fn, const void *work, const void *queue)
{
	struct module *m = module_of((unsigned long)fn);

	if (!m || !(is_awaited(m, work) || is_awaited(m, queue)))
		check_text(fn);
}

/* The last thing that a worker does there: is it before the last put, or after? */
void is_in_text(unsigned long pc)
{
	struct module *m = module_of(pc);

	if (m)
		touch(m, T_READ);
}

/* Its last reference is gone: rmmod may come, and nobody may be in it. */
static void check_frames(struct module *m, unsigned long pc)
{
	char title[20];
	struct stack at_t;
	int i, j;

	for (i = 0; i < NR_TASKS; i++) {
		struct task *t = &tasks[i];
		unsigned long at = t == cur ? pc : t->arg_pc;

		if (!t->alive || is_awaited(m, work_of(t)) ||
		    is_awaited(m, queue_of(t)))
			continue;
		for (j = t->depth; module_of(at) != m && j-- > 0;)
			at = t->frames[j];
		if (module_of(at) != m)
			continue;
		take_stack(&at_t, t, at);
		snprintf(title, sizeof(title), "where %c is", t->letter);
		fail("module-text", m->name, at, t == cur ? NULL : &at_t, title,
		     "%c puts the last reference of module %s while %c is in it",
		     cur->letter, m->name, t->letter);
	}
}

extern const struct shim_module_entry *const __start_twill_modules[] __attribute__((weak));
extern const struct shim_module_entry *const __stop_twill_modules[] __attribute__((weak));
extern const struct shim_export *const __start_twill_exports[] __attribute__((weak));
extern const struct shim_export *const __stop_twill_exports[] __attribute__((weak));

bool get_module(struct module *m, unsigned long pc)
{
	if (!m)
		return true;
	visible("try_module_get", m->name, pc, NULL, NULL);
	touch(m, T_WRITE);
	if (!m->live)
		return false;
	m->refs++;
	m->last_get = pc;
	return true;
}

bool try_module_get(struct module *m)
{
	return get_module(m, HERE);
}

void __module_get(struct module *m)
{
	visible("__module_get", m->name, HERE, NULL, NULL);
	touch(m, T_WRITE);
	m->refs++;
	m->last_get = HERE;
}

void put_module(struct module *m, unsigned long pc)
{
	if (!m)
		return;
	visible("module_put", m->name, pc, NULL, NULL);
	touch(m, T_WRITE);
	if (!m->refs)
		fail("refcount", m->name, pc, NULL, NULL,
		     "module_put of %s, which has no references", m->name);
	if (!--m->refs && m->live)
		check_frames(m, pc);
}

void module_put(struct module *m)
{
	put_module(m, HERE);
}

static const struct shim_export *find_export(const char *name)
{
	const struct shim_export *const *e;

	for (e = __start_twill_exports; e < __stop_twill_exports; e++)
		if (!strcmp((*e)->name, name))
			return *e;
	return NULL;
}

void *__symbol_get(const char *name)
{
	const struct shim_export *e = find_export(name);

	visible("symbol_get", name, HERE, NULL, NULL);
	if (!e || !e->module->live)
		return NULL;
	touch(e->module, T_WRITE);
	e->module->refs++;
	e->module->last_get = HERE;
	return e->address;
}

void __symbol_put(const char *name)
{
	const struct shim_export *e = find_export(name);

	put_module(e ? e->module : NULL, HERE);
}

static void each_entry(struct module *m, bool init)
{
	const struct shim_module_entry *const *at, *e;
	int r;

	for (at = __start_twill_modules; at < __stop_twill_modules; at++) {
		e = *at;
		if (e->module != m)
			continue;
		if (init && e->init && (r = e->init()))
			die("module %s: init returned %d", m->name, r);
		if (!init && e->exit)
			e->exit();
	}
}

void load_modules(void)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		each_entry(modules[i], true);
		modules[i]->live = true;
	}
}

void rehearse_exits(void)
{
	size_t i;

	nawaited = 0;
	load_modules();
	for (i = 2; i-- > 0;) {
		modules[i]->live = false;
		leaving = modules[i];
		each_entry(modules[i], false);
		leaving = NULL;
	}
}

void unload_modules(void)
{
	size_t i;

	for (i = 2; i-- > 0;) {
		modules[i]->live = false;
		each_entry(modules[i], false);
	}
}

void check_modules(void)
{
	size_t i;

	for (i = 0; i < NMODULES; i++) {
		struct module *m = modules[i];

		if (!m->refs)
			continue;
		blame(m->last_get, NULL);
		fail("leak", m->name, m->last_get, NULL, NULL,
		     "module %s still has %d reference%s; it cannot be unloaded",
		     m->name, m->refs, m->refs > 1 ? "s" : "");
	}
}

void modules_reset(void)
{
	size_t i;

	for (i = 0; i < NMODULES; i++) {
		modules[i]->refs = 0;
		modules[i]->live = i >= 2;
	}
}
