// SPDX-License-Identifier: GPL-2.0-only
/*
 * All checks, one line each: what is checked, by which command. A command's
 * output goes to build/checks/NAME.log; when it fails its end is shown.
 *
 * usage: check [fast] [NAME]...	fast: those that take seconds
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

struct check {
	const char *name;
	const char *shows;
	const char *command;
	bool slow;		/* boots QEMU, or takes more than seconds */
	int minutes;		/* that it may take */
};

static const struct check checks[] = {
	{ "tangled", "src/ is what the book says",
	  "./tangle.sh --check", false, 1 },
	{ "tangle", "tangling writes what it must, refuses what it must",
	  "make check-tangle", false, 5 },
	{ "explorer", "the explorer finds what it must, and only that",
	  "make check-explore", false, 10 },
	{ "units", "decoder, slots, tables, segments, registers: as their models",
	  "make check-units", false, 5 },
	{ "variants", "every bug, wrong fix, alternative: its own verdict",
	  "make variants", false, 20 },
	{ "grader", "starts, answers, wrong fixes, mutants, cheats: graded",
	  "make check-grade", true, 40 },
	{ "reference", "every public function has its contract",
	  "make reference", false, 5 },
	{ "weaver", "the weaver's pages, and what it refuses",
	  "make check-weave", true, 10 },
	{ "style", "W=1, sparse and checkpatch have nothing to say",
	  "tests/style.sh", true, 10 },
	{ "run", "guests run on the stock kernel",
	  "make run", true, 15 },
	{ "waits", "a running guest: each wrong wait in its own way",
	  "make check-waits", true, 15 },
	{ "programs", "programs made for /dev/kvm run as on KVM",
	  "make check-programs", true, 15 },
	{ "bench", "the benchmark runs on Twill, the bare loop and KVM",
	  "make bench QUICK=1", true, 10 },
	{ "model", "the kernel's own litmus tests: never is never",
	  "make check-model", true, 10 },
	{ "litmus", "a kernel's tasks see nothing that the explorer's do not",
	  "make check-litmus", true, 10 },
	{ "kernel", "a debug kernel, built unless it is in the cache",
	  "make kernel", true, 40 },
	{ "harness", "the tests' machine sees what it must see",
	  "make check-vm", true, 20 },
	{ "lives", "machines live, are shared, and die, on both kernels",
	  "make check-lives", true, 30 },
	{ "fuzz", "requests by chance do no harm, and are answered as by KVM",
	  "make check-fuzz", true, 30 },
	{ "failures", "each allocation on the way to a guest fails once",
	  "make check-failures", true, 10 },
	{ "replay", "the kernel's own verdict on each failing order",
	  "make replay LAB=lock-inversion TRIES=${TRIES:-1}", true, 30 },
	{ "replay-pgd", "... and on those of the table that was not there",
	  "make replay LAB=stage2-pgd TRIES=${TRIES:-1}", true, 30 },
	{ "replay-gift", "... and on those of the gift",
	  "make replay LAB=async-pf TRIES=${TRIES:-1}", true, 40 },
	{ "grade", "grades with a booted kernel's deductions",
	  "make check-grade-vm", true, 40 },
	{ "book", "the book weaves, with no dead link",
	  "make book", true, 20 },
};

#define NCHECKS (int)(sizeof(checks) / sizeof(checks[0]))

/* Seconds of a CPU that the commands have used so far. */
static long cpu_time(void)
{
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	return used.ru_utime.tv_sec + used.ru_stime.tv_sec;
}

/* After which a check is given up; SOAK is how many times as long it may take. */
static int minutes(const struct check *c)
{
	const char *soak = getenv("SOAK");

	return c->minutes * (soak ? atoi(soak) : 1);
}

static void show_end(const char *log)
{
	char command[200];

	snprintf(command, sizeof(command), "tail -n 40 %s", log);
	if (system(command))
		printf("(no log)\n");
}

START_TEST(run_check)
{
	const struct check *c = &checks[_i];
	char command[400], log[100];
	time_t start = time(NULL);
	int status;

	snprintf(log, sizeof(log), "build/checks/%s.log", c->name);
	snprintf(command, sizeof(command), "timeout -k 10 %dm %s >%s 2>&1",
		 minutes(c), c->command, log);
	printf("%-11s %s ...\n", c->name, c->shows);
	fflush(stdout);
	status = system(command);
	printf("%-11s %s, %ld s (of a CPU: %ld s)\n", c->name,
	       status ? "FAILED" : "ok", (long)(time(NULL) - start),
	       cpu_time());
	if (status)
		show_end(log);
	fflush(stdout);
	ck_assert_msg(!status, "%s: `%s` ends with status %d; see %s", c->name,
		      c->command, WEXITSTATUS(status), log);
}
END_TEST

static bool known(const char *name)
{
	int i;

	for (i = 0; i < NCHECKS; i++) {
		if (!strcmp(name, checks[i].name))
			return true;
	}
	return !strcmp(name, "fast");
}

static bool wanted(const struct check *c, int argc, char **argv)
{
	bool fast = argc > 1 && !strcmp(argv[1], "fast");
	int i;

	if (fast && c->slow)
		return false;
	if (argc == 1 + fast)
		return true;
	for (i = 1 + fast; i < argc; i++) {
		if (!strcmp(argv[i], c->name))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("Twill");
	SRunner *runner;
	int i, failed;

	for (i = 1; i < argc; i++) {
		if (!known(argv[i])) {
			fprintf(stderr, "check: there is no %s\n", argv[i]);
			return 2;
		}
	}
	mkdir("build/checks", 0777);
	unsetenv("MAKEFLAGS");	/* the commands' makes are not our make's */
	unsetenv("MAKELEVEL");
	for (i = 0; i < NCHECKS; i++) {
		TCase *tcase;

		if (!wanted(&checks[i], argc, argv))
			continue;
		tcase = tcase_create(checks[i].name);
		tcase_set_timeout(tcase, minutes(&checks[i]) * 60 + 30);
		tcase_add_loop_test(tcase, run_check, i, i + 1);
		suite_add_tcase(suite, tcase);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
