// SPDX-License-Identifier: GPL-2.0-only
/* Files and descriptors: what keeps things alive. */
#include <linux/anon_inodes.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#undef min
#undef max
#include <string.h>
#include "address_space.h"
#include "scenario.h"

#define MAX_FDS		64
#define FD_RESERVED	((struct file *)1)
#define MAX_MISC	8

static struct file *fds[MAX_FDS];	/* the first three are not used */
static struct miscdevice *misc[MAX_MISC];
static unsigned long misc_made[MAX_MISC];	/* where */
static struct inode the_inode;
static bool kernel_used;	/* there is something to be cleared */

/* Files. */

static struct file *new_file(const char *name, const struct file_operations *op,
			     void *private, unsigned int flags,
			     unsigned long pc)
{
	struct file *f = arena_alloc(sizeof(*f), 16, "file", pc);

	memset(f, 0, sizeof(*f));
	f->f_op = op;
	f->private_data = private;
	f->f_count.counter = 1;
	f->f_flags = flags;
	f->f_mode = 3;
	f->f_inode = &the_inode;
	f->shim_name = name;
	return f;
}

static void use_file(struct file *f, unsigned long pc)
{
	use(f, sizeof(*f), T_WRITE, pc);
}

struct file *get_file(struct file *f)
{
	visible("get_file", NULL, HERE, NULL, NULL);
	use_file(f, HERE);
	f->f_count.counter++;
	watch("%ld", f->f_count.counter);
	return f;
}

static struct file *delayed;		/* by the kernel's own tasks */

/*
 * The last fput only queues the file: it is released on return to user. A task
 * that never returns leaves it to a worker.
 */
static void queue_file(struct file **p, struct file *f)
{
	f->shim_next = NULL;
	while (*p)
		p = &(*p)->shim_next;
	*p = f;
}

static void put_file(struct file *f, unsigned long pc)
{
	visible("fput", f->shim_name, pc, NULL, NULL);
	use_file(f, pc);
	if (f->f_count.counter < 1)
		fail("refcount", "file", pc, NULL, NULL, "fput too often");
	watch("%ld", f->f_count.counter - 1);
	release(f);
	if (--f->f_count.counter)
		return;
	acquire(f);
	if (!work_of(cur)) {
		queue_file((struct file **)&cur->works, f);
		return;
	}
	queue_file(&delayed, f);
	queue_delayed_fput();
}

void fput(struct file *f)
{
	put_file(f, HERE);
}

static void __fput(struct file *f)
{
	struct module *owner = f->f_op->owner;
	unsigned long pc = HERE;

	if (f->f_op->release) {
		note("release", f->shim_name,
		     (unsigned long)f->f_op->release + 1);
		f->f_op->release(f->f_inode, f);
	}
	put_module(owner, pc);
	arena_free(f, pc);
}

static void release_files(struct file **p)
{
	struct file *f;

	while ((f = *p)) {
		*p = f->shim_next;
		__fput(f);
	}
}

void run_task_works(void)
{
	release_files((struct file **)&cur->works);
}

void delayed_fput(void)
{
	touch(&delayed, T_WRITE);
	acquire(&delayed);
	release_files(&delayed);
}

static struct file *find_file(unsigned int fd, unsigned long pc)
{
	struct file *f;

	visible("fget", NULL, pc, NULL, NULL);
	if (fd < MAX_FDS)
		touch(&fds[fd], T_READ);
	if (fd >= MAX_FDS || !fds[fd] || fds[fd] == FD_RESERVED)
		return NULL;
	f = fds[fd];
	acquire(&fds[fd]);
	use_file(f, pc);
	f->f_count.counter++;
	return f;
}

struct file *fget(unsigned int fd)
{
	return find_file(fd, HERE);
}

static int reserve_fd(unsigned long pc)
{
	int fd;

	visible("get_unused_fd", NULL, pc, NULL, NULL);
	kernel_used = true;
	touch(fds, T_WRITE);		/* which are free; two closes commute */
	if (may_fail("get_unused_fd", pc))
		return -EMFILE;
	for (fd = 3; fd < MAX_FDS; fd++)
		if (!fds[fd]) {
			fds[fd] = FD_RESERVED;
			return fd;
		}
	return -EMFILE;
}

static void release_fd(unsigned int fd, unsigned long pc)
{
	visible("put_unused_fd", NULL, pc, NULL, NULL);
	touch(fds, T_READ);
	touch(&fds[fd], T_WRITE);
	fds[fd] = NULL;
}

