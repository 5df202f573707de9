// SPDX-License-Identifier: GPL-2.0-only
/*
 * The explorer's scenarios on a booted kernel: the same text, the system's
 * calls, a thread a task.
 *
 * usage: scenarios NAME [ORDER]	ORDER: a file of "A step" lines
 *
 * With an order, each task tells the gate (/dev/twill-gate) who it is, and the
 * gate holds the order of steps. The last line printed says how it ended:
 * "done", or "hung" when a task has not come back in time (exit status 3).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "scenario.h"

#define LIMIT	20		/* seconds until a task counts as hung */

extern const struct scenario *const __start_twill_scenarios[];
extern const struct scenario *const __stop_twill_scenarios[];

static int gate = -1;
static pthread_barrier_t begin;

int u_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int u_close(int fd)
{
	return close(fd) ? -errno : 0;
}

long u_ioctl_(int fd, unsigned int cmd, unsigned long arg)
{
	int r = ioctl(fd, cmd, arg);

	return r < 0 ? -errno : r;
}

static void *map(int fd, size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

void *u_mmap(int fd, size_t size)
{
	return map(fd, size, MAP_SHARED);
}

void *u_memory(size_t size)
{
	return map(-1, size, MAP_PRIVATE | MAP_ANONYMOUS);
}

int u_munmap(void *p, size_t size)
{
	return munmap(p, size) ? -errno : 0;
}

void u_failed(const char *cond)
{
	printf("assertion: %s\n", cond);
	fflush(stdout);
	_exit(1);
}

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

static void *run_task(void *arg)
{
	const struct scenario *s = ((void **)arg)[0];
	long i = (long)((void **)arg)[1];

	tell_gate("task %c", (int)('A' + i));
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&begin);	/* the order holds from here */
	s->task[i]();
	tell_gate("leave");
	return NULL;
}

static void run(const struct scenario *s)
{
	void *args[4][2];
	pthread_t threads[4];
	long i, n = 0;

	while (n < 4 && s->task[n])
		n++;
	pthread_barrier_init(&begin, NULL, n + 1);
	if (s->setup)
		s->setup();
	for (i = 0; i < n; i++) {
		args[i][0] = (void *)s;
		args[i][1] = (void *)i;
		pthread_create(&threads[i], NULL, run_task, args[i]);
	}
	pthread_barrier_wait(&begin);
	tell_gate("start");
	pthread_barrier_wait(&begin);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	tell_gate("stop");
	if (s->end)
		s->end();
}

static void read_order(const char *name)
{
	static char text[16000];
	FILE *f = fopen(name, "r");
	size_t n;

	gate = open("/dev/twill-gate", O_RDWR);
	if (!f || gate < 0) {
		perror(f ? "/dev/twill-gate" : name);
		exit(2);
	}
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	tell_gate("order\n%s", text);
}

static void print_gate(void)
{
	char text[256];
	ssize_t n;

	if (gate < 0)
		return;
	n = pread(gate, text, sizeof(text) - 1, 0);
	if (n > 0)
		printf("gate: %.*s\n", (int)n - (text[n - 1] == '\n'), text);
}

int main(int argc, char **argv)
{
	const struct scenario *const *s;
	int status, i;
	pid_t child;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++) {
		if (argc < 2)
			printf("%s\n", (*s)->name);
		else if (!strcmp((*s)->name, argv[1]))
			break;
	}
	if (argc < 2)
		return 0;
	if (s == __stop_twill_scenarios) {
		fprintf(stderr, "no such scenario: %s\n", argv[1]);
		return 2;
	}
	if (argc > 2)
		read_order(argv[2]);
	/* A task that hangs cannot be killed: so wait for it from outside. */
	child = fork();
	if (!child) {
		run(*s);
		_exit(0);
	}
	for (i = 0; i < LIMIT * 100; i++) {
		if (waitpid(child, &status, WNOHANG) == child) {
			print_gate();
			if (WIFEXITED(status) && !WEXITSTATUS(status)) {
				printf("done\n");
				return 0;
			}
			printf("failed, status %#x\n", status);
			return 1;
		}
		usleep(10000);
	}
	print_gate();
	printf("hung\n");
	fflush(stdout);
	_exit(3);
}
