// SPDX-License-Identifier: GPL-2.0-only
/* Files, modules, address spaces: counted, and left behind. */
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "scenario.h"

static DEFINE_MUTEX(lock);
static DEFINE_SPINLOCK(spin);
static struct file *kept;
static int fd, released;

static int box_release(struct inode *inode, struct file *file)
{
	released++;
	kfree(file->private_data);
	return 0;
}

static const struct file_operations box_fops = {
	.owner = THIS_MODULE,
	.release = box_release,
};

static void open_box(void)
{
	int *box = kzalloc(sizeof(*box), GFP_KERNEL);

	fd = anon_inode_getfd("box", &box_fops, box, O_RDWR);
	u_assert(fd >= 0);
}

static void close_box(void)
{
	u_close(fd);
}

static void close_once(void)
{
	u_assert(released == 1);
}

SCENARIO("fd-closed", "a descriptor closed, twice: released once, silent",
	 open_box, close_once, close_box, close_box);
SCENARIO("fd-left", "a descriptor nobody closes: leak",
	 NULL, NULL, open_box);

static void open_and_keep(void)
{
	open_box();
	kept = fget(fd);
}

/* The last put is somebody else's; the file goes when that one returns. */
static void put_kept(void)
{
	u_ioctl(99, 0, 0);
	spin_lock(&spin);
	fput(kept);
	spin_unlock(&spin);
	u_ioctl(99, 0, 0);
}

static void put_kept_twice(void)
{
	fput(kept);
	fput(kept);
	fput(kept);
}

static void still_there(void)
{
	u_close(fd);
	u_assert(!released);
	fput(kept);
	u_assert(!released);	/* only queued */
	u_ioctl(99, 0, 0);	/* EBADF; but it returns to user space */
	u_assert(released == 1);
}

SCENARIO("fput-late", "the last fput releases on return to user: silent",
	 open_and_keep, NULL, still_there);
SCENARIO("fput-atomic", "a last fput under a spinlock: silent",
	 open_and_keep, close_once, close_box, put_kept);
SCENARIO("fput-often", "put more often than got: refcount",
	 open_and_keep, NULL, put_kept_twice);

static void get_module(void)
{
	u_assert(try_module_get(THIS_MODULE));
}

static void get_and_put_module(void)
{
	get_module();
	module_put(THIS_MODULE);
}

static void put_module(void)
{
	module_put(THIS_MODULE);
}

SCENARIO("module-held", "a module's reference is kept: leak",
	 NULL, NULL, get_module);
SCENARIO("module-put", "references got and put: silent",
	 NULL, NULL, get_and_put_module, get_and_put_module);
SCENARIO("module-often", "put, never got: refcount", NULL, NULL, put_module);

/*
 * A module whose work outlives its file: `box' may be unloaded when the file
 * has gone, and its code with it.
 */
#define __box	__attribute__((section("box_text")))
static struct work_struct box_work;

static void __box box_works(struct work_struct *w)
{
	WRITE_ONCE(released, 2);
}

static int __box box_leave(struct inode *inode, struct file *file)
{
	return 0;
}

static int __box box_flush(struct inode *inode, struct file *file)
{
	flush_work(&box_work);
	return 0;
}

static const struct file_operations careless_fops = {
	.owner = &module_box,
	.release = box_leave,
};

static const struct file_operations careful_fops = {
	.owner = &module_box,
	.release = box_flush,
};

static void open_careless(void)
{
	INIT_WORK(&box_work, box_works);
	fd = anon_inode_getfd("box", &careless_fops, NULL, O_RDWR);
}

static void open_careful(void)
{
	INIT_WORK(&box_work, box_works);
	fd = anon_inode_getfd("box", &careful_fops, NULL, O_RDWR);
}

static void queue_and_close(void)
{
	schedule_work(&box_work);
	u_close(fd);
}

SCENARIO("text-work", "work runs, its module's last file closed: module text",
	 open_careless, NULL, queue_and_close);
SCENARIO("text-flushed", "... flushed before the file goes: silent",
	 open_careful, NULL, queue_and_close);

/* The last thing that it does but to return. */
static DECLARE_COMPLETION(said);

static void __box box_says(struct work_struct *w)
{
	complete(&said);
}

static int __box box_listen(struct inode *inode, struct file *file)
{
	wait_for_completion(&said);
	return 0;
}

static const struct file_operations hasty_fops = {
	.owner = &module_box,
	.release = box_listen,
};

static void open_hasty(void)
{
	init_completion(&said);
	INIT_WORK(&box_work, box_says);
	fd = anon_inode_getfd("box", &hasty_fops, NULL, O_RDWR);
}

SCENARIO("text-said", "... it has said that it is done, and not returned: module text",
	 open_hasty, NULL, queue_and_close);

static void __box box_puts(struct work_struct *w)
{
	module_put(&module_box);
}

static void hold_box(void)
{
	INIT_WORK(&box_work, box_puts);
	__module_get(&module_box);
}

static void queue_box(void)
{
	schedule_work(&box_work);
}

SCENARIO("text-own-put", "a module puts its own last reference: module text",
	 hold_box, NULL, queue_box);

static void grab(void)
{
	mmgrab(current->mm);
}

static void grab_and_drop(void)
{
	mmgrab(current->mm);
	mmdrop(current->mm);
}

SCENARIO("mm-held", "mmgrab without mmdrop: leak", NULL, NULL, grab);
SCENARIO("mm-dropped", "mmgrab and mmdrop: silent",
	 NULL, NULL, grab_and_drop, grab_and_drop);

static void needs_lock(void)
{
	lockdep_assert_held(&lock);
}

static void has_lock(void)
{
	mutex_lock(&lock);
	needs_lock();
	mutex_unlock(&lock);
}

SCENARIO("not-held", "a lock should be held and is not",
	 NULL, NULL, needs_lock);
SCENARIO("held", "a lock should be held and is: silent",
	 NULL, NULL, has_lock, has_lock);
