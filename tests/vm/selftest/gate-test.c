// SPDX-License-Identifier: GPL-2.0-only
/* The gate keeps an order, and says so when it cannot. */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int gate, steps, failed;
static const char *words[2], *early;
static pthread_barrier_t begin;

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		err(1, "write %s", text);
}

static void hear(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	if (n < 0)
		err(1, "read");
	text[n] = 0;
}

/* A task: "A" and its steps. */
static void *task(void *arg)
{
	char *text = strdup(words[(long)arg]), *word = strtok_r(text, " ", &text);
	char hello[] = "task ?";

	hello[5] = *word;
	say(gate, hello);
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&begin);	/* the order holds from here */
	while ((word = strtok_r(NULL, " ", &text)))
		say(steps, word);
	say(gate, "leave");
	return NULL;
}

static void expect(const char *what, const char *is, const char *want)
{
	if (!strncmp(is, want, strlen(want)))
		return;
	printf("%s: \"%s\", not \"%s\"\n", what, is, want);
	failed = 1;
}

/* Two tasks under an order: what passes, and what the gate says of it. */
static void try(const char *order, const char *a, const char *b,
		const char *passes, const char *verdict)
{
	char noted[256], said[256];
	pthread_t t[2];
	int i;

	close(open("/dev/steps", O_RDWR | O_TRUNC));
	words[0] = a;
	words[1] = b;
	pthread_barrier_init(&begin, NULL, 3);
	say(gate, order);
	if (early) {
		say(steps, early);
		usleep(100000);	/* what is not stopped is over by then */
	}
	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, task, (void *)(long)i);
	pthread_barrier_wait(&begin);
	say(gate, "start");
	pthread_barrier_wait(&begin);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	usleep(100000);		/* what is left to a workqueue */
	hear(gate, said, sizeof(said));
	say(gate, "stop");
	hear(steps, noted, sizeof(noted));
	if (passes)
		expect(order, noted, passes);
	expect(order, said, verdict);
}

int main(void)
{
	gate = open("/dev/twill-gate", O_RDWR);
	steps = open("/dev/steps", O_RDWR);
	if (gate < 0 || steps < 0)
		err(1, "open");

	/* Every order of two tasks with two steps each. */
	try("order\nA a\nA b\nB x\nB y\n", "A a b", "B x y", "a b x y", "done");
	try("order\nA a\nB x\nA b\nB y\n", "A a b", "B x y", "a x b y", "done");
	try("order\nA a\nB x\nB y\nA b\n", "A a b", "B x y", "a x y b", "done");
	try("order\nB x\nA a\nA b\nB y\n", "A a b", "B x y", "x a b y", "done");
	try("order\nB x\nA a\nB y\nA b\n", "A a b", "B x y", "x a y b", "done");
	try("order\nB x\nB y\nA a\nA b\n", "A a b", "B x y", "x y a b", "done");
	/* The same, where sleeping is not allowed. */
	try("order\nB !x\nA !a\nB !y\nA !b\n", "A !a !b", "B !x !y",
	    "!x !a !y !b", "done");
	/* A step twice; a kernel thread's; one that is slow to have effect. */
	try("order\nA a\nA a\nB x\nA a\n", "A a a a", "B x", "a a x a", "done");
	try("order\nA a\nw w\nB x\n", "A w a", "B x", "a w x", "done");
	try("order\nA ~a\nB x\nA b\n", "A ~a b", "B x", "~a x b", "done");
	/* A kernel thread's, whatever its name; one that comes before the start. */
	try("order\nA a\nw *\nB x\n", "A w a", "B x", "a w x", "done");
	early = "w";
	try("order\nA a\nw w\nB x\n", "A a", "B x", "a w x", "done");
	early = NULL;
	/* Steps after the order has ended are free. */
	try("order\nB x\n", "A", "B x y", "x y", "done");
	/* What cannot be kept. */
	try("order\nA a\nB x\n", "A c", "B x", NULL,
	    "diverged at 1 of 2: A a, not A c");
	try("order\nA +a\nB +x\n", "A = +a", "B +x", "+x +a",
	    "blocked at 1 of 2: A +a, not B +x");
	try("order\nA a\nB x\n", "A", "B x", "x",
	    "left at 1 of 2: A a, not B x");
	try("order\nw wa\nB x\n", "A", "B x", "x",
	    "timeout at 1 of 2: w wa, not B x");
	if (!failed)
		printf("the gate keeps its orders\n");
	return failed;
}
