// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests by chance, on every kind of descriptor that Twill has: with good
 * arguments, nearly good ones and absurd ones, from several threads at once,
 * with guests that run what is nearly code, and memory that comes and goes.
 * Runs inside the tests' machine, as a payload; that nothing is lost is counted
 * here, the kernel's detectors see the rest.
 *
 * usage: fuzz [-s SEED] [-n CALLS] [-l LIFE] [-r]
 *        fuzz -c TWILL'S-ANSWERS KVM'S-ANSWERS
 *
 * The calls are divided into lives: a process each, with machines of its own,
 * one thread or several; some are killed. -l: only that life. -r: on whatever
 * /dev/kvm is, one thread each, only requests that both Twill and KVM should
 * know, and each answer is printed; -c compares two such lists.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "account.h"
#include "fuzz.h"

#define THREADS 4
#define CALLS_A_LIFE 400	/* of all its threads */
#define MAPPINGS 8
#define MAPPING(n) (ARENA + (1UL << 30) + (n) * 16 * PAGE)
#define RUN_MS 2		/* for a KVM_RUN, at most, and a bit */
#define LIFE_S 60		/* then it hangs */

static const char *device_node = "/dev/twill";
static struct answer *answers;	/* being recorded; or NULL */

/* What the threads of a life share. */
static int fds[KINDS][KEPT];
static int noise;		/* a file of random bytes */
static int late;		/* a userfaultfd */
static struct {
	atomic_uint calls;	/* ioctls so far, of all lives */
} *shared;

struct worker {
	pthread_t thread;
	struct shape shape;
	timer_t timer;
	unsigned int calls;
};

static void die(const char *what)
{
	printf("fuzz: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* All machines have the same memory. */
static void give_memory(int vm)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = ARENA_PAGES * PAGE,
		.userspace_addr = (uintptr_t)ARENA,
	}, tables = {
		.slot = 6, .guest_phys_addr = TABLES_AT,
		.memory_size = TABLES_PAGES * PAGE,
		.userspace_addr = (uintptr_t)TABLES,
	};

	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &tables);
}

static void keep(struct shape *s, enum kind kind, int fd)
{
	int old = atomic_exchange((_Atomic int *)&fds[kind][below(s, KEPT)],
				  fd);

	if (old >= 0)
		close(old);
}

static int pick(struct shape *s, enum kind kind)
{
	unsigned int at = below(s, KEPT);

	/* The first is there from the beginning. */
	return fds[kind][fds[kind][at] >= 0 ? at : 0];
}

/* A guest can spin: a signal ends it, and comes again if it came too early. */
static int run(struct worker *w, int fd, uint64_t argument)
{
	struct itimerspec on = { { 0, 5000000 }, { 0, (answers ? 5 : 1) * RUN_MS * 1000000 } };
	struct itimerspec off = {};
	int r, error;

	timer_settime(w->timer, 0, &on, NULL);
	r = ioctl(fd, KVM_RUN, argument);
	error = errno;
	timer_settime(w->timer, 0, &off, NULL);
	errno = error;
	return r;
}

/* Fields of KVM's that Twill, which does not offer them, does not read. */
#define HEAD offsetof(struct kvm_run, kvm_valid_regs)

static int write_noise(struct shape *s, uint8_t *to, size_t most)
{
	size_t from = below(s, most), n = 1 + below(s, most - from);

	return pread(noise, to + from, n, below(s, 8) * PAGE);
}

static void request(struct worker *w, unsigned int which, struct answer *a)
{
	struct shape *s = &w->shape;
	const struct request *q = &requests[which];
	unsigned long nr = q->nr;
	uint64_t argument;
	int r;

	s->fd = pick(s, one_in(s, 20) && !answers ? below(s, KINDS) : q->kind);
	argument = make_argument(s, which);
	if (one_in(s, 40) && !answers)
		nr ^= 1UL << below(s, 32);
	a->what = which;
	r = nr == KVM_RUN ? run(w, s->fd, argument) :
			    ioctl(s->fd, nr, argument);
	a->error = r < 0 ? errno : 0;
	if (nr == KVM_RUN && !r && s->fd == fds[VCPU][0])
		a->exit_reason = ((struct kvm_run *)MAPPING(0))->exit_reason;
	atomic_fetch_add(&shared->calls, 1);
	if (r >= 0 && nr == KVM_CREATE_DEVICE) {
		struct kvm_create_device *d = (void *)argument;

		if (!(d->flags & KVM_CREATE_DEVICE_TEST))
			keep(s, DEVICE, d->fd);
	} else if (r >= 0 && nr == q->nr && q->makes != KINDS) {
		if (q->makes == MACHINE)
			give_memory(r);
		keep(s, q->makes, r);
	}
}

