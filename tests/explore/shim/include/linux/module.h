/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MODULE_H
#define SHIM_MODULE_H

#include <linux/kernel.h>
#include <linux/slab.h>

/* Each object is compiled with -DTWILL_MODULE=the module that it is in. */
struct module {
	const char *name;
	int refs;
	bool live;
	unsigned long last_get;
};

extern struct module module_twill, module_twill_vfio, module_litmus;
extern struct module module_box;	/* of litmus programs: its code is in box_text */
#define SHIM_PASTE(a, b)	a##b
#define SHIM_MODULE(m)		SHIM_PASTE(module_, m)
#define THIS_MODULE		(&SHIM_MODULE(TWILL_MODULE))

struct shim_module_entry {
	struct module *module;
	int (*init)(void);
	void (*exit)(void);
};

struct shim_export {
	const char *name;
	void *address;
	struct module *module;
};

#define SHIM_LISTED(section_, type, name, ...)				\
	static const struct type name = { __VA_ARGS__ };		\
	__attribute__((used, section(#section_)))			\
	static const struct type *const name##at_ = &name
#define module_init(fn)	SHIM_LISTED(twill_modules, shim_module_entry,	\
				    shim_init_, THIS_MODULE, fn, NULL)
#define module_exit(fn)	SHIM_LISTED(twill_modules, shim_module_entry,	\
				    shim_exit_, THIS_MODULE, NULL, fn)
#define EXPORT_SYMBOL_GPL(s)	SHIM_LISTED(twill_exports, shim_export,	\
				    shim_export_##s, #s, (void *)s, THIS_MODULE)
#define EXPORT_SYMBOL(s)	EXPORT_SYMBOL_GPL(s)
#define MODULE_LICENSE(s)	_Static_assert(1, "")
#define MODULE_DESCRIPTION(s)	_Static_assert(1, "")
#define MODULE_AUTHOR(s)	_Static_assert(1, "")
#define MODULE_ALIAS(s)		_Static_assert(1, "")
#define MODULE_ALIAS_MISCDEV(s)	_Static_assert(1, "")
#define MODULE_SOFTDEP(s)	_Static_assert(1, "")

bool try_module_get(struct module *m);
void __module_get(struct module *m);
void module_put(struct module *m);
void *__symbol_get(const char *name);
void __symbol_put(const char *name);
#define symbol_get(s)	((typeof(&s))__symbol_get(#s))
#define symbol_put(s)	__symbol_put(#s)
#define symbol_request(s)	symbol_get(s)

#endif
