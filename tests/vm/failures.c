// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation on the way to a running guest fails once: the first, the
 * second, and so on, until there is none left to fail. Each time the request
 * says so with an errno that KVM would have given, nothing is lost, and the
 * same request succeeds afterwards. For the debug kernel, which can fail the
 * n-th allocation of a task (/proc/thread-self/fail-nth).
 */
#define _GNU_SOURCE
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "account.h"
#include "late.h"
#include "vmm.h"

/* A machine and what belongs to it, as far as the operation asks for it. */
static struct machine m;
static struct late late;
static int vfio, group, made;
static int fail_nth;

struct operation {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);	/* as a system call: -1, and errno */
	int error;		/* that KVM gives as well as ENOMEM */
};

static void arm(unsigned int n)
{
	char text[20];
	int length = sprintf(text, "%u", n);

	must(pwrite(fail_nth, text, length, 0) == length);
}

static int not_reached(void)
{
	char text[20] = "";

	must(pread(fail_nth, text, sizeof(text) - 1, 0) > 0);
	return atoi(text) != 0;
}

static void opened(void)
{
	m.dev = open("/dev/twill", O_RDWR | O_CLOEXEC);
	must(m.dev >= 0);
}

static void created(void)
{
	opened();
	m.vm = ioctl(m.dev, KVM_CREATE_VM, 0);
	must(m.vm >= 0);
	m.mem = mmap(NULL, MEM, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(m.mem != MAP_FAILED);
	memset(m.mem, 0x90, PAGE);
	memcpy(m.mem, "\x88\x07\xf4", 3);	/* mov %al,(%bx) ; hlt */
}

static void with_slot(void)
{
	created();
	must(!slot(m.vm, 0, 0, 8 * PAGE, m.mem));
}

static void with_vcpu(void)
{
	struct kvm_regs regs = { .rflags = 2, .rbx = 2 * PAGE };
	struct kvm_sregs sregs;

	with_slot();
	m.vcpu = ioctl(m.vm, KVM_CREATE_VCPU, 0);
	must(m.vcpu >= 0);
	must(!ioctl(m.vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = sregs.cs.selector = 0;
	must(!ioctl(m.vcpu, KVM_SET_SREGS, &sregs));
	must(!ioctl(m.vcpu, KVM_SET_REGS, &regs));
}

static void with_device(void)
{
	struct kvm_create_device c = { .type = KVM_DEV_TYPE_VFIO };

	created();
	must(!ioctl(m.vm, KVM_CREATE_DEVICE, &c));
	vfio = c.fd;
	group = open("/dev/twill-vfio/0", O_RDWR);
	must(group >= 0);
}

static int introduce(int attr)
{
	struct kvm_device_attr a = {
		.group = KVM_DEV_VFIO_GROUP, .attr = attr,
		.addr = (uintptr_t)&group,
	};

	return ioctl(vfio, KVM_SET_DEVICE_ATTR, &a);
}

static void with_group(void)
{
	with_device();
	must(!introduce(KVM_DEV_VFIO_GROUP_ADD));
}

static void with_all(void)
{
	with_vcpu();
	m.run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     m.vcpu, 0);
	must(m.run != MAP_FAILED);
	must(!ioctl(m.vcpu, KVM_RUN, 0));
}

static void with_late(void)
{
	opened();
	late = late_make(m.dev, 1);
}

static void *give(void *unused)
{
	void *page = late_wanted(&late, -1);

	usleep(20000);
	late_give(&late, page);
	return unused;
}

/* A page that another thread will give. */
static void with_absent(void)
{
	pthread_t thread;

	with_late();
	must(late_tell(&late));
	late_take_away(&late);
	late_begin(&late, 0, 1);
	must(!pthread_create(&thread, NULL, give, NULL));
}

/* ... and which the guest has touched. */
static void with_absent_asked(void)
{
	with_absent();
	must(late_run(&late) == LATE_TOUCHED);
}

static int open_node(void)
{
	return made = open("/dev/twill", O_RDWR | O_CLOEXEC);
}

static int create_vm(void)
{
	return made = ioctl(m.dev, KVM_CREATE_VM, 0);
}

static int create_vcpu(void)
{
	return made = ioctl(m.vm, KVM_CREATE_VCPU, 1);
}

static int add_slot(void)
{
	return slot(m.vm, 1, 8 * PAGE, PAGE, m.mem);
}

static int move_slot(void)
{
	return slot(m.vm, 0, 64 * PAGE, 8 * PAGE, m.mem);
}

static int remove_slot(void)
{
	return slot(m.vm, 0, 0, 0, NULL);
}

static int offer_cpuid(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[100];
	} table = { .head.nent = 100 };

	return ioctl(m.dev, KVM_GET_SUPPORTED_CPUID, &table);
}

static int set_cpuid(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[100];
	} table = { .head.nent = 80 };

	return ioctl(m.vcpu, KVM_SET_CPUID2, &table);
}

