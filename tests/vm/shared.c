// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machines shared by processes and threads, and CPUs that come and go under
 * them. Runs inside the tests' machine, as a payload.
 *
 * usage: shared [ROUNDS]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "account.h"
#include "vmm.h"

static int users(void)
{
	FILE *f = fopen("/sys/module/twill/refcnt", "r");
	int n = -1;

	must(f && fscanf(f, "%d", &n) == 1);
	fclose(f);
	return n;
}

static void ends_well(pid_t pid)
{
	int status;

	must(pid > 0 && waitpid(pid, &status, 0) == pid);
	must(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* What KVM says to a process whose memory the guest's is not. */
static void all_refused(int vm, int vcpu)
{
	struct kvm_regs regs;

	fails(ioctl(vm, KVM_CREATE_VCPU, 1), EIO);
	fails(ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), EIO);
	fails(slot(vm, 0, 0, 0, NULL), EIO);
	fails(ioctl(vcpu, KVM_RUN, 0), EIO);
	fails(ioctl(vcpu, KVM_GET_REGS, &regs), EIO);
	fails(ioctl(vcpu, 0x4711, 0), EIO);
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(2 * sizeof(int))];
};

static void hand_over(int socket, const int *fds)
{
	union control c = { .head = { .cmsg_level = SOL_SOCKET,
			    .cmsg_type = SCM_RIGHTS,
			    .cmsg_len = CMSG_LEN(2 * sizeof(int)) } };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };

	memcpy(CMSG_DATA(&c.head), fds, 2 * sizeof(int));
	must(sendmsg(socket, &m, 0) == 1);
}

static void take_over(int socket, int *fds)
{
	union control c;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };

	must(recvmsg(socket, &m, MSG_CMSG_CLOEXEC) == 1);
	must(CMSG_FIRSTHDR(&m));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), 2 * sizeof(int));
}

/* The heir of a machine holds it, and can do no more with it than let go. */
static void inherited(void)
{
	int pair[2], fds[2];
	struct kvm_run *run;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		must(errno == EAFNOSUPPORT || errno == ENOSYS);
		printf("(this kernel has no sockets)\n");
		return;
	}
	pid = fork();
	if (!pid) {
		struct machine m = make(halt, sizeof(halt));

		must(!ioctl(m.vcpu, KVM_RUN, 0));
		fds[0] = m.vm;
		fds[1] = m.vcpu;
		hand_over(pair[0], fds);
		exit(0);
	}
	take_over(pair[1], fds);
	ends_well(pid);
	must(users() == 2);
	all_refused(fds[0], fds[1]);
	run = mmap(NULL, RUN_SIZE, PROT_READ, MAP_SHARED, fds[1], 0);
	must(run != MAP_FAILED && run->exit_reason == KVM_EXIT_HLT);
	must(!close(fds[0]) && !close(fds[1]));
	must(users() == 1 && run->exit_reason == KVM_EXIT_HLT);
	must(!munmap(run, RUN_SIZE));
	close(pair[0]);
	close(pair[1]);
}

/* A copy of the descriptor, of the process, a process with the same memory. */
static void copied(void)
{
	struct machine m = make(halt, sizeof(halt));
	int copy = dup(m.vcpu), status;
	pid_t pid = fork();

	if (!pid) {
		all_refused(m.vm, m.vcpu);
		exit(0);
	}
	ends_well(pid);
	must(!close(m.vcpu));
	m.vcpu = copy;
	must(!ioctl(m.vcpu, KVM_RUN, 0));
	must(m.run->exit_reason == KVM_EXIT_HLT);
	pid = vfork();
	if (!pid)
		_exit(ioctl(copy, KVM_CHECK_EXTENSION, 0) != -1 ||
		      errno != EINVAL);
	must(waitpid(pid, &status, 0) == pid && !status);
	unmake(&m);
}

/* After an exec the files are still there, and the memory is not. */
static void executed(void)
{
	char vm[12], vcpu[12];
	pid_t pid = fork();

	if (!pid) {
		struct machine m = make(halt, sizeof(halt));

		must(!ioctl(m.vcpu, KVM_RUN, 0));
		sprintf(vm, "%d", dup(m.vm));
		sprintf(vcpu, "%d", dup(m.vcpu));
		execl("/proc/self/exe", "shared", "executed", vm, vcpu, NULL);
		must(!"exec");
	}
	ends_well(pid);
}

struct runner {
	pthread_t thread;
	struct machine *m;
	int vcpu;
	int result, error;
	volatile int done;
};

static void *run_it(void *arg)
{
	struct runner *r = arg;

	r->result = ioctl(r->vcpu, KVM_RUN, 0);
	r->error = errno;
	r->done = 1;
	return NULL;
}

