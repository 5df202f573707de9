// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machines with pages on their way, and how they end. Runs inside the tests'
 * machine, as a payload; the kernel's detectors, the module's use count and the
 * kernel's memory, before and after, are the judges.
 *
 * usage: absent [ROUNDS]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include "account.h"
#include "late.h"
#include "vmm.h"

#define OUTSTANDING 8
#define BOUND 64		/* pages on their way to one vCPU */

static int device;

static struct late machine(unsigned int n, bool tell)
{
	struct late l = late_make(device, n);

	must(!tell || late_tell(&l));
	late_take_away(&l);
	late_begin(&l, 0, n);
	return l;
}

/* A vCPU's thread: to where the guest waits for what is absent, or further. */
static void *run(void *arg)
{
	const struct late *l = arg;

	while (late_run(l) == LATE_TOUCHED)
		;
	return NULL;
}

static void take_questions(const struct late *l, unsigned int n)
{
	while (n--)
		must(late_wanted(l, -1));
}

/* Give what is wanted, until all N have come, each once. */
static void give(const struct late *l, unsigned int n)
{
	void *page;

	while (n--) {
		page = late_wanted(l, -1);
		must(page);
		late_give(l, page);
	}
}

static void all_touched(const struct late *l, unsigned int n)
{
	late_begin(l, 0, n);
	must(late_run(l) == LATE_TOUCHED && late_run(l) == LATE_COME);
	while (n--)
		must(l->pages[n * LATE_PAGE] == 7);
}

/* All come, told of or not, more than may be on their way at once or fewer. */
static void served(unsigned int n, bool tell)
{
	struct late l = machine(n, tell);
	pthread_t thread;

	must(!pthread_create(&thread, NULL, run, &l));
	give(&l, n);
	must(!pthread_join(thread, NULL));
	all_touched(&l, n);
	late_unmake(&l);
}

/*
 * One page more than the bound is waited for by the vCPU's thread itself. The
 * CPU has as many workers afterwards as the other parts need, and keeps them.
 */
static void at_the_bound(int number)
{
	cpu_set_t cpu;
	struct late l = machine(BOUND + 2, true);
	pthread_t thread;
	void *asked[BOUND + 1];
	int i;

	CPU_ZERO(&cpu);
	CPU_SET(number, &cpu);
	must(!sched_setaffinity(0, sizeof(cpu), &cpu));
	must(!pthread_create(&thread, NULL, run, &l));
	for (i = 0; i < BOUND + 1; i++) {
		asked[i] = late_wanted(&l, -1);
		must(asked[i]);
	}
	must(!late_wanted(&l, 300));
	while (i--)
		late_give(&l, asked[i]);
	give(&l, 1);
	must(!pthread_join(thread, NULL));
	all_touched(&l, BOUND + 2);
	late_unmake(&l);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* A thread that waits for a page can be interrupted, and asks no second time. */
static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct late l = machine(1, false);
	int i;

	must(!sigaction(SIGALRM, &action, NULL));
	for (i = 0; i < 5; i++) {
		ualarm(20000, 20000);	/* and again, if it comes too early */
		must(late_run(&l) == -1 && errno == EINTR);
	}
	ualarm(0, 0);
	give(&l, 1);
	must(!late_wanted(&l, 100));
	must(late_run(&l) == LATE_TOUCHED && late_run(&l) == LATE_COME);
	late_unmake(&l);
}

static void *give_later(void *arg)
{
	const struct late *l = arg;

	usleep(1000 * (rand() % 8));
	give(l, OUTSTANDING);
	return NULL;
}

/* What is closed with pages on their way waits for them, and is gone then. */
static void closed(int rounds)
{
	pthread_t thread;

	while (rounds--) {
		struct late l = machine(OUTSTANDING, true);

		must(late_run(&l) == LATE_TOUCHED);
		must(!pthread_create(&thread, NULL, give_later, &l));
		munmap(l.run, l.run_size);
		close(l.vcpu);
		close(l.vm);
		must(!pthread_join(thread, NULL));
		close(l.faults);
		munmap(l.low, LATE_LOW);
		munmap(l.pages, l.size);
	}
}

/*
 * A VMM that lives on without its userfaultfd: pages of zeros. No thread may ask
 * for a page at the moment when it is closed (the chapter "Absent pages" tells).
 */
static void given_up(int rounds)
{
	pthread_t thread;

	while (rounds--) {
		struct late l = machine(2 * OUTSTANDING, rounds & 1);

		must(!pthread_create(&thread, NULL, run, &l));
		take_questions(&l, rounds & 1 ? 2 * OUTSTANDING : 1);
		close(l.faults);
		l.faults = -1;
		must(!pthread_join(thread, NULL));
		all_touched(&l, 2 * OUTSTANDING);
		late_unmake(&l);
	}
}

static void *answer(void *arg)
{
	const struct late *l = arg;
	void *page;

	for (;;) {
		page = late_wanted(l, -1);
		if (rand() & 1)
			late_give(l, page);
	}
	return NULL;
}

/* A process with two machines, each with pages on their way, to be killed. */
static void be_killed(int round, int ready)
{
	struct late first = machine(2 * OUTSTANDING, true);
	struct late second = machine(OUTSTANDING, round & 1);
	pthread_t thread[2];

	srand(round);
	must(!pthread_create(&thread[0], NULL, run, &first));
	must(!pthread_create(&thread[1], NULL, run, &second));
	take_questions(&first, OUTSTANDING);
	take_questions(&second, round & 1 ? OUTSTANDING : 1);
	must(write(ready, "", 1) == 1);
	if (round & 2)
		answer(&first);
	pause();
}

static void killed(int rounds)
{
	kill_each(rounds, be_killed);
}

int main(int argc, char **argv)
{
	int i, rounds = argc > 1 ? atoi(argv[1]) : 200;
	cpu_set_t all;

	setvbuf(stdout, NULL, _IONBF, 0);
	device = open("/dev/twill", O_RDWR | O_CLOEXEC);
	must(device >= 0);
#define part(what, call) (printf("%s\n", what), call)
	part("pages that come late", served(200, false));
	part("... and are told of", served(200, true));
	must(!sched_getaffinity(0, sizeof(all), &all));
	for (i = 0; i < CPU_COUNT(&all); i++)
		part("as many as there may be", at_the_bound(i));
	must(!sched_setaffinity(0, sizeof(all), &all));
	part("a wait that is interrupted", interrupted());
	must(account_rounds("closed with pages on their way", closed, rounds));
	must(account_rounds("the userfaultfd goes first", given_up, rounds / 4));
	must(account_rounds("killed with pages on their way", killed, rounds));
	return 0;
}
