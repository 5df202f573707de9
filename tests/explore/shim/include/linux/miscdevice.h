/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MISCDEVICE_H
#define SHIM_MISCDEVICE_H

#include <linux/fs.h>

#define MISC_DYNAMIC_MINOR	255

struct device;
struct miscdevice {
	int minor;
	const char *name;
	const struct file_operations *fops;
	struct list_head list;
	struct device *parent;
	const char *nodename;
	umode_t mode;
};

int misc_register(struct miscdevice *m);
void misc_deregister(struct miscdevice *m);

#endif
