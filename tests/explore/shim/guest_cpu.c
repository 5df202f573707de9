// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: a virtual CPU's, and what else comes from nowhere. A task of its
 * own brings them: it delivers what was sent, and calls what is to be called
 * after a grace period.
 */
#include <guest/cpu.h>
#include <stddef.h>
#include "shim/shim.h"

#define MAX_SENT	32

enum kind { INTERRUPT, EVENT, AN_NMI };

static struct sent {
	struct guest_cpu *cpu;
	int vector;
	enum kind kind;
} sent[MAX_SENT];
static int first_sent, last_sent, ncpus;

static const char *const vectors[] = {
	"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
	"13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24",
	"25", "26", "27", "28", "29", "30", "31",
};

void cpu_reset(void)
{
	first_sent = last_sent = ncpus = 0;
}

void guest_init(struct guest_cpu *c, void (*handler)(int vector),
		bool (*rule)(bool enabled, bool shadow))
{
	int i;

	*c = (struct guest_cpu){ .handler = handler, .number = ncpus++ };
	for (i = 0; rule && i < 4; i++)
		c->rule[i / 2][i % 2] = rule(i / 2, i % 2);
}

int guest_task(void)
{
	return cur->id - 1;
}

struct guest_cpu *guest_this(void)
{
	return cur->guest;
}

static bool takes_event(const struct guest_cpu *c)
{
	return c->events && !c->in_event && c->rule[c->enabled][c->shadow];
}

/*
 * The shadow holds an NMI back, too: its IRET would end the shadow, and what
 * comes then comes in front of the HLT.
 */
static bool takes_nmi(const struct guest_cpu *c)
{
	return c->nmis && !c->in_nmi && !c->shadow;
}

/* Is there anything that the CPU would take before its next instruction? */
static bool takes(const struct guest_cpu *c)
{
	return takes_event(c) || takes_nmi(c) ||
	       (c->interrupts && c->enabled && !c->shadow);
}

bool guest_wakes(const struct task *t)
{
	const struct guest_cpu *c = t->guest;

	return c->owner == t->id + 1 && takes(c);
}

static void handle(struct guest_cpu *c, const char *how, int vector,
		   bool atomic)
{
	bool enabled = c->enabled;

	note(how, vectors[vector], (unsigned long)c->handler + 1);
	c->enabled = c->shadow = false;
	cur->atomic += atomic;
	cur->handlers++;
	c->handler(vector);
	cur->handlers--;
	cur->atomic -= atomic;
	cur->guest->enabled = enabled;	/* IRET, perhaps on another CPU */
}

/* Before an instruction: true if something came first. */
bool guest_take(void)
{
	struct guest_cpu *c = cur->guest;
	bool event, nmi;
	int vector;

	if (c->owner != cur->id + 1)
		return false;
	touch(&c->interrupts, T_READ);
	if (!takes(c)) {
		c->shadow = false;
		return false;
	}
	c->missed |= c->shadow;
	touch(&c->interrupts, T_WRITE);
	acquire(&c->interrupts);
	nmi = takes_nmi(c);
	event = takes_event(c);
	vector = __builtin_ctz(nmi ? c->nmis : event ? c->events : c->interrupts);
	if (nmi) {
		c->nmis &= ~(1u << vector);
		c->in_nmi = true;
		handle(c, "nmi", vector, true);
		cur->guest->in_nmi = false;
	} else if (event) {
		c->events &= ~(1u << vector);
		c->in_event = true;
		handle(c, "event", vector, true);
		cur->guest->in_event = false;
	} else {
		c->interrupts &= ~(1u << vector);
		handle(c, "interrupt", vector, true);
	}
	return true;
}

/* An access to memory is about to be made: somebody may come first. */
void guest_boundary(unsigned long pc)
{
	const struct guest_cpu *c = cur->guest;

	if (c->enabled || c->rule[false][false] || c->hears_nmis)
		wait_for("instruction", NULL, pc, NULL, NULL);
}

/* Its CPU, of which a task can be sure from one instruction to the next. */
static struct guest_cpu *mine(unsigned long pc)
{
	struct guest_cpu *c = cur->guest;

	if (!c || c->owner != cur->id + 1)
		fail("warning", "cpu", pc, NULL, NULL,
		     "%c has no virtual CPU", cur->letter);
	return c;
}

static bool has_cpu(void *arg)
{
	struct task *t = arg;
	const struct guest_cpu *c = t->guest;

	return c->owner == t->id + 1;
}

static bool nobody_has(void *arg)
{
	return !((struct task *)arg)->guest->owner || has_cpu(arg);
}

static void come_in(struct guest_cpu *c)
{
	touch(&c->owner, T_ACQUIRE);
	acquire(&c->owner);
	c->owner = cur->id + 1;
}

void guest_begin(struct guest_cpu *c)
{
	cur->guest = c;
	visible("enter", "cpu", HERE, nobody_has, cur);
	come_in(c);
}