static void *ask_it(void *arg)
{
	struct runner *r = arg;
	struct kvm_regs regs;

	r->result = ioctl(r->vcpu, KVM_GET_REGS, &regs);
	r->error = errno;
	r->done = 1;
	return NULL;
}

static void start(struct runner *r, int vcpu, void *(*what)(void *))
{
	r->vcpu = vcpu;
	r->done = 0;
	must(!pthread_create(&r->thread, NULL, what, r));
}

/* The signal may come before the thread is in the guest: so, again. */
static void interrupt(struct runner *r)
{
	while (!r->done) {
		must(!pthread_kill(r->thread, SIGUSR1));
		usleep(1000);
	}
	must(!pthread_join(r->thread, NULL));
	must(r->result == -1 && r->error == EINTR);
}

static void wait_for(volatile uint16_t *counter)
{
	uint16_t then = *counter;

	while (*counter == then)
		usleep(500);
}

/* inc word [bx] ; jmp back */
static const uint8_t count[] = { 0xff, 0x07, 0xeb, 0xfc };
#define COUNTER(m, id) ((volatile uint16_t *)((m)->mem + 2 * PAGE) + (id))

static void count_with(int vcpu, int id)
{
	struct kvm_regs regs = { .rflags = 2, .rbx = 2 * PAGE + 2 * id };
	struct kvm_sregs sregs;

	must(!ioctl(vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = sregs.cs.selector = 0;
	must(!ioctl(vcpu, KVM_SET_SREGS, &sregs));
	must(!ioctl(vcpu, KVM_SET_REGS, &regs));
}

/*
 * One vCPU, several threads: whoever comes second waits for the first, also
 * when the first is preempted, as it is when all share a CPU.
 */
static void contended(void)
{
	struct machine m = make(count, sizeof(count));
	struct runner first, second, asks;
	cpu_set_t all, one;

	must(!sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(!sched_setaffinity(0, sizeof(one), &one));
	count_with(m.vcpu, 0);
	start(&first, m.vcpu, run_it);
	wait_for(COUNTER(&m, 0));
	start(&second, m.vcpu, run_it);
	start(&asks, m.vcpu, ask_it);
	usleep(30000);
	must(!first.done && !second.done && !asks.done);
	interrupt(&first);
	interrupt(&second);
	must(!pthread_join(asks.thread, NULL) && !asks.result);
	must(!sched_setaffinity(0, sizeof(all), &all));
	unmake(&m);
}

/* Killed while one thread runs the vCPU and another waits for it. */
static void contended_and_killed(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct machine m = make(count, sizeof(count));
		struct runner first, second;

		count_with(m.vcpu, 0);
		start(&first, m.vcpu, run_it);
		wait_for(COUNTER(&m, 0));
		start(&second, m.vcpu, run_it);
		usleep(5000);
		raise(SIGKILL);
	}
	must(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

static void set_cpu(int cpu, int online)
{
	char path[64];
	int fd, r;

	sprintf(path, "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0);
	do
		r = write(fd, online ? "1" : "0", 1);
	while (r == -1 && errno == EBUSY);
	must(r == 1);
	close(fd);
}

#define VCPUS 4

/* Guests go on counting, whichever CPU is taken from them, and given back. */
static void cpus_change(int rounds)
{
	struct machine m = make(count, sizeof(count));
	int vcpu[VCPUS] = { m.vcpu }, cpus = sysconf(_SC_NPROCESSORS_CONF), i;
	struct runner r[VCPUS];

	for (i = 0; i < VCPUS; i++) {
		if (i)
			vcpu[i] = ioctl(m.vm, KVM_CREATE_VCPU, i);
		must(vcpu[i] >= 0);
		count_with(vcpu[i], i);
		start(&r[i], vcpu[i], run_it);
	}
	for (; rounds--; set_cpu(1 + rounds % (cpus - 1), 1)) {
		set_cpu(1 + rounds % (cpus - 1), 0);
		for (i = 0; i < VCPUS; i++)
			wait_for(COUNTER(&m, i));
	}
	for (i = 0; i < VCPUS; i++) {
		wait_for(COUNTER(&m, i));
		interrupt(&r[i]);
		must(!i || !close(vcpu[i]));
	}
	unmake(&m);
}

static void nothing(int sig)
{
	(void)sig;
}

static void all(int rounds)
{
	int i;

	for (i = 0; i < rounds; i++) {
		inherited();
		copied();
		executed();
		contended();
		contended_and_killed();
	}
	cpus_change(rounds);
	must(users() == 0);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = nothing };
	int rounds = argc > 1 ? atoi(argv[1]) : 30;
	struct account before;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc == 4) {
		all_refused(atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	sigaction(SIGUSR1, &action, NULL);
	printf("machines shared, CPUs that come and go, %d times\n", rounds);
	all(2);
	account_take(&before);
	all(rounds);
	must(account_balanced("shared", &before));
	return 0;
}
