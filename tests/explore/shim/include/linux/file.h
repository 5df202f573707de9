/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_FILE_H
#define SHIM_FILE_H

#include <linux/fs.h>

struct fd {
	struct file *file;
};

struct file *fget(unsigned int fd);
#define fdget(n)	((struct fd){ fget(n) })
#define fdput(f)	do { if ((f).file) fput((f).file); } while (0)
int get_unused_fd_flags(unsigned int flags);
void put_unused_fd(unsigned int fd);
void fd_install(unsigned int fd, struct file *f);

#endif
