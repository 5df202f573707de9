// SPDX-License-Identifier: GPL-2.0-only
/* A kernel that is told of the absent pages which its programs touch. */
#include "async_pf.h"
#include "told.h"

#define PROGRAMS 12
#define PAGES 8			/* of each */

static atomic_uint next, touched, wrong, turns;
static volatile bool go;

bool answer(struct frame *frame)
{
	return take_news(frame);
}

static volatile uint64_t *page(unsigned int n)
{
	uintptr_t first = ((uintptr_t)_end + 4095) & -4096UL;

	return (uint64_t *)(first + 4096 * n);
}

static void touch(void)
{
	unsigned int mine = next++ * PAGES, i;

	while (!go)
		call_kernel(GIVE_WAY);
	for (i = mine; i < mine + PAGES; i++) {
		wrong += !!*page(i);
		*page(i) = ~i;
		touched++;
	}
	for (i = mine; i < mine + PAGES; i++)
		wrong += *page(i) != ~i;
	call_kernel(END);
}

static void compute(void)
{
	while (touched < PROGRAMS * PAGES / 2) {
		turns += told.absent != told.come;
		call_kernel(GIVE_WAY);
	}
	call_kernel(END);
}

static void touch_in_kernel(void)
{
	asm volatile("sti; nop");
	wrong += !!*page(PROGRAMS * PAGES);
	asm volatile("cli");
}

static bool agreed(void)
{
	return told.absent >= PROGRAMS * PAGES && told.absent == told.come &&
	       !told.in_kernel && touched == PROGRAMS * PAGES && !wrong &&
	       told.most >= 8 && turns;
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	unsigned int i;

	(void)mib;
	cpu_begin(id, cpus);
	agree(false);
	if (id)
		serve();
	touch_in_kernel();
	for (i = 0; i < PROGRAMS; i++)
		make_program(touch);
	make_program(compute);
	go = true;
	run_tasks();
	print("%u programs touched %u pages, %u of them wrong\n", PROGRAMS,
	      touched, wrong);
	print("%u pages were absent, %u of them the kernel's; %u have come\n",
	      told.absent, told.in_kernel, told.come);
	print(agreed() ? "that is as it should be\n" : "that is not right\n");
	finish(!agreed());
}
