// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lives and deaths of machines, as a VMM can bring them about. Runs inside the
 * tests' machine, as a payload; the kernel's detectors, the module's use count
 * and the kernel's memory, before and after, are the judges.
 *
 * usage: lives [ROUNDS [STEP]]	STEP: not every order of closing, one of STEP
 */
#define _GNU_SOURCE
#include <linux/vfio.h>
#include <pthread.h>
#include "account.h"
#include "vmm.h"

#define NULL_PORT 0x5c0
#define NULL_ADDRESS 0xd0000000

static int delete_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

static int in_use(const char *name)
{
	return delete_module(name) == -1 && errno == EAGAIN;
}

static void many_lives(int rounds)
{
	while (rounds--) {
		struct machine m = make(halt, sizeof(halt));

		must(!ioctl(m.vcpu, KVM_RUN, 0));
		must(m.run->exit_reason == KVM_EXIT_HLT);
		unmake(&m);
	}
}

static int introduce(int vfio, int group, int attr)
{
	struct kvm_device_attr a = {
		.group = KVM_DEV_VFIO_GROUP, .attr = attr,
		.addr = (uintptr_t)&group,
	};

	return ioctl(vfio, KVM_SET_DEVICE_ATTR, &a);
}

static int make_vfio(int vm)
{
	struct kvm_create_device c = { .type = KVM_DEV_TYPE_VFIO };

	must(!ioctl(vm, KVM_CREATE_DEVICE, &c));
	return c.fd;
}

/* All that can hold a machine, and how to let go of it. */
struct holders {
	struct machine m;
	int vfio, group, device;
};

enum { VM, VCPU, MAPPING, VFIO, GROUP, DEVICE, HOLDERS };

static struct holders hold(void)
{
	struct holders h = { .m = make(halt, sizeof(halt)) };

	must(!close(h.m.dev));
	h.vfio = make_vfio(h.m.vm);
	h.group = open("/dev/twill-vfio/0", O_RDWR);
	must(h.group >= 0);
	must(!introduce(h.vfio, h.group, KVM_DEV_VFIO_GROUP_ADD));
	h.device = ioctl(h.group, VFIO_GROUP_GET_DEVICE_FD, "null");
	must(h.device >= 0);
	return h;
}

static void let_go(struct holders *h, int which)
{
	switch (which) {
	case VM:	must(!close(h->m.vm)); break;
	case VCPU:	must(!close(h->m.vcpu)); break;
	case MAPPING:	must(!munmap(h->m.run, RUN_SIZE)); break;
	case VFIO:	must(!close(h->vfio)); break;
	case GROUP:	must(!close(h->group)); break;
	case DEVICE:	must(!close(h->device)); break;
	}
}

/* Each of the 720 orders in which six holders can be let go of. */
static void every_order(int step)
{
	int order, left, i;

	for (order = 0; order < 720; order += step) {
		struct holders h = hold();
		int rest[HOLDERS] = { VM, VCPU, MAPPING, VFIO, GROUP, DEVICE };
		int number = order;

		for (left = HOLDERS; left; left--) {
			/* A group by itself is the other module's. */
			must((left == 1 && rest[0] == GROUP) ||
			     in_use("twill"));
			i = number % left;
			number /= left;
			let_go(&h, rest[i]);
			rest[i] = rest[left - 1];
		}
		must(!munmap(h.m.mem, MEM));
	}
}

static void insert_module(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	must(!syscall(SYS_finit_module, fd, "", 0));
	close(fd);
}

/* Each holder alone keeps its module in; when it is gone the module can go. */
static void module_waits(void)
{
	int last, i, dev;

	for (last = 0; last < HOLDERS; last++) {
		struct holders h = hold();

		for (i = 0; i < HOLDERS; i++) {
			if (i != last)
				let_go(&h, i);
		}
		must(last == GROUP || in_use("twill"));
		must((last != GROUP && last != DEVICE) || in_use("twill_vfio"));
		let_go(&h, last);
		must(!munmap(h.m.mem, MEM));
		must(!delete_module("twill_vfio") && !delete_module("twill"));
		insert_module("twill.ko");
		insert_module("twill_vfio.ko");
	}
	dev = open("/dev/twill", O_RDWR | O_CLOEXEC);
	must(dev >= 0 && in_use("twill") && !close(dev));
}

static void *run_it(void *vcpu)
{
	ioctl(*(int *)vcpu, KVM_RUN, 0);
	return NULL;
}

