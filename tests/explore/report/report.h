/* SPDX-License-Identifier: GPL-2.0-only */
/* What the ways of telling a result have in common. */
#ifndef REPORT_H
#define REPORT_H

#include "explore.h"
#include "report/names.h"

/* Code under test: not the shim's headers, not the runtime. */
bool is_subject(const struct place *p);
const struct place *where(const struct stack *s);
/* What a reader of the table can do without. */
bool is_quiet(const struct row *r);
/* The last rows so far, for a person who steps. */
void print_progress(FILE *f, struct result *r, int rows);
const char *place_name(unsigned long pc);

#endif
