// SPDX-License-Identifier: GPL-2.0-only
/* A kernel that is told of absent pages, and runs another task meanwhile. */
#include "async_pf.h"
#include "told.h"

#define TASKS 16
#define PAGES 8			/* of each */

static struct {
	atomic_uint touched, wrong;	/* pages that tasks had; were not right */
	atomic_uint turns;		/* of the task that computes */
} count;

static atomic_uint touched_by[MAX_CPUS];
static volatile bool go;		/* all tasks are there */

bool answer(struct frame *frame)
{
	return take_news(frame);
}

static volatile uint64_t *page(unsigned int n)
{
	uintptr_t first = ((uintptr_t)_end + 4095) & -4096UL;

	return (uint64_t *)(first + 4096 * n);
}

static void count_touched(void)
{
	preempt_disable();
	touched_by[this_cpu()]++;
	count.touched++;
	preempt_enable();
}

static void touch_alone(volatile uint64_t *first)
{
	unsigned int before;

	preempt_disable();
	before = touched_by[this_cpu()];
	if (*first || touched_by[this_cpu()] != before)
		count.wrong++;
	preempt_enable();
}

static void touch(void)
{
	unsigned int i, mine = (number(this_task()) - 1) * PAGES;

	while (!go)
		schedule();
	touch_alone(page(mine));
	for (i = mine; i < mine + PAGES; i++) {
		if (*page(i))
			count.wrong++;
		*page(i) = ~i;
		count_touched();
	}
	for (i = mine; i < mine + PAGES; i++) {
		if (*page(i) != ~i)
			count.wrong++;
	}
	end_task();
}

static void compute(void)
{
	uint64_t n = 0, sum = 0;

	while (count.touched < TASKS * PAGES / 2) {
		if (told.absent != told.come)
			sum += ++n;
		schedule();
	}
	count.turns = n;
	if (sum != n * (n + 1) / 2)
		count.wrong++;
	end_task();
}

static bool agreed(void)
{
	return told.absent > TASKS * PAGES && told.absent == told.come &&
	       count.touched == TASKS * PAGES &&
	       !count.wrong && told.most >= 8 && count.turns;
}

static void report(void)
{
	print("%u tasks touched %u pages, %u of them wrong\n", TASKS,
	      count.touched, count.wrong);
	print("%u pages were absent, and %u have come; %u at most at once\n",
	      told.absent, told.come, told.most);
	print("another task counted to %u meanwhile\n", count.turns);
	print(agreed() ? "that is as it should be\n" : "that is not right\n");
}

static void try_without_tasks(void)
{
	asm volatile("sti; nop");
	if (*page(TASKS * PAGES))
		count.wrong++;
	asm volatile("cli");
	async_pf_task_wake(4711);
	async_pf_task_wait(4711);
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	unsigned int i;

	(void)mib;
	cpu_begin(id, cpus);
	agree(async_pf_always);
	if (id)
		serve();
	try_without_tasks();
	while (told.all != cpus)
		relax();
	for (i = 0; i < TASKS; i++)
		make(touch);
	make(compute);
	go = true;
	run_tasks();
	report();
	finish(!agreed());
}