static void map_something(struct shape *s, struct answer *a)
{
	enum kind kind = one_in(s, 3) ? below(s, KINDS) : VCPU;
	uint64_t offset = one_in(s, 2) ? 0 : (odd_value(s) & ~0xfffULL);
	size_t size = one_in(s, 2) ? RUN_SIZE : 1 + below(s, 10 * PAGE);
	uint8_t *at = MAPPING(1 + below(s, MAPPINGS - 1));
	int flags = one_in(s, 4) ? MAP_PRIVATE : MAP_SHARED;

	if (one_in(s, 4))
		munmap(at, 10 * PAGE);
	a->what = A_MMAP;
	a->error = mmap(at, size, below(s, 8), flags | MAP_FIXED,
			pick(s, kind), offset) == MAP_FAILED ? errno : 0;
}

/* The guest's memory, and what happens to it meanwhile. */
static void stir_memory(struct shape *s)
{
	static const int advice[] = { MADV_DONTNEED, MADV_FREE, MADV_COLD,
				      MADV_PAGEOUT, MADV_MERGEABLE,
				      MADV_HUGEPAGE, MADV_DONTFORK };
	uint64_t which = below(s, ARENA_PAGES + TABLES_PAGES);
	uint8_t *at = which < ARENA_PAGES ? ARENA + which * PAGE :
		      TABLES + (which - ARENA_PAGES) * PAGE;
	size_t size = (1 + below(s, 4)) * PAGE;
	uint8_t page[PAGE];

	switch (below(s, 8)) {
	case 0:
		madvise(at, size, advice[below(s, 7)]);
		break;
	case 1:
		mprotect(at, size, below(s, 8));
		break;
	case 2:
		munmap(at, size);
		break;
	case 3:
	case 4:
		mmap(at, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 5:
		write_noise(s, at, PAGE);
		break;
	default:
		soup(s, page);
		pwrite(fds[OTHER][0], page, PAGE, 0);
		pread(fds[OTHER][0], at, PAGE, 0);
	}
}

static void close_something(struct shape *s)
{
	enum kind kind = below(s, KINDS);
	unsigned int at = 1 + below(s, KEPT - 1);
	int fd = atomic_exchange((_Atomic int *)&fds[kind][at], -1);

	if (fd >= 0)
		close(fd);
}

static void other_calls(struct shape *s)
{
	int fd = pick(s, below(s, KINDS));
	unsigned long nr = (chance(s) & 0x3fff00ff) | 0xae00;

	switch (below(s, 6)) {
	case 0:
		read(fd, s->scratch, below(s, PAGE));
		break;
	case 1:
		lseek(fd, odd_value(s), below(s, 5));
		break;
	case 2:
		keep(s, SYSTEM, open(device_node, below(s, 4) | O_CLOEXEC));
		break;
	case 3:
		if (!answers)
			keep(s, GROUP, open("/dev/twill-vfio/0",
					    O_RDWR | O_CLOEXEC));
		break;
	case 4:
		close_something(s);
		break;
	case 5:
		if (answers)
			break;
		defuse(nr, s->scratch + PAGE);
		ioctl(fd, nr, s->scratch + PAGE);
		atomic_fetch_add(&shared->calls, 1);
	}
}

static void one_call(struct worker *w, struct answer *a)
{
	struct shape *s = &w->shape;

	a->what = NOTHING;
	switch (below(s, 20)) {
	case 0:
		map_something(s, a);
		break;
	case 1:
		write_noise(s, MAPPING(below(s, MAPPINGS)),
			    answers ? HEAD : RUN_SIZE);
		break;
	case 2:
		stir_memory(s);
		break;
	case 3:
		other_calls(s);
		break;
	default:
		request(w, below(s, request_count), a);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM,
		._sigev_un._tid = gettid(),
	};
	struct answer none, *a = answers ? answers : &none;

	if (timer_create(CLOCK_MONOTONIC, &event, &w->timer))
		die("timer_create");
	while (w->calls--) {
		one_call(w, a);
		a += !!answers;
	}
	return NULL;
}

static void make_tables(void)
{
	uint32_t *directory = (uint32_t *)TABLES;
	uint64_t *table = (uint64_t *)(TABLES + PAGE);

	directory[0] = 0x87;
	table[0] = (TABLES_AT + 2 * PAGE) | 7;
	table[512] = (TABLES_AT + 3 * PAGE) | 7;
	table[1024] = 0x87;
}

/* Gives each page of the arena that is wanted; sooner or later, somehow. */
static void *serve(void *arg)
{
	struct shape s = *(struct shape *)arg;
	struct uffdio_range page = { .len = PAGE };
	struct uffdio_zeropage zero;
	uint8_t insns[PAGE];
	struct uffdio_copy copy = { .src = (uintptr_t)insns, .len = PAGE };
	struct uffd_msg msg;

	while (read(late, &msg, sizeof(msg)) == sizeof(msg)) {
		usleep(below(&s, 2000));
		page.start = msg.arg.pagefault.address & -PAGE;
		soup(&s, insns);
		copy.dst = page.start;
		zero.range = page;
		/* It may have gone, or come, by now. */
		if (one_in(&s, 2))
			ioctl(late, UFFDIO_COPY, &copy);
		else
			ioctl(late, UFFDIO_ZEROPAGE, &zero);
		ioctl(late, UFFDIO_WAKE, &page);
	}
	return arg;
}

/*
 * The arena's pages come late. A killed process releases its file with the
 * highest number first: were it a machine's, it would wait for a page that
 * nobody gives any more (the chapter "Absent pages" tells).
 */
static void come_late(struct shape *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)ARENA, ARENA_PAGES * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	static struct shape servers;
	pthread_t thread;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	late = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
	close(fd);
	servers = *s;
	if (late < 0 || ioctl(late, UFFDIO_API, &api) ||
	    ioctl(late, UFFDIO_REGISTER, &range) ||
	    pthread_create(&thread, NULL, serve, &servers))
		die("userfaultfd");
}

