// SPDX-License-Identifier: GPL-2.0-only
/*
 * The explorer's scenarios on a booted kernel: the same text, the system's
 * calls (calls.c), a thread a task, or a process where the scenario wants it.
 *
 * usage: scenarios NAME [ORDER]	ORDER: a file of "A step" lines
 *
 * With an order, each task tells the gate (/dev/twill-gate) who it is, and the
 * gate holds the order of steps; where the order has a step "begin" for a
 * task, the task takes it before its first call. Where the order has steps of a
 * task U there is such a task, which unloads twill if nothing holds it. A
 * scenario in which something may fail runs many times: the first task's first
 * allocation fails, its second, and so on. The last line printed says how it
 * ended: "done", or "hung" when a task has not come back in time (exit status
 * 3).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "scenario.h"

#define LIMIT	20		/* seconds until a task counts as hung */
enum { DONE, FAILED, HUNG = 3, ALL_WENT_WELL };	/* exit statuses, in part */

extern const struct scenario *const __start_twill_scenarios[];
extern const struct scenario *const __stop_twill_scenarios[];

static const struct scenario *scenario;
static long nr_tasks, unloads;	/* and whether there is one more, who does */
static int gate = -1;
static char order[16000];
static unsigned int fails;	/* which of the first task's allocations */

/* What processes without common memory have in common. */
static struct common {
	pthread_barrier_t begin;
	sem_t tasks_ended;
	bool unloaded;
} *common;

static void tell_gate(const char *fmt, ...)
{
	char text[16384];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (gate >= 0 && write(gate, text, n) != n) {
		perror("/dev/twill-gate");
		_exit(2);
	}
}

static bool hear_gate(char *text, size_t size)
{
	ssize_t n = gate < 0 ? 0 : pread(gate, text, size - 1, 0);

	if (n <= 0)
		return false;
	text[n - (text[n - 1] == '\n')] = 0;
	return true;
}

/* What the order has left for workers they do after all tasks have ended. */
static void await_workers(void)
{
	char text[256], *step;
	int i;

	for (i = 0; i < 30 && hear_gate(text, sizeof(text)); i++) {
		step = strstr(text, ": ");
		if (strncmp(text, "at ", 3) || !step || step[2] != 'w')
			break;
		usleep(100000);
	}
}

/* The task with its N-th allocation failing, if it comes to that. */
static void fail_in(void (*task)(void), unsigned int n)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char text[20] = "";

	u_assert(dprintf(fd, "%u", n) > 0);
	task();
	u_assert(pread(fd, text, sizeof(text) - 1, 0) > 0);
	u_assert(pwrite(fd, "0", 1, 0) == 1);
	close(fd);
	if (atoi(text))
		fails = 0;		/* it did not come to that */
}

#define TRIES	25

/* What sound code holds it does not let go of, however often one tries. */
static void unload(void)
{
	int i;

	tell_gate("step unload");
	for (i = 0; i < TRIES && !common->unloaded; i++) {
		if (!syscall(SYS_delete_module, "twill", O_NONBLOCK))
			common->unloaded = true;
		else if (errno != EWOULDBLOCK)
			break;
		else
			usleep(20000);
	}
	tell_gate("step unloaded");
}

static void *run_task(void *arg)
{
	long i = (long)arg;
	char begin[] = "A begin\n";

	*begin = i < nr_tasks ? 'A' + i : 'U';
	tell_gate("task %c", *begin);
	pthread_barrier_wait(&common->begin);
	pthread_barrier_wait(&common->begin);	/* the order holds from here */
	if (strstr(order, begin))
		tell_gate("step begin");
	if (fails && !i)
		fail_in(scenario->task[i], fails);
	else if (i < nr_tasks)
		scenario->task[i]();
	else
		unload();
	tell_gate("leave");
	return NULL;
}

static void start_tasks(void)
{
	pthread_barrier_wait(&common->begin);
	tell_gate("start");
	pthread_barrier_wait(&common->begin);
}

/*
 * A machine that is still there when its module has gone is met again by the
 * first who changes the memory: that must not be us, but who was in the module.
 */
static void finish(void)
{
	await_workers();
	if (common->unloaded)
		sleep(2);
	tell_gate("stop");
	if (scenario->end)
		scenario->end();
}

#define STACK	65536

/* The stacks are ours: the library gives memory back when a thread ends. */
static void run_threads(void)
{
	static char stacks[5][STACK] __attribute__((aligned(4096)));
	pthread_attr_t attr;
	pthread_t threads[5];
	long i;

	pthread_attr_init(&attr);
	for (i = 0; i < nr_tasks + unloads; i++) {
		pthread_attr_setstack(&attr, stacks[i], STACK);
		pthread_create(&threads[i], &attr, run_task, (void *)i);
	}
	start_tasks();
	for (i = 0; i < nr_tasks + unloads; i++)
		pthread_join(threads[i], NULL);
	finish();
}

