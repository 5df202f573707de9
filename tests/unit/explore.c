// SPDX-License-Identifier: GPL-2.0-only
/* The explorer finds what it must, and only that. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "explore.h"
#include "explore-programs.h"

const struct scenario *grid_scenario(int tasks, int sections);

static struct result *run(const char *name, struct options o)
{
	const struct scenario *s = find_scenario(name);
	struct result *r;

	ck_assert_msg(s, "no scenario %s", name);
	if (!o.bound)
		o.bound = 2;
	r = explore(s, &o);
	name_finding(r);
	return r;
}

#define NBUGS (int)(sizeof(bugs) / sizeof(bugs[0]))

START_TEST(finds_bug)
{
	const struct bug *b = &bugs[_i];
	struct result *r = run(b->scenario,
			       (struct options){ .no_order = b->no_order });
	struct result *again;

	ck_assert_str_eq(r->found.class, b->class);
	ck_assert_str_eq(r->found.object, b->object);
	ck_assert_str_eq(r->found.function, b->function);
	ck_assert_int_eq(r->bound, b->bound);
	ck_assert_int_le(strlen(r->replay), 40);
	ck_assert(r->nrows > 0 && r->rows[r->nrows - 1].failing);

	/* The schedule alone leads there again, unless it was not one. */
	if (r->elsewhere)
		return;
	again = run(b->scenario, (struct options){ .replay = r->replay,
					.no_order = b->no_order });
	ck_assert(!again->diverged);
	ck_assert_str_eq(again->found.class, b->class);
	ck_assert_int_eq(again->nrows, r->nrows);
	ck_assert_int_eq(again->executions, 1);
}
END_TEST

#define NSOUND (int)(sizeof(sound) / sizeof(sound[0]))

/* Silent twins: at a bound that their bugs do not need, and at one more. */
START_TEST(stays_silent)
{
	struct result *r = run(sound[_i], (struct options){ .bound = 3 });

	ck_assert_msg(!strcmp(r->found.class, "none"), "%s: %s of %s in %s",
		      sound[_i], r->found.class, r->found.object,
		      r->found.function);
	ck_assert_msg(!strcmp(r->claim, COMPLETE) ||
		      !strcmp(r->claim, "bound 3 exhausted"), "%s", r->claim);
}
END_TEST

/*
 * The number of orders, counted in another way: task 0 has i operations left,
 * task 1 has j, this one runs, so many preemptions may still be made. What
 * comes after a task's last operation counts as its end.
 */
static long orders(int i, int j, int runs, int preemptions)
{
	long n = 0;

	if (!i && !j)
		return 1;
	if (runs < 0)
		return orders(i - 1, j, 0, preemptions) +
		       orders(i, j - 1, 1, preemptions);
	if (runs ? !j : !i)
		return orders(i, j, !runs, preemptions);
	/* It goes on ... */
	n += orders(i - !runs, j - runs, runs, preemptions);
	/* ... or the other one does, if there is anything left of it. */
	if (preemptions && (runs ? i : j))
		n += orders(i - !!runs, j - !runs, !runs, preemptions - 1);
	return n;
}

START_TEST(counts_orders)
{
	long expected = 0;
	struct result *r;
	int b;

	for (b = 0; b <= 2; b++)
		expected += orders(3, 3, -1, b);
	r = run("six-steps", (struct options){ .bound = 2 });
	ck_assert_str_eq(r->claim, "bound 2 exhausted");
	ck_assert_int_eq(r->executions, expected);

	/* Without a bound: 6! / (3! 3!) */
	ck_assert_int_eq(orders(3, 3, -1, 100), 20);
	for (b = 3; b <= 4; b++)	/* more than 4 there cannot be */
		expected += orders(3, 3, -1, b);
	r = run("six-steps", (struct options){ .bound = 100 });
	ck_assert_str_eq(r->claim, COMPLETE);
	ck_assert_int_eq(r->executions, expected);
}
END_TEST

/* Critical sections on one lock: (TS)! / (S!)^T orders. */
static const struct {
	int tasks, sections, orders;
} grids[] = {
	{ 1, 5, 1 }, { 2, 1, 2 }, { 2, 2, 6 }, { 2, 4, 70 },
	{ 3, 2, 90 }, { 3, 3, 1680 }, { 4, 2, 2520 },
};

