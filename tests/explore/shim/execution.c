// SPDX-License-Identifier: GPL-2.0-only
/* One execution, from loading the modules to unloading them. */
#include "shim/shim.h"

void execution_setup(void *spare)
{
	late_setup(spare);
	memory_setup();
	race_setup();
}

void execution_reset(void)
{
	nlate = 0;
	memory_reset();
	race_reset();
	order_begin();
	wait_reset();
	work_reset();
	cpu_reset();
	kernel_reset();
}

static bool all_done(void *unused)
{
	(void)unused;
	return tasks_done() && workers_idle() && irq_idle();
}

static void join(const char *what)
{
	wait_for("join", what, 0, all_done, NULL);
	late_flush_all();
	race_join();
}

/* Other processes got the descriptors: all tasks but the first are theirs. */
static void begin(const struct scenario *s)
{
	int i;

	if (!s->bare)
		load_modules();
	mark_init_objects();
	if (s->setup)
		s->setup();
	for (i = 2; s->apart && i <= MAX_TASKS; i++)
		live_elsewhere(i);
}

static void end(const struct scenario *s)
{
	check_files();
	check_leaks(false);
	check_modules();
	check_mm();
	if (!s->bare) {
		unload_modules();
		check_nodes();
	}
	check_leaks(true);
}

void execution_run(void)
{
	if (rehearsing) {
		rehearse_exits();
		return;
	}
	begin(running);
	start_tasks();
	join("tasks");
	if (running->end)
		running->end();
	join("work");
	end(running);
	if (opts.states)
		note_state(state_hash());
}