static void give_to(struct guest_cpu *c, char to, unsigned long pc)
{
	int id = to >= 'A' && to < 'A' + MAX_TASKS ? to - 'A' + 1 : 0;

	if (to && !id)
		fail("warning", "cpu", pc, NULL, NULL, "no task %c", to);
	touch(&c->owner, T_RELEASE);
	release(&c->owner);
	c->owner = to ? id + 1 : 0;
	c->shadow = false;
	if (tasks[id].guest)
		tasks[id].guest = c;
}

void guest_switch(char to)
{
	mine(HERE);
	visible("switch", (char *[]){ "to A", "to B", "to C", "to D" }
		[(to - 'A') & 3], HERE, NULL, NULL);
	give_to(cur->guest, to, HERE);
	wait_for("switch", "its turn", HERE, has_cpu, cur);
	come_in(cur->guest);
}

void guest_end(char to)
{
	mine(HERE);
	visible("leave", "cpu", HERE, NULL, NULL);
	give_to(cur->guest, to, HERE);
	cur->guest = NULL;
}

/* Instructions. */

void cli(void)
{
	mine(HERE);
	visible("cli", NULL, HERE, NULL, NULL);
	cur->guest->enabled = cur->guest->shadow = false;
}

static void set_if(unsigned long pc)
{
	struct guest_cpu *c;

	mine(pc);
	visible("sti", NULL, pc, NULL, NULL);
	c = cur->guest;
	c->missed = false;
	c->shadow = !c->enabled;
	c->enabled = true;
}

void sti(void)
{
	set_if(HERE);
}

bool interrupts_off(void)
{
	struct guest_cpu *c;
	bool was;

	mine(HERE);
	visible("cli", NULL, HERE, NULL, NULL);
	c = cur->guest;
	was = c->enabled;
	c->enabled = c->shadow = false;
	return was;
}

void interrupts_as(bool on)
{
	if (on)
		set_if(HERE);
	else
		mine(HERE)->enabled = false;
}

static bool is_awake(void *arg)
{
	return takes(arg);
}

/* What a CPU that halts waits for, or has missed. */
static const char *wanted(const struct guest_cpu *c)
{
	if (!c->enabled)
		return "nothing: IF is clear";
	if (c->missed)
		return "what came in the shadow of STI";
	return c->number ? "an interrupt on another CPU" : "an interrupt";
}

static void halt(unsigned long pc)
{
	struct guest_cpu *c;

	/* What is taken here comes before the instruction: it halts then. */
	mine(pc);
	visible("hlt", NULL, pc, NULL, NULL);
	c = cur->guest;
	cur->halted = true;
	wait_for("hlt", wanted(c), pc, is_awake, c);
	cur->halted = false;
	touch(&c->interrupts, T_WAIT);
	guest_take();
}

void hlt(void)
{
	halt(HERE);
}

void sti_hlt(void)
{
	set_if(HERE);
	halt(HERE);
}

void guest_trap(int vector)
{
	mine(HERE);
	visible("trap", vectors[vector & 31], HERE, NULL, NULL);
	handle(cur->guest, "exception", vector & 31, false);
}

/* What is sent. */

static void send(struct guest_cpu *c, int vector, enum kind kind,
		 unsigned long pc)
{
	static const char *const names[] = {
		"send interrupt", "send event", "send nmi",
	};

	visible(names[kind], vectors[vector & 31], pc, NULL, NULL);
	if (last_sent - first_sent == MAX_SENT)
		die("too many interrupts");
	touch(&last_sent, T_WRITE);
	race_start();
	release(&c->interrupts);
	sent[last_sent++ % MAX_SENT] = (struct sent){ c, vector & 31, kind };
	need_irqs();
}

void guest_interrupt(struct guest_cpu *c, int vector)
{
	send(c, vector, INTERRUPT, HERE);
}

void guest_event(struct guest_cpu *c, int vector)
{
	send(c, vector, EVENT, HERE);
}

void guest_nmi(struct guest_cpu *c, int vector)
{
	send(c, vector, AN_NMI, HERE);
}

static bool have_sent(void)
{
	return first_sent != last_sent;
}

bool irq_idle(void)
{
	return !have_sent() && no_callbacks();
}

static bool have_irq(void *unused)
{
	(void)unused;
	return have_sent() || have_callback();
}

static void deliver(void)
{
	struct sent *s = &sent[first_sent++ % MAX_SENT];

	touch(&last_sent, T_WRITE);
	touch(&s->cpu->interrupts, T_RELEASE);
	*(s->kind == AN_NMI ? &s->cpu->nmis : s->kind == EVENT ?
	  &s->cpu->events : &s->cpu->interrupts) |= 1u << s->vector;
	note("arrives", vectors[s->vector], 0);
}

static void run_irqs(void)
{
	for (;;) {
		if (have_sent())
			deliver();
		else
			run_callback();
		wait_for("idle", "irq", 0, have_irq, NULL);
	}
}

void need_irqs(void)
{
	need_task(IRQ_TASK, run_irqs, have_irq);
}