START_TEST(counts_sections)
{
	struct result *r;

	r = explore(grid_scenario(grids[_i].tasks, grids[_i].sections),
		    &(struct options){ .first = 1000, .bound = 1000 });
	ck_assert_str_eq(r->claim, COMPLETE);
	ck_assert_int_eq(r->executions, grids[_i].orders);
}
END_TEST

/* What is found when so many accesses may miss a late write. */
static const struct {
	const char *scenario;
	bool found;
} lates[] = {
	{ "late-pair", true }, { "late-pair-barrier", false },
	{ "late-pair-release", false }, { "late-flags", true },
	{ "late-flags-fenced", false }, { "late-own", false },
	{ "late-own-three", false }, { "late-completion", false },
};

#define NLATES (int)(sizeof(lates) / sizeof(lates[0]))

START_TEST(sees_late_writes)
{
	const char *name = lates[_i].scenario;
	struct result *r = run(name, (struct options){ .bound = 3 });

	ck_assert_str_eq(r->found.class, "none");
	r = run(name, (struct options){ .bound = 3, .late = 8 });
	ck_assert_str_eq(r->found.class, lates[_i].found ? "assertion" :
			 "none");
	r = run(name, (struct options){ .bound = -1, .complete = true,
				        .late = 8 });
	ck_assert_str_eq(r->found.class, lates[_i].found ? "assertion" :
			 "none");
	if (!lates[_i].found)
		ck_assert_str_eq(r->claim, "complete, writes late 8 times");
}
END_TEST

/* The final states and failures of all orders, found in three ways. */
static struct result *states(const char *name, struct options o)
{
	o.states = o.no_order = true;
	return explore(find_scenario(name), &o);
}

static void same_states(const char *name, struct result *a, struct result *b)
{
	ck_assert_msg(a->failures || (a->nstates == b->nstates &&
		      !memcmp(a->state, b->state, a->nstates *
			      sizeof(*a->state))),
		      "%s: %d final states, and %d when reduced", name,
		      a->nstates, b->nstates);
	ck_assert_msg(!a->failures == !b->failures,
		      "%s: %ld failures, and %ld when reduced", name,
		      a->failures, b->failures);
}

static const struct scenario *bare_scenario(int i)
{
	const struct scenario *const *s;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++)
		if ((*s)->bare && !(*s)->guest && !i--)
			return *s;
	return NULL;
}

START_TEST(reduction_loses_nothing)
{
	const struct scenario *s = bare_scenario(_i);
	struct result *all;
	int bound;

	if (!s)
		return;
	for (bound = 0; bound <= 3; bound++)
		same_states(s->name,
			    states(s->name, (struct options){
				.first = bound, .bound = bound,
				.budget = 200000, .unreduced = true }),
			    states(s->name, (struct options){
				.first = bound, .bound = bound }));
	all = states(s->name, (struct options){ .first = 1000, .bound = 1000,
				.budget = 200000, .unreduced = true });
	if (!strcmp(s->name, "aba"))	/* it goes round too often */
		return;
	ck_assert_msg(!strcmp(all->claim, COMPLETE), "%s: %s", s->name,
		      all->claim);
	same_states(s->name, all, states(s->name, (struct options){
				.first = 1000, .bound = 1000 }));
	same_states(s->name, all, states(s->name, (struct options){
				.bound = -1, .complete = true }));
}
END_TEST

START_TEST(reduction_keeps_late_writes)
{
	static const char *const names[] = {
		"saw-buffer", "saw-buffer-mb", "saw-coherence", "saw-message",
		"late-pair", "late-flags", "late-own-three", "rcu", "wait",
	};
	struct result *all;

	all = states(names[_i], (struct options){ .first = 1000,
			.bound = 1000, .late = 8, .unreduced = true });
	ck_assert_str_eq(all->claim, "complete, writes late 8 times");
	same_states(names[_i], all, states(names[_i], (struct options){
			.first = 1000, .bound = 1000, .late = 8 }));
	same_states(names[_i], all, states(names[_i], (struct options){
			.bound = -1, .complete = true, .late = 8 }));
}
END_TEST

/* The same for the core, as far as all orders can be run. */
START_TEST(reduction_keeps_the_core)
{
	const struct scenario *const *at = __start_twill_scenarios + _i;
	const char *name;
	struct result *all;
	int bound;

	if (at >= __stop_twill_scenarios || (*at)->bare)
		return;
	name = (*at)->name;
	for (bound = 0; bound <= 2; bound++) {
		all = states(name, (struct options){ .first = bound,
				.bound = bound, .budget = 3000,
				.unreduced = true });
		if (!strncmp(all->claim, "stopped", 7))
			return;
		same_states(name, all, states(name, (struct options){
				.first = bound, .bound = bound }));
	}
}
END_TEST