/*
 * What a process has written before it made others is copied when it is written
 * again, and the notifier is told that the page goes: steps that no scenario
 * has. So all is copied now that others have (the flag dc: they have not).
 */
static void own_memory(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long a, b, from = 0, to = 0;
	char line[400], kind;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx rw%*c%c", &a, &b, &kind) == 3) {
			from = kind == 'p' ? a : 0;
			to = b;
		}
		if (strncmp(line, "VmFlags:", 8))
			continue;
		if (from && !strstr(line, " dc"))
			u_assert(!madvise((void *)from, to - from,
					  MADV_POPULATE_WRITE));
		from = 0;
	}
	fclose(f);
}

/*
 * Processes with the same descriptors, not the same memory: each has a copy of
 * setup's variables. This one, whose the machine is, goes on as the first task.
 * The last one is no task; it is there for the end, since the first may exit.
 */
static void run_processes(void)
{
	long i, pid;

	for (i = 1; i <= nr_tasks + unloads; i++) {
		pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		u_assert(pid >= 0);
		if (pid)
			continue;
		if (i < nr_tasks + unloads) {
			run_task((void *)i);
		} else {
			start_tasks();
			sem_wait(&common->tasks_ended);
			finish();
		}
		u_exit();
	}
	own_memory();
	run_task(0);
}

static void run(void)
{
	pthread_barrierattr_t shared;

	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&common->begin, &shared, nr_tasks + unloads + 1);
	sem_init(&common->tasks_ended, true, 0);
	if (scenario->setup)
		scenario->setup();
	if (scenario->apart)
		run_processes();
	else
		run_threads();
}

/* A task that hangs cannot be killed: so they are waited for from outside. */
static int run_in_time(void)
{
	int status, i, ended = 0, tasks = nr_tasks + unloads;
	int wanted = scenario->apart ? tasks + 1 : 1;
	bool failing = fails;
	pid_t child = fork();

	if (!child) {
		run();
		_exit(failing && !fails ? ALL_WENT_WELL : DONE);
	}
	for (i = 0; i < LIMIT * 100; i++) {
		while (waitpid(-1, &status, WNOHANG) > 0) {
			if (WIFEXITED(status) &&
			    WEXITSTATUS(status) == ALL_WENT_WELL)
				return ALL_WENT_WELL;
			if (status) {
				printf("failed, status %#x\n", status);
				return FAILED;
			}
			if (++ended == tasks)
				sem_post(&common->tasks_ended);
			if (ended == wanted)
				return DONE;
		}
		usleep(10000);
	}
	return HUNG;
}

static void set_failures(const char *file, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	u_assert(write(fd, value, strlen(value)) > 0);
	close(fd);
}

static int run_with_failures(void)
{
	int r;

	set_failures("failslab/ignore-gfp-wait", "N");
	set_failures("failslab/verbose", "0");
	/*
	 * Pages do not count: a slab needs some now and then, and the next
	 * allocation would be another one than in the run before.
	 */
	set_failures("fail_page_alloc/min-order", "99");
	do {
		fails++;
		r = run_in_time();
	} while (r == DONE);
	if (r != ALL_WENT_WELL)
		return r;
	printf("%u allocations have failed\n", fails - 1);
	return DONE;
}

static void read_order(const char *name)
{
	FILE *f = fopen(name, "r");
	size_t n;

	gate = open("/dev/twill-gate", O_RDWR);
	if (!f || gate < 0) {
		perror(f ? "/dev/twill-gate" : name);
		exit(2);
	}
	n = fread(order, 1, sizeof(order) - 1, f);
	fclose(f);
	order[n] = 0;
	unloads = !!strstr(order, "U unload\n");
	tell_gate("order\n%s", order);
}

static void print_gate(void)
{
	char text[256];

	if (hear_gate(text, sizeof(text)))
		printf("gate: %s\n", text);
}

static const struct scenario *find(const char *name)
{
	const struct scenario *const *s;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++) {
		if (!name)
			printf("%s\n", (*s)->name);
		else if (!strcmp((*s)->name, name))
			return *s;
	}
	if (!name)
		exit(0);
	fprintf(stderr, "no such scenario: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	int r;

	scenario = find(argc > 1 ? argv[1] : NULL);
	while (nr_tasks < 4 && scenario->task[nr_tasks])
		nr_tasks++;
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u_assert(common != MAP_FAILED);
	/* A task whose process has ended is ours. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (argc > 2)
		read_order(argv[2]);
	r = scenario->faults ? run_with_failures() : run_in_time();
	print_gate();
	if (r != FAILED)
		printf("%s\n", r == DONE ? "done" : "hung");
	fflush(stdout);
	_exit(r);
}