static void install_fd(unsigned int fd, struct file *f, unsigned long pc)
{
	visible("fd_install", f->shim_name, pc, NULL, NULL);
	if (fds[fd] != FD_RESERVED)
		fail("warning", "fd", pc, NULL, NULL,
		     "fd_install on a descriptor that is not reserved");
	touch(&fds[fd], T_WRITE);
	release(&fds[fd]);
	fds[fd] = f;
}

int get_unused_fd_flags(unsigned int flags)
{
	(void)flags;
	return reserve_fd(HERE);
}

void put_unused_fd(unsigned int fd)
{
	release_fd(fd, HERE);
}

void fd_install(unsigned int fd, struct file *f)
{
	install_fd(fd, f, HERE);
}

static struct file *anon_file(const char *name,
			      const struct file_operations *ops,
			      void *private, int flags, unsigned long pc)
{
	if (!get_module(ops->owner, pc))
		return ERR_PTR(-ENOENT);
	if (may_fail("anon_inode_getfile", pc)) {
		put_module(ops->owner, pc);
		return ERR_PTR(-ENFILE);
	}
	return new_file(name, ops, private, flags, pc);
}

struct file *anon_inode_getfile(const char *name,
				const struct file_operations *ops,
				void *private, int flags)
{
	return anon_file(name, ops, private, flags, HERE);
}

int anon_inode_getfd(const char *name, const struct file_operations *ops,
		     void *private, int flags)
{
	unsigned long pc = HERE;
	int fd = reserve_fd(pc);
	struct file *f;

	if (fd < 0)
		return fd;
	f = anon_file(name, ops, private, flags, pc);
	if (IS_ERR(f)) {
		release_fd(fd, pc);
		return PTR_ERR(f);
	}
	install_fd(fd, f, pc);
	return fd;
}

int misc_register(struct miscdevice *m)
{
	int i;

	for (i = 0; i < MAX_MISC; i++)
		if (!misc[i]) {
			kernel_used = true;
			misc[i] = m;
			misc_made[i] = HERE;
			return 0;
		}
	return -EBUSY;
}

void misc_deregister(struct miscdevice *m)
{
	int i;

	for (i = 0; i < MAX_MISC; i++)
		if (misc[i] == m)
			misc[i] = NULL;
}

/* When all modules are gone, who opens a node would call what is not there. */
void check_nodes(void)
{
	int i;

	for (i = 0; i < MAX_MISC; i++)
		if (misc[i]) {
			blame(misc_made[i], NULL);
			fail("leak", misc[i]->name, misc_made[i], NULL, NULL,
			     "the node of a module that is gone");
		}
}

loff_t noop_llseek(struct file *f, loff_t o, int whence)
{
	(void)f;
	(void)o;
	(void)whence;
	return 0;
}

static _Noreturn void fail_left(int fd)
{
	const struct object *o = arena_object((uintptr_t)fds[fd]);

	blame(o ? o->pc : 0, o ? born(o) : NULL);
	fail("leak", o ? fds[fd]->shim_name : "fd", o ? o->pc : 0, NULL, NULL,
	     "descriptor %d is still open at the end", fd);
}

void check_files(void)
{
	int i;

	for (i = 0; kernel_used && i < MAX_FDS; i++)
		if (fds[i])
			fail_left(i);
}

/* System calls. Each returns by way of the file releases that are due. */

static long returned[NR_TASKS];	/* by the task's last call */

static long done_at(long r, unsigned long pc)
{
	returned[cur->id] = r;
	run_task_works();
	leave_process(pc);
	run_task_works();
	check_user_return(pc);
	cur->kernel = false;
	return r;
}

#define done(r)	done_at(r, HERE)

int u_open(const char *path)
{
	struct miscdevice *m;
	struct file *f;
	int i, fd, r;

	cur->kernel = true;
	note("open()", path, HERE);
	for (i = 0; i < MAX_MISC; i++) {
		m = misc[i];
		if (m && !strncmp(path, "/dev/", 5) &&
		    !strcmp(path + 5, m->nodename ? m->nodename : m->name))
			break;
	}
	if (i == MAX_MISC)
		return done(-ENOENT);
	fd = reserve_fd(HERE);
	if (fd < 0)
		return done(fd);
	if (!get_module(m->fops->owner, HERE)) {
		release_fd(fd, HERE);
		return done(-ENODEV);
	}
	f = new_file(m->name, m->fops, m, O_RDWR | O_CLOEXEC, HERE);
	r = f->f_op->open ? f->f_op->open(f->f_inode, f) : 0;
	if (r) {
		release_fd(fd, HERE);
		put_module(f->f_op->owner, HERE);
		arena_free(f, HERE);
		return done(r);
	}
	install_fd(fd, f, HERE);
	return done(fd);
}

