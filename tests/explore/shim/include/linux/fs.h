/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_FS_H
#define SHIM_FS_H

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/atomic.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/module.h>
#include <linux/workqueue.h>

struct vm_area_struct;
struct poll_table_struct;

struct inode {
	void *i_private;
};

struct file {
	const struct file_operations *f_op;
	void *private_data;
	atomic_long_t f_count;
	unsigned int f_flags;
	fmode_t f_mode;
	struct inode *f_inode;
	const char *shim_name;
	struct file *shim_next;
};

struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *f, loff_t o, int whence);
	ssize_t (*read)(struct file *f, char __user *p, size_t n, loff_t *o);
	ssize_t (*write)(struct file *f, const char __user *p, size_t n,
			 loff_t *o);
	long (*unlocked_ioctl)(struct file *f, unsigned int cmd,
			       unsigned long arg);
	long (*compat_ioctl)(struct file *f, unsigned int cmd,
			     unsigned long arg);
	int (*mmap)(struct file *f, struct vm_area_struct *vma);
	int (*open)(struct inode *i, struct file *f);
	int (*flush)(struct file *f, void *id);
	int (*release)(struct inode *i, struct file *f);
};

loff_t noop_llseek(struct file *f, loff_t o, int whence);
#define no_llseek	noop_llseek
#define compat_ptr_ioctl	NULL
#define nonseekable_open(i, f)	0
struct file *get_file(struct file *f);
void fput(struct file *f);

#endif
