// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest module with race 1's mistake: its work touches a page of the
 * user's from the system's workqueue, and nothing waits for the work. Only an
 * open file keeps the module loaded.
 *
 * The page is a userfaultfd's, so the worker stays in the page fault for as
 * long as the user pleases. `locked` must not be NULL: userfaultfd holds back
 * only a fault that may be retried, and answers another with -EFAULT.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/workqueue.h>

/* One argument less, since then. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define NO_VMAS NULL,
#else
#define NO_VMAS
#endif

struct gift {
	struct work_struct work;
	struct mm_struct *mm;
	unsigned long address;
};

static void touch(struct work_struct *work)
{
	struct gift *gift = container_of(work, struct gift, work);
	int locked = 1;

	mmap_read_lock(gift->mm);
	get_user_pages_remote(gift->mm, gift->address, 1, FOLL_WRITE, NULL,
			      NO_VMAS &locked);
	/* Here the module may be gone, and with it this very line. */
	if (locked)
		mmap_read_unlock(gift->mm);
	mmput(gift->mm);
	pr_info("gift: the page has come\n");
	kfree(gift);
}

static long gift_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct gift *gift = kzalloc(sizeof(*gift), GFP_KERNEL);

	if (!gift)
		return -ENOMEM;
	INIT_WORK(&gift->work, touch);
	gift->mm = current->mm;
	mmget(gift->mm);
	gift->address = arg;
	schedule_work(&gift->work);
	return 0;
}

static const struct file_operations gift_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = gift_ioctl,
};

static struct miscdevice gift_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gift",
	.fops = &gift_fops,
};
module_misc_device(gift_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Work that nothing waits for, for a proof that it oopses");
