/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for addresses and offsets, from the program's debugging information. */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stdio.h>

struct place {
	unsigned long pc;
	char function[64], file[96];
	int line;
	char home[48];		/* in the book: FILE:LINE, or nothing */
};

/* The grader's: how to have TOOL say something of this program. */
extern FILE *(*ask_outside)(const char *tool, const char *more);

void add_place(unsigned long pc);
void find_places(void);			/* of all that were added */
const struct place *place(unsigned long pc);
unsigned long find_static(unsigned long want, char *to, size_t size);
void member_of_object(const char *name, unsigned long size,
		      unsigned long offset, const char *file, char *to,
		      size_t room);
void member_of_static(unsigned long start, unsigned long offset, char *to,
		      size_t room);

#endif