START_TEST(is_deterministic)
{
	struct result *a = run("philosophers-sound", (struct options){});
	struct result *b = run("philosophers-sound", (struct options){});

	ck_assert_int_eq(a->executions, b->executions);
	ck_assert_int_eq(a->most_points, b->most_points);
	a = run("get-late", (struct options){});
	b = run("get-late", (struct options){});
	ck_assert_str_eq(a->replay, b->replay);
}
END_TEST

START_TEST(stops_at_budget)
{
	struct result *r = explore(grid_scenario(3, 3),
			&(struct options){ .bound = 2, .budget = 100 });

	ck_assert_str_eq(r->claim, "stopped after 100 executions");
	ck_assert_str_eq(r->found.class, "none");
}
END_TEST

/* A replay string of another schedule, or of another program. */
START_TEST(sees_divergence)
{
	struct result *r = run("get-late", (struct options){});
	char replay[48];

	ck_assert(strchr(r->replay, '>'));
	strcpy(replay, r->replay);
	replay[3] = replay[3] == 'a' ? 'b' : 'a';
	r = run("get-late", (struct options){ .replay = replay });
	ck_assert(r->diverged);
	strcpy(replay, r->replay);
	strcat(replay, ".zz>A");	/* a point that is never reached */
	r = run("get-late", (struct options){ .replay = replay });
	ck_assert(r->diverged);
}
END_TEST

/* Every scenario of the core on the sound tree. */
START_TEST(core_is_sound)
{
	const struct scenario *const *s;
	int n = 0;

	for (s = __start_twill_scenarios; s < __stop_twill_scenarios; s++) {
		struct result *r;

		if ((*s)->bare)
			continue;
		r = run((*s)->name, (struct options){});
		ck_assert_msg(!strcmp(r->found.class, "none"),
			      "%s: %s of %s in %s", (*s)->name, r->found.class,
			      r->found.object, r->found.function);
		ck_assert_msg(!strcmp(r->claim, COMPLETE) ||
			      !strcmp(r->claim, "bound 2 exhausted"),
			      "%s: %s", (*s)->name, r->claim);
		n++;
	}
	ck_assert_int_ge(n, 60);
}
END_TEST

/* ... and with a write that is late, as far as one preemption goes. */
START_TEST(core_bears_late_writes)
{
	const struct scenario *const *s = __start_twill_scenarios + _i;
	struct result *r;

	if (s >= __stop_twill_scenarios || (*s)->bare)
		return;
	r = run((*s)->name, (struct options){ .bound = 1, .late = 1 });
	ck_assert_msg(!strcmp(r->found.class, "none"),
		      "%s: %s of %s in %s", (*s)->name, r->found.class,
		      r->found.object, r->found.function);
}
END_TEST

START_TEST(draws_and_exports)
{
	const struct scenario *s = find_scenario("abba");
	struct result *r = run("abba", (struct options){});
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	print_table(f, s, r);
	fflush(f);
	ck_assert(strstr(text, "lock-inversion: a, in both"));
	ck_assert(strstr(text, "\n>>> "));
	ck_assert(strstr(text, "litmus/locks.c:"));
	fclose(f);
	f = open_memstream(&text, &size);
	print_json(f, s, r);
	fflush(f);
	ck_assert(strstr(text, "\"class\": \"lock-inversion\""));
	ck_assert(strstr(text, "\"failing\": true"));
	fclose(f);
}
END_TEST

/* What JSON does not let through, and a name that was cut within a letter. */
START_TEST(exports_any_text)
{
	struct result *r = run("six-steps", (struct options){});
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	strcpy(r->found.text, "a \"b\" \\ \t\x01 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7"
	       " \xc0\xaf \xed\xa0\x80 \xe2\x82");
	print_json(f, find_scenario("six-steps"), r);
	fflush(f);
	ck_assert_msg(strstr(text, "\"text\": \"a \\\"b\\\" \\\\ \\u0009\\u0001 "
		"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7 \\ufffd\\ufffd "
		"\\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\""), "%s", text);
	fclose(f);
}
END_TEST

