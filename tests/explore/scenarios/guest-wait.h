/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest and the host of guest-wait.c, for a lab's scenarios. */
#ifndef GUEST_WAIT_H
#define GUEST_WAIT_H

#include <linux/completion.h>

enum { PAGE_0, PAGE_1, PAGES };	/* the token of each is its number plus 1 */

extern int touched;
extern struct completion moved;	/* A, to the second processor */

/* A's and B's are the first processor's tasks; n are the guest's. */
void setup_tasks(int n);
/* ... and C is a second one's loop, that may run A. */
void setup_two(void);
/* ... and A has the first from the beginning. */
void setup_two_begun(void);
/* ... or A has the second, as if it had moved there while it waited. */
void setup_apart(void);

/* A task: it begins, does something, and leaves. */
void begin_on(unsigned int cpu);
void begin(void);		/* on the first */
void leave(void);
void touch_in_user_mode(int which);
void touch_as_reader(int which);
void touch_and_leave(void);	/* so: A its page, B the other */
void keep(bool on);		/* its processor: ... */
void look(void);		/* ... no other task sees what is half done */
void keep_and_touch(void);	/* PAGE_0 */
void loop_of_two(void);

/* The host. */
void bring(int which);
void tick_on(unsigned int cpu);
void move(void);

#endif
