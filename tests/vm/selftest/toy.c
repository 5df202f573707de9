// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps by hand, to test the gate: write a step's name to /dev/steps, and it
 * is called and noted down; read, and there is what was noted. A name may
 * begin with "!" (call it where sleeping is not allowed), "w" (call it from
 * a workqueue), "~" (be slow afterwards, before it is noted) or "+" (hold a
 * lock all the while); "=" is no step: it only sleeps.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

void twill_step(const char *name, const void *object);

static DEFINE_MUTEX(lock);
static DEFINE_SPINLOCK(noted_lock);
static char noted[256];

struct later {
	struct work_struct work;
	char name[32];
};

static void do_step(const char *name)
{
	if (*name == '=') {
		msleep(300);
		return;
	}
	if (*name == '+')
		mutex_lock(&lock);
	if (*name == '!')
		preempt_disable();
	twill_step(name, NULL);
	if (*name == '~')
		mdelay(50);
	spin_lock(&noted_lock);
	strlcat(noted, name, sizeof(noted));
	strlcat(noted, " ", sizeof(noted));
	spin_unlock(&noted_lock);
	if (*name == '!')
		preempt_enable();
	if (*name == '+')
		mutex_unlock(&lock);
}

static void step_later(struct work_struct *work)
{
	struct later *later = container_of(work, struct later, work);

	do_step(later->name);
	kfree(later);
}

static ssize_t toy_write(struct file *file, const char __user *buf, size_t len,
			 loff_t *pos)
{
	char name[32] = "";
	struct later *later;

	if (len >= sizeof(name) || copy_from_user(name, buf, len))
		return -EFAULT;
	if (*name == 'w') {
		later = kmalloc(sizeof(*later), GFP_KERNEL);
		if (!later)
			return -ENOMEM;
		INIT_WORK(&later->work, step_later);
		strscpy(later->name, name, sizeof(later->name));
		schedule_work(&later->work);
	} else if (*name) {
		do_step(name);
	}
	return len;
}

static ssize_t toy_read(struct file *file, char __user *buf, size_t len,
			loff_t *pos)
{
	return simple_read_from_buffer(buf, len, pos, noted, strlen(noted));
}

static int toy_open(struct inode *inode, struct file *file)
{
	if (file->f_flags & O_TRUNC)
		*noted = 0;
	return 0;
}

static const struct file_operations toy_fops = {
	.owner = THIS_MODULE,
	.open = toy_open,
	.write = toy_write,
	.read = toy_read,
};

static struct miscdevice toy_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "steps",
	.fops = &toy_fops,
};
module_misc_device(toy_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Steps by hand, to test the gate");
