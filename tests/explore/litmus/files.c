// SPDX-License-Identifier: GPL-2.0-only
/* Files, modules, address spaces: counted, and left behind. */
#include <linux/anon_inodes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
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