/* A process with two vCPUs that run until it is killed. */
static void be_killed(int round, int ready)
{
	struct machine m = make(for_ever, sizeof(for_ever));
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	pthread_t thread;
	int second = ioctl(m.vm, KVM_CREATE_VCPU, 1);

	must(second >= 0);
	must(!ioctl(m.vcpu, KVM_GET_SREGS, &sregs));
	must(!ioctl(second, KVM_SET_SREGS, &sregs));
	must(!ioctl(second, KVM_SET_REGS, &regs));
	must(!pthread_create(&thread, NULL, run_it, &second));
	(void)round;
	must(write(ready, "", 1) == 1);
	ioctl(m.vcpu, KVM_RUN, 0);
	exit(1);
}

static void killed(int rounds)
{
	kill_each(rounds, be_killed);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal ends a run; so does immediate_exit; and the guest goes on after. */
static void interrupted(void)
{
	struct machine m = make(for_ever, sizeof(for_ever));
	struct sigaction action = { .sa_handler = on_alarm };

	must(!sigaction(SIGALRM, &action, NULL));
	ualarm(20000, 20000);		/* and again, if it comes too early */
	fails(ioctl(m.vcpu, KVM_RUN, 0), EINTR);
	must(m.run->exit_reason == KVM_EXIT_INTR);
	ualarm(0, 0);
	m.run->immediate_exit = 1;
	m.run->exit_reason = 4711;
	fails(ioctl(m.vcpu, KVM_RUN, 0), EINTR);
	must(m.run->exit_reason == 4711);	/* as KVM leaves it */
	m.run->immediate_exit = 0;
	m.mem[0] = 0xf4;
	must(!ioctl(m.vcpu, KVM_RUN, 0));
	must(m.run->exit_reason == KVM_EXIT_HLT);
	unmake(&m);
}

/* mov 0x2000,%al ; hlt */
static const uint8_t load[] = { 0xa0, 0x00, 0x20, 0xf4 };
/* movb $7,0x2000 ; hlt */
static const uint8_t store[] = { 0xc6, 0x06, 0x00, 0x20, 7, 0xf4 };

static uint8_t loaded(struct machine *m)
{
	struct kvm_regs regs;

	back_to(m, 0);
	must(!ioctl(m->vcpu, KVM_RUN, 0));
	must(m->run->exit_reason == KVM_EXIT_HLT);
	must(!ioctl(m->vcpu, KVM_GET_REGS, &regs));
	return regs.rax;
}

/* The guest's memory is the VMM's, whatever the VMM does to it meanwhile. */
static void memory_follows(void)
{
	struct machine m = make(load, sizeof(load));
	uint8_t *page = m.mem + 2 * PAGE;

	must(loaded(&m) == 0);		/* the page of zeros, shared */
	*page = 1;
	must(loaded(&m) == 1);
	must(!madvise(page, PAGE, MADV_DONTNEED));
	must(loaded(&m) == 0);
	must(mmap(page, PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
	*page = 3;
	must(loaded(&m) == 3);
	must(!mprotect(page, PAGE, PROT_READ));
	must(loaded(&m) == 3);
	memcpy(m.mem, store, sizeof(store));
	back_to(&m, 0);
	fails(ioctl(m.vcpu, KVM_RUN, 0), EFAULT);
	must(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	back_to(&m, 0);
	must(!ioctl(m.vcpu, KVM_RUN, 0));
	must(*page == 7);
	must(!munmap(page, PAGE));
	back_to(&m, 0);
	fails(ioctl(m.vcpu, KVM_RUN, 0), EFAULT);
	unmake(&m);
}

/* What the kernel shows a process of its clock: memory, but not pages. */
static void *without_pages(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start = 0;
	char line[300];

	must(f);
	while (fgets(line, sizeof(line), f) && !strstr(line, "[vvar]"))
		;
	fclose(f);
	must(sscanf(line, "%lx", &start) == 1 && strstr(line, "[vvar]"));
	return (void *)start;
}

static void slots_change(void)
{
	struct machine m = make(load, sizeof(load));
	uint8_t *other = m.mem + 8 * PAGE;

	m.mem[2 * PAGE] = 2;
	*other = 8;
	must(loaded(&m) == 2);
	fails(slot(m.vm, 0, 0, 0x1234, m.mem), EINVAL);
	fails(slot(m.vm, 0, 0, 8 * PAGE, m.mem), EINVAL);
	fails(slot(m.vm, 1, PAGE, PAGE, other), EEXIST);
	fails(slot(m.vm, 1, 0, 0, NULL), EINVAL);
	fails(slot(m.vm, 99, 0, PAGE, other), EINVAL);
	fails(slot(m.vm, 1, ~0UL << 12, 2 * PAGE, other), EINVAL);
	must(!slot(m.vm, 0, 0, 0, NULL));
	must(!slot(m.vm, 0, 0, PAGE, m.mem));
	must(!slot(m.vm, 1, 3 * PAGE, PAGE, other));
	must(!slot(m.vm, 1, 2 * PAGE, PAGE, other));	/* moved */
	must(loaded(&m) == 8);
	must(!slot(m.vm, 1, 0, 0, NULL));
	must(!slot(m.vm, 1, 2 * PAGE, PAGE, without_pages()));
	loaded(&m);			/* whatever it is, the guest has read it */
	unmake(&m);
}

/* Tables in use, of all machines; free ones are given back first. */
static long tables(void)
{
	int fd = open("/sys/kernel/slab/twill_stage2/shrink", O_WRONLY);
	char line[300];
	long n = -1;
	FILE *f;

	must(fd >= 0 && write(fd, "1", 1) == 1 && !close(fd));
	f = fopen("/proc/slabinfo", "r");
	must(f);
	while (n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "twill_stage2 %ld", &n);
	fclose(f);
	must(n >= 0);
	return n;
}

/* A slot that has been everywhere takes no more than one that has moved once. */
static void slot_wanders(int rounds)
{
	struct machine m = make(load, sizeof(load));
	uint8_t *other = m.mem + 8 * PAGE;
	struct kvm_sregs sregs;
	long before = 0;
	int i;

	must(!slot(m.vm, 0, 0, 0, NULL));
	must(!slot(m.vm, 0, 0, PAGE, m.mem));
	must(!ioctl(m.vcpu, KVM_GET_SREGS, &sregs));
	for (i = 0; i < rounds; i++) {
		uint64_t place = (i % 2000 + 1) * 0x200000UL;

		must(!slot(m.vm, 1, place, PAGE, other));
		*other = i;
		sregs.ds.base = place - 2 * PAGE;
		must(!ioctl(m.vcpu, KVM_SET_SREGS, &sregs));
		must(loaded(&m) == (uint8_t)i);
		if (!i)
			before = tables();
	}
	printf("(%ld tables at first, then %ld)\n", before, tables());
	must(before >= 4 && tables() <= before + 3);
	unmake(&m);
	must(!tables());
}

/* mov $PORT,%dx ; mov $5,%eax ; out ; out ; xor %eax,%eax ; in ; hlt */
static const uint8_t sum[] = {
	0xba, NULL_PORT & 255, NULL_PORT >> 8, 0x66, 0xb8, 5, 0, 0, 0,
	0x66, 0xef, 0x66, 0xef, 0x66, 0x31, 0xc0, 0x66, 0xed, 0xf4,
};

/* mov $7,%eax ; mov %eax,0 ; xor %eax,%eax ; mov 0,%eax ; hlt */
static const uint8_t sum_in_memory[] = {
	0x66, 0xb8, 7, 0, 0, 0, 0x66, 0xa3, 0, 0, 0x66, 0x31, 0xc0,
	0x66, 0xa1, 0, 0, 0xf4,
};

/* The same number is behind an address: 10 and 7. */
static void in_memory(struct machine *m)
{
	struct kvm_sregs sregs;

	memcpy(m->mem, sum_in_memory, sizeof(sum_in_memory));
	must(!ioctl(m->vcpu, KVM_GET_SREGS, &sregs));
	sregs.ds.base = NULL_ADDRESS;
	must(!ioctl(m->vcpu, KVM_SET_SREGS, &sregs));
	must(loaded(m) == 17);
	memcpy(m->mem, sum, sizeof(sum));
}

static void passed_through(void)
{
	struct machine m = make(sum, sizeof(sum));
	struct kvm_create_device again = { .type = KVM_DEV_TYPE_VFIO };
	int vfio = make_vfio(m.vm), device;
	int group = open("/dev/twill-vfio/0", O_RDWR);

	must(group >= 0);
	fails(open("/dev/twill-vfio/0", O_RDWR), EBUSY);
	fails(ioctl(m.vm, KVM_CREATE_DEVICE, &again), EBUSY);
	fails(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null"), EINVAL);
	fails(introduce(vfio, m.vm, KVM_DEV_VFIO_GROUP_ADD), EINVAL);
	fails(introduce(vfio, 999, KVM_DEV_VFIO_GROUP_ADD), EBADF);
	fails(introduce(vfio, group, KVM_DEV_VFIO_GROUP_DEL), ENOENT);
	must(!introduce(vfio, group, KVM_DEV_VFIO_GROUP_ADD));
	fails(introduce(vfio, group, KVM_DEV_VFIO_GROUP_ADD), EEXIST);
	fails(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "nil"), ENODEV);

	must(!ioctl(m.vcpu, KVM_RUN, 0));	/* nobody answers: the VMM */
	must(m.run->exit_reason == KVM_EXIT_IO && m.run->io.port == NULL_PORT);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
	must(device >= 0);
	must(loaded(&m) == 10);			/* the device does */
	in_memory(&m);
	must(!close(device));
	back_to(&m, 0);
	must(!ioctl(m.vcpu, KVM_RUN, 0));
	must(m.run->exit_reason == KVM_EXIT_IO);

	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null");
	must(device >= 0);
	must(!introduce(vfio, group, KVM_DEV_VFIO_GROUP_DEL));
	must(!close(vfio) && !close(group));
	unmake(&m);
	must(in_use("twill"));		/* an open device holds it */
	must(!close(device));
}

/* A killed VMM's files are released last-opened first: "The circle of locks". */
static void killed_with_device(void)
{
	pid_t pid = fork();
	int status, group;

	must(pid >= 0);
	if (!pid) {
		struct machine m = make(halt, sizeof(halt));
		int vfio = make_vfio(m.vm);

		group = open("/dev/twill-vfio/0", O_RDWR);
		must(group >= 0);
		must(!introduce(vfio, group, KVM_DEV_VFIO_GROUP_ADD));
		must(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "null") >= 0);
		raise(SIGKILL);
	}
	must(waitpid(pid, &status, 0) == pid);
	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	group = open("/dev/twill-vfio/0", O_RDWR);
	must(group >= 0 && !close(group));
}

static void wrong_requests(void)
{
	struct machine m = make(halt, sizeof(halt));
	struct kvm_create_device c = { .type = 4711 };
	int status;
	pid_t pid;

	must(ioctl(m.dev, KVM_GET_API_VERSION, 0) == 12);
	fails(ioctl(m.dev, KVM_GET_API_VERSION, 1), EINVAL);
	fails(ioctl(m.dev, KVM_CREATE_VM, 77), EINVAL);
	must(ioctl(m.dev, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY) == 1);
	must(ioctl(m.dev, KVM_CHECK_EXTENSION, 987654) == 0);
	fails(ioctl(m.vm, KVM_CREATE_VCPU, 0), EEXIST);
	fails(ioctl(m.vm, KVM_CREATE_VCPU, 9999), EINVAL);
	fails(ioctl(m.vm, KVM_CREATE_DEVICE, &c), ENODEV);
	fails(ioctl(m.vm, KVM_CREATE_DEVICE, 8), EFAULT);
	fails(ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, 8), EFAULT);
	fails(ioctl(m.vm, 0xae99, 0), ENOTTY);
	fails(ioctl(m.vcpu, KVM_RUN, 1), EINVAL);
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		fails(ioctl(m.vm, KVM_CREATE_VCPU, 1), EIO);
		fails(ioctl(m.vcpu, KVM_RUN, 0), EIO);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && !status);
	unmake(&m);
}

/* A refused entry leaves nothing of the host's to be read. */
static void refused(void)
{
	struct machine m = make(halt, sizeof(halt));
	struct kvm_sregs sregs, sregs_after;
	struct kvm_regs regs, regs_after;

	must(!ioctl(m.vcpu, KVM_GET_REGS, &regs));
	must(!ioctl(m.vcpu, KVM_GET_SREGS, &sregs));
	sregs.efer |= 1 << 9;		/* which is reserved */
	must(!ioctl(m.vcpu, KVM_SET_SREGS, &sregs));
	must(!ioctl(m.vcpu, KVM_RUN, 0));
	must(m.run->exit_reason == KVM_EXIT_FAIL_ENTRY);
	must(!ioctl(m.vcpu, KVM_GET_REGS, &regs_after));
	must(!ioctl(m.vcpu, KVM_GET_SREGS, &sregs_after));
	must(!memcmp(&regs, &regs_after, sizeof(regs)));
	must(!memcmp(&sregs, &sregs_after, sizeof(sregs)));
	unmake(&m);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 50;
	int step = argc > 2 ? atoi(argv[2]) : 1;

	setvbuf(stdout, NULL, _IONBF, 0);
#define part(what, call) (printf("%s\n", what), call)
	part("wrong requests", wrong_requests());
	part("a refused entry", refused());
	part("every order of closing", every_order(step));
	part("the module waits for each holder", module_waits());
	part("a run interrupted", interrupted());
	part("memory that follows", memory_follows());
	part("slots that change", slots_change());
	part("a slot that wanders", slot_wanders(rounds * 2));
	part("a device passed through", passed_through());
	part("killed with a device", killed_with_device());
	must(account_rounds("many lives", many_lives, rounds));
	must(account_rounds("killed while running", killed, rounds / 5));
	return 0;
}