static int set_msrs(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[100];
	} table = { .head.nmsrs = 1, .entry[0].index = 0xc0000082 };
	int r = ioctl(m.vcpu, KVM_SET_MSRS, &table);

	must(r == 1 || r == -1);
	return r;
}

static int get_msrs(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[100];
	} table = { .head.nmsrs = 1, .entry[0].index = 0xc0000082 };

	return ioctl(m.vcpu, KVM_GET_MSRS, &table);
}

static int get_xsave(void)
{
	struct kvm_xsave x;

	return ioctl(m.vcpu, KVM_GET_XSAVE, &x);
}

static int set_xsave(void)
{
	static struct kvm_xsave x;

	return ioctl(m.vcpu, KVM_SET_XSAVE, &x);
}

static int create_device(void)
{
	struct kvm_create_device c = { .type = KVM_DEV_TYPE_VFIO };
	int r = ioctl(m.vm, KVM_CREATE_DEVICE, &c);

	made = c.fd;
	return r;
}

static int add_group(void)
{
	return introduce(KVM_DEV_VFIO_GROUP_ADD);
}

static int drop_group(void)
{
	return introduce(KVM_DEV_VFIO_GROUP_DEL);
}

static int open_group(void)
{
	return made = open("/dev/twill-vfio/0", O_RDWR);
}

static int get_device(void)
{
	return made = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
}

static int map_run(void)
{
	void *at = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			m.vcpu, 0);

	return at == MAP_FAILED ? -1 : munmap(at, RUN_SIZE);
}

/* The kernel's own look at the page: a fault of ours would not be told. */
static int touch_run(void)
{
	void *at = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			m.vcpu, 0);
	int r, error;

	if (at == MAP_FAILED)
		return -1;
	r = madvise(at, RUN_SIZE, MADV_POPULATE_READ);
	error = errno;
	munmap(at, RUN_SIZE);
	errno = error;
	return r;
}

static int run_guest(void)
{
	return ioctl(m.vcpu, KVM_RUN, 0);
}

/* Nothing that ends may fail, even if something in it has to allocate. */
static int end_all(void)
{
	/* An munmap() may fail, by itself: it can have to split an area. */
	while (munmap(m.run, RUN_SIZE))
		must(errno == ENOMEM);
	must(!close(m.vcpu) && !close(m.vm) && !close(m.dev));
	return 0;
}

static int agree(void)
{
	return late_tell(&late) ? 0 : -1;
}

/* Told of the page, or not: if there is no memory for that it is waited for. */
static int run_absent(void)
{
	int port;

	do
		port = late_run(&late);
	while (port == LATE_TOUCHED);
	return port == LATE_COME ? 0 : -1;
}

static int end_absent(void)
{
	while (munmap(late.run, late.run_size))
		must(errno == ENOMEM);
	must(!close(late.vcpu) && !close(late.vm) && !close(m.dev));
	return 0;
}