static void first_machine(void)
{
	struct kvm_regs regs = { .rflags = 2, .rsp = PAGE };
	struct kvm_sregs sregs;

	memset(fds, -1, sizeof(fds));
	fds[OTHER][0] = memfd_create("page", MFD_CLOEXEC);
	fds[OTHER][1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fds[SYSTEM][0] = open(device_node, O_RDWR | O_CLOEXEC);
	fds[MACHINE][0] = ioctl(fds[SYSTEM][0], KVM_CREATE_VM, 0);
	give_memory(fds[MACHINE][0]);
	fds[VCPU][0] = ioctl(fds[MACHINE][0], KVM_CREATE_VCPU, 0);
	if (fds[VCPU][0] < 0 ||
	    ioctl(fds[VCPU][0], KVM_GET_SREGS, &sregs))
		die(device_node);
	sregs.cs.base = sregs.cs.selector = 0;
	defuse(KVM_SET_SREGS, &sregs);
	ioctl(fds[VCPU][0], KVM_SET_SREGS, &sregs);
	ioctl(fds[VCPU][0], KVM_SET_REGS, &regs);
	if (mmap(MAPPING(0), RUN_SIZE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fds[VCPU][0], 0) == MAP_FAILED)
		die("mmap");
	if (!answers)
		fds[GROUP][0] = open("/dev/twill-vfio/0", O_RDWR | O_CLOEXEC);
}

static uint8_t *map_at(uint8_t *at, size_t size)
{
	at = mmap(at, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void live(uint64_t seed, unsigned int life)
{
	struct shape s = { .state = seed + life * 0xd1342543de82ef95 };
	struct worker w[THREADS] = {};
	unsigned int i, n = answers ? 1 : 1 + below(&s, THREADS);
	bool be_killed = one_in(&s, 8) && !answers;

	map_at(ARENA, ARENA_PAGES * PAGE);
	map_at(TABLES, TABLES_PAGES * PAGE);
	for (i = 0; i < 8; i++)
		soup(&s, ARENA + i * PAGE);
	make_tables();
	first_machine();
	if (!answers && one_in(&s, 2))
		come_late(&s);
	for (i = 0; i < n; i++) {
		w[i].shape = s;
		w[i].shape.state = chance(&s);
		w[i].shape.fds = fds[0];
		w[i].shape.alike = answers;
		w[i].shape.scratch = map_at(NULL, SCRATCH_SIZE + PAGE);
		munmap(w[i].shape.scratch + SCRATCH_SIZE, PAGE);
		w[i].calls = CALLS_A_LIFE / n;
		if (i && pthread_create(&w[i].thread, NULL, work, &w[i]))
			die("pthread_create");
	}
	work(&w[0]);
	if (be_killed)
		raise(SIGKILL);
	for (i = 1; i < n; i++)
		pthread_join(w[i].thread, NULL);
	_exit(0);
}

static void one_life(uint64_t seed, unsigned int life)
{
	struct timespec limit = { LIFE_S, 0 };
	pid_t pid = fork();
	sigset_t child;
	int status;

	if (!pid)
		live(seed, life);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigtimedwait(&child, NULL, &limit) != SIGCHLD) {
		printf("fuzz: -s %#llx -l %u hangs\n",
		       (unsigned long long)seed, life);
		kill(pid, SIGKILL);
		exit(1);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : status) {
		printf("fuzz: -s %#llx -l %u ends with status %#x\n",
		       (unsigned long long)seed, life, status);
		exit(1);
	}
}

static void prepare(bool record)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct shape s = { .state = 4711 };
	uint64_t word;
	unsigned int i;
	sigset_t child;

	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	noise = memfd_create("noise", MFD_CLOEXEC);
	for (i = 0; i < 10 * PAGE / 8; i++) {
		word = odd_value(&s);
		if (write(noise, &word, sizeof(word)) != sizeof(word))
			die("noise");
	}
	if (!record)
		return;
	device_node = "/dev/kvm";
	answers = mmap(NULL, CALLS_A_LIFE * sizeof(*answers),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
}

static void record_all(uint64_t seed, unsigned int lives)
{
	unsigned int life, i;

	for (life = 0; life < lives; life++) {
		one_life(seed, life);
		for (i = 0; i < CALLS_A_LIFE; i++)
			printf("= %u %d %u\n", answers[i].what,
			       answers[i].error, answers[i].exit_reason);
	}
}

static void fuzz(uint64_t seed, unsigned int calls)
{
	struct account before;
	unsigned int life;

	/* The first lives' are for the caches that grow once. */
	for (life = 0; life < 10; life++)
		one_life(seed, life);
	account_take(&before);
	for (shared->calls = 0; shared->calls < calls; life++)
		one_life(seed, life);
	printf("%u calls, %u lives\n", shared->calls, life);
	if (!account_balanced("fuzz", &before))
		exit(1);
}

int main(int argc, char **argv)
{
	struct utsname here;
	unsigned int calls = 100000;
	bool record = false, against = false;
	uint64_t seed = 1;
	int option, life = -1;

	while ((option = getopt(argc, argv, "s:n:l:rc")) != -1) {
		switch (option) {
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 'n': calls = strtoul(optarg, NULL, 0); break;
		case 'l': life = strtoul(optarg, NULL, 0); break;
		case 'r': record = true; break;
		case 'c': against = true; break;
		default: return 2;
		}
	}
	if (against && argc == optind + 2)
		return compare(argv[optind], argv[optind + 1], CALLS_A_LIFE);
	prepare(record);
	printf("fuzz: -s %#llx -n %u\n", (unsigned long long)seed, calls);
	uname(&here);
	printf("kernel %s\n", here.release);
	fflush(stdout);		/* before the children have it too */
	if (life >= 0)
		one_life(seed, life);
	else if (record)
		record_all(seed, calls / CALLS_A_LIFE);
	else
		fuzz(seed, calls);
	return 0;
}
