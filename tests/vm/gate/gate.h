/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/twill-gate: written to, it takes one of these;
 *
 *	order\nA name\nB name\n...	the steps that are to come, in order;
 *					"w *" is any step of a kernel thread
 *	task A				the writer is task A from now on
 *	step name			the writer has come to a step of its own
 *	leave				the writer is nobody again
 *	start				from now on the order holds
 *	stop				let everybody through
 *
 * read, it tells how far it came: idle; at N of M: A name; done; or, if the
 * order could not be kept, diverged at N: ... (a task came to another step),
 * blocked at N: ... (the task whose turn it is waits for something else),
 * left at N: ... (it has ended, or said so) or timeout at N: ...; from there
 * on everybody was let through.
 */
#ifndef TWILL_GATE_H
#define TWILL_GATE_H

void twill_step(const char *name, const void *object);

#endif
