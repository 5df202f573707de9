/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_ANON_INODES_H
#define SHIM_ANON_INODES_H

#include <linux/file.h>

int anon_inode_getfd(const char *name, const struct file_operations *ops,
		     void *private, int flags);
struct file *anon_inode_getfile(const char *name,
				const struct file_operations *ops,
				void *private, int flags);

#endif