static const struct operation operations[] = {
	{ "open /dev/twill", NULL, open_node, 0 },
	{ "KVM_CREATE_VM", opened, create_vm, 0 },
	{ "KVM_CREATE_VCPU", with_vcpu, create_vcpu, 0 },
	{ "a slot added", with_slot, add_slot, 0 },
	{ "a slot moved", with_slot, move_slot, 0 },
	{ "a slot removed", with_slot, remove_slot, 0 },
	{ "KVM_GET_SUPPORTED_CPUID", opened, offer_cpuid, 0 },
	{ "KVM_SET_CPUID2", with_vcpu, set_cpuid, 0 },
	{ "KVM_SET_MSRS", with_vcpu, set_msrs, 0 },
	{ "KVM_GET_MSRS", with_vcpu, get_msrs, 0 },
	{ "KVM_GET_XSAVE", with_vcpu, get_xsave, 0 },
	{ "KVM_SET_XSAVE", with_vcpu, set_xsave, 0 },
	{ "KVM_CREATE_DEVICE", created, create_device, 0 },
	{ "a group opened", created, open_group, 0 },
	{ "a group introduced", with_device, add_group, 0 },
	{ "a group taken out", with_group, drop_group, 0 },
	{ "a device opened", with_group, get_device, 0 },
	{ "a vCPU's pages mapped", with_vcpu, map_run, 0 },
	{ "and touched", with_vcpu, touch_run, EFAULT },
	{ "KVM_RUN, the first", with_vcpu, run_guest, EFAULT },
	{ "closing all", with_all, end_all, 0 },
	{ "an agreement on pages", with_late, agree, 0 },
	{ "a page that is absent", with_absent, run_absent, EFAULT },
	{ "closing, a page absent", with_absent_asked, end_absent, 0 },
};

/* How an attempt's process ends; must() ends with 1. */
enum { FAILED = 10, DONE, WENT_ON, OUTCOMES };

/* One operation, in a process of its own, with the N-th allocation failing. */
static void attempt(const struct operation *op, unsigned int n)
{
	int r, error, reached;

	made = -1;
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	must(fail_nth >= 0);
	if (op->prepare)
		op->prepare();
	arm(n);
	r = op->run();
	error = errno;
	reached = !not_reached();
	arm(0);
	errno = error;
	if (r >= 0)
		exit(reached ? WENT_ON : DONE);
	must(reached && (error == ENOMEM || error == op->error));
	must(made < 0 || op->run == create_device);
	must(op->run() >= 0);
	exit(FAILED);
}

static void fail_each(const struct operation *op)
{
	unsigned int n, count[OUTCOMES] = {};

	for (n = 1; !count[DONE]; n++) {
		pid_t pid = fork();
		int status;

		must(pid >= 0);
		if (!pid)
			attempt(op, n);
		must(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
		if (WEXITSTATUS(status) < FAILED) {
			printf("%s, allocation %u\n", op->name, n);
			exit(1);
		}
		count[WEXITSTATUS(status)]++;
	}
	printf("%-24s %3u allocations, %3u failures told\n", op->name, n - 2,
	       count[FAILED]);
	must(!count[FAILED] == (op->run == end_all || op->run == end_absent ||
				op->run == drop_group));
}

static void allow(const char *what, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, value, 1) == 1);
	close(fd);
}

static void all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		fail_each(&operations[i]);
}

int main(void)
{
	struct account before;

	setvbuf(stdout, NULL, _IONBF, 0);
	allow("failslab/ignore-gfp-wait", "N");
	allow("failslab/verbose", "0");
	allow("fail_page_alloc/ignore-gfp-wait", "N");
	allow("fail_page_alloc/ignore-gfp-highmem", "N");
	allow("fail_page_alloc/min-order", "0");
	allow("fail_page_alloc/verbose", "0");
	fail_each(&operations[1]);
	account_take(&before);
	all();
	must(account_balanced("failures", &before));
	return 0;
}
