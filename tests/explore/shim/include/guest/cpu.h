/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual CPU, for guest code in the explorer.
 *
 * The code is a task's; each access to memory that is not its stack, and each
 * call below, is an instruction. Before an instruction whatever has arrived is
 * taken, if the CPU takes it there: interrupts while IF is set and the last
 * instruction was not the STI that set it; events, which a hypervisor puts in,
 * where its rule lets them; NMIs, but in an NMI's handler or the shadow. A handler runs on the stack of the interrupted
 * task, with IF clear, and returns by IRET.
 *
 *	static struct guest_cpu cpu;
 *
 *	static void setup(void)	{ guest_init(&cpu, handler, NULL); }
 *	static void guest(void)	{ guest_begin(&cpu); sti(); ... hlt(); }
 *	static void host(void)	{ guest_interrupt(&cpu, 3); }
 *
 * When what was sent arrives is the scheduler's choice. A CPU that halts, and
 * to which nothing will come any more, is a deadlock.
 */
#ifndef SHIM_GUEST_CPU_H
#define SHIM_GUEST_CPU_H

#include <linux/types.h>

struct guest_cpu {
	void (*handler)(int vector);
	bool enabled;			/* IF */
	bool shadow;			/* STI was the last instruction */
	bool missed;			/* something came in that shadow */
	bool hears_nmis;		/* a scenario with NMIs says so */
	bool in_nmi;
	bool in_event;			/* no event comes in an event's handler */
	bool rule[2][2];		/* do events come? by IF and the shadow */
	unsigned int interrupts, events, nmis;	/* arrived: a bit a vector */
	int number;
	int owner;			/* the task that has the CPU, plus 1 */
};

/* The calling task: 0 is A. */
int guest_task(void);
/* The CPU that it has. */
struct guest_cpu *guest_this(void);

/*
 * Before the tasks: IF is clear, and no task has the CPU. Vectors are 0..31.
 * The rule says when an event comes, by IF and the shadow; NULL: never.
 */
void guest_init(struct guest_cpu *c, void (*handler)(int vector),
		bool (*rule)(bool enabled, bool shadow));

/* The calling task is this CPU's from here on, as soon as nobody else is. */
void guest_begin(struct guest_cpu *c);
/* Give the CPU to another task ('A'..'D'); come back when given one. */
void guest_switch(char to);
/* The calling task ends: the CPU goes to another one, or to whoever enters. */
void guest_end(char to);

void cli(void);
void sti(void);
void hlt(void);
void sti_hlt(void);		/* both, and nothing between them */
void guest_trap(int vector);	/* an exception, here and now */
bool interrupts_off(void);	/* CLI; what IF was */
void interrupts_as(bool on);	/* STI, or CLI */

/* The host's: sent now, arrives some time later. */
void guest_interrupt(struct guest_cpu *c, int vector);
void guest_event(struct guest_cpu *c, int vector);
void guest_nmi(struct guest_cpu *c, int vector);

#endif