/* A circle of three: the report has every part of it, and where. */
START_TEST(names_the_circle)
{
	struct result *r = run("philosophers", (struct options){});
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_int_eq(r->nlinks, 2);
	ck_assert(strstr(r->links[0].title, "A: mutex_lock b while it holds a"));
	ck_assert(strstr(r->links[1].title, "B: mutex_lock c while it holds b"));
	ck_assert(!r->elsewhere);
	print_table(f, find_scenario("philosophers"), r);
	fclose(f);
	ck_assert(strstr(text, "a_then_b "));
	ck_assert(strstr(text, "b_then_c "));
}
END_TEST

/* ... of which the parts were seen in two executions: a string for each. */
START_TEST(names_each_execution)
{
	struct result *r = run("abba-either", (struct options){}), *part;

	ck_assert_int_eq(r->nlinks, 1);
	ck_assert(r->elsewhere && r->links[0].elsewhere);
	part = run("abba-either", (struct options){
			.replay = r->links[0].replay });
	ck_assert(!part->diverged);
	ck_assert_str_eq(part->found.class, "none");
	part = run("abba-either", (struct options){ .replay = r->replay });
	ck_assert(!part->diverged);
}
END_TEST

static const struct { const char *scenario, *object, *member; } members[] = {
	{ "get-late", "shared", ".users.refs" },
	{ "race-members", "both", ".second" },
	{ "rcu-late", "current_node", ".value" },
};

START_TEST(names_members)
{
	struct result *r = run(members[_i].scenario, (struct options){});

	ck_assert_str_eq(r->found.object, members[_i].object);
	ck_assert_str_eq(r->found.member, members[_i].member);
}
END_TEST

/* A person drives: sees the state, goes back, and finds it. */
START_TEST(steps_by_hand)
{
	char name[] = "/tmp/explore-step-XXXXXX", out[64], *text = calloc(1, 20000);
	static const char typed[] = "x\nA\nb\nB\nA\n\n\n\n\n\n\n\n";
	struct result *r;
	char *first, *again;
	int fd = mkstemp(name);
	FILE *f;

	ck_assert(write(fd, typed, sizeof(typed) - 1) == sizeof(typed) - 1);
	snprintf(out, sizeof(out), "%s.out", name);
	ck_assert(freopen(name, "r", stdin) && freopen(out, "w", stdout));
	r = explore(find_scenario("get-late"), &(struct options){
			.step = true });
	name_finding(r);
	fflush(stdout);
	f = fopen(out, "r");
	ck_assert(f && fread(text, 1, 19999, f));
	fclose(f);
	unlink(name);
	unlink(out);
	/* What may go on, and where it stands. */
	first = strstr(text, "A* spin_lock lock, in forget_and_put");
	ck_assert(first && strstr(first, "B: read shared, in get_late"));
	ck_assert(strstr(text, "A holds lock"));
	/* Back at the same place, after going on with A. */
	again = strstr(first + 1, "A* spin_lock lock, in forget_and_put");
	ck_assert(again);
	ck_assert(strstr(first, "A holds lock") < again);
	ck_assert_str_eq(r->found.class, "use-after-free");
	ck_assert(strchr(r->replay, '>'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explorer");
	TCase *t = tcase_create("litmus");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, finds_bug, 0, NBUGS);
	tcase_add_loop_test(t, stays_silent, 0, NSOUND);
	tcase_add_loop_test(t, sees_late_writes, 0, NLATES);
	suite_add_tcase(suite, t);
	t = tcase_create("search");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, counts_orders);
	tcase_add_loop_test(t, counts_sections, 0,
			    sizeof(grids) / sizeof(grids[0]));
	tcase_add_loop_test(t, reduction_loses_nothing, 0, 250);
	tcase_add_loop_test(t, reduction_keeps_late_writes, 0, 9);
	tcase_add_loop_test(t, reduction_keeps_the_core, 0, 200);
	tcase_add_test(t, is_deterministic);
	tcase_add_test(t, stops_at_budget);
	tcase_add_test(t, sees_divergence);
	tcase_add_test(t, draws_and_exports);
	tcase_add_test(t, exports_any_text);
	tcase_add_test(t, names_the_circle);
	tcase_add_test(t, names_each_execution);
	tcase_add_loop_test(t, names_members, 0,
			    sizeof(members) / sizeof(members[0]));
	tcase_add_test(t, steps_by_hand);
	tcase_add_test(t, core_is_sound);
	tcase_add_loop_test(t, core_bears_late_writes, 0, 400);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