int u_close(int fd)
{
	struct file *f;

	cur->kernel = true;
	note("close()", fd >= 0 && fd < MAX_FDS && fds[fd] > FD_RESERVED ?
	     fds[fd]->shim_name : "-", HERE);
	visible("close", NULL, HERE, NULL, NULL);
	if (fd >= 0 && fd < MAX_FDS) {
		touch(fds, T_READ);
		touch(&fds[fd], T_WRITE);
		acquire(&fds[fd]);
	}
	if (fd < 0 || fd >= MAX_FDS || !fds[fd] || fds[fd] == FD_RESERVED)
		return done(-EBADF);
	f = fds[fd];
	fds[fd] = NULL;
	put_file(f, HERE);
	return done(0);
}

long u_ioctl_(int fd, unsigned int cmd, unsigned long arg)
{
	struct file *f;
	long r;

	cur->kernel = true;
	f = find_file(fd, HERE);
	enter_process();
	if (!f)
		return done(-EBADF);
	note("ioctl()", f->shim_name, HERE);
	r = f->f_op->unlocked_ioctl ? f->f_op->unlocked_ioctl(f, cmd, arg) :
				      -ENOTTY;
	put_file(f, HERE);
	return done(r);
}

/* A mapping of a file holds the file; its pages are all faulted in at once. */
static struct vm_area_struct *vmas[8];

static void free_vma(int i, unsigned long pc)
{
	struct file *f = vmas[i]->vm_file;

	arena_free(vmas[i], pc);
	vmas[i] = NULL;
	put_file(f, pc);
}

void *u_mmap(int fd, size_t size)
{
	struct vm_area_struct *v;
	struct vm_fault *vmf;
	char *first = NULL;
	struct file *f;
	int i = 0;

	cur->kernel = true;
	f = find_file(fd, HERE);
	if (!f)
		return NULL;
	note("mmap()", f->shim_name, HERE);
	while (vmas[i])
		if (++i == 8)
			die("too many mappings");
	/* Both are the kernel's, and the core may write to them. */
	v = arena_alloc(sizeof(*v), 16, "vm_area_struct", HERE);
	vmf = arena_alloc(sizeof(*vmf), 16, "vm_fault", HERE);
	memset(v, 0, sizeof(*v));
	memset(vmf, 0, sizeof(*vmf));
	vmas[i] = v;
	v->vm_file = f;
	v->vm_end = size;
	v->vm_flags = VM_SHARED | VM_WRITE;
	vmf->vma = v;
	if (f->f_op->mmap && !f->f_op->mmap(f, v)) {
		for (; vmf->pgoff < size >> PAGE_SHIFT; vmf->pgoff++) {
			if (!v->vm_ops || v->vm_ops->fault(vmf))
				die("a mapping without memory");
			if (!vmf->pgoff)
				first = page_address(vmf->page);
			if (page_address(vmf->page) !=
			    first + vmf->pgoff * PAGE_SIZE)
				die("pages of a mapping must be in sequence");
		}
		v->vm_start = (unsigned long)first;
		v->vm_end = v->vm_start + size;
	} else {
		free_vma(i, HERE);
	}
	arena_free(vmf, HERE);
	done(0);
	return first;
}

static void unmap_file(int i, unsigned long pc)
{
	unsigned long a = vmas[i]->vm_start;

	note("munmap()", vmas[i]->vm_file->shim_name, pc);
	for (; a < vmas[i]->vm_end; a += PAGE_SIZE)
		put_page(virt_to_page(a));
	free_vma(i, pc);
}

void unmap_files(unsigned long pc)
{
	int i;

	for (i = 0; i < 8; i++) {
		if (vmas[i])
			unmap_file(i, pc);
	}
}

int u_munmap(void *p, size_t size)
{
	int i;

	cur->kernel = true;
	for (i = 0; i < 8; i++) {
		if (vmas[i] && vmas[i]->vm_start == (unsigned long)p) {
			unmap_file(i, HERE);
			return done(0);
		}
	}
	return done(unmap_memory(p, size));
}

void u_failed(const char *cond)
{
	note("assert", cond, HERE);
	fail("assertion", cond, HERE, NULL, NULL,
	     "u_assert(%s); the last call had returned %ld", cond,
	     returned[cur->id]);
}

void kernel_reset(void)
{
	if (kernel_used) {
		memset(fds, 0, sizeof(fds));
		memset(misc, 0, sizeof(misc));
		memset(vmas, 0, sizeof(vmas));
	}
	kernel_used = false;
	delayed = NULL;
	modules_reset();
	mm_reset();
}
