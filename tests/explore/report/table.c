// SPDX-License-Identifier: GPL-2.0-only
/* A result as a table for people. */
#include <stdlib.h>
#include <string.h>
#include "report/report.h"

static void add_stack(const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++)
		if (s->pc[i])
			add_place(s->pc[i]);
}

static void find_all(struct result *r)
{
	int i;

	add_stack(&r->found.stack);
	add_stack(&r->found.other);
	for (i = 0; i < r->nlinks; i++)
		add_stack(&r->links[i].stack);
	for (i = 0; i < r->nrows; i++)
		add_stack(&r->rows[i].stack);
	find_places();
}

bool is_subject(const struct place *p)
{
	return p && (!strncmp(p->file, "src/", 4) ||
		     !strncmp(p->file, "litmus/", 7) ||
		     !strncmp(p->file, "scenarios/", 10));
}

const struct place *where(const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++)
		if (is_subject(place(s->pc[i])))
			return place(s->pc[i]);
	return NULL;
}

/* Where it went wrong: around a guest's code the scenario is the kernel. */
static const struct place *whose(const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++)
		if (!strncmp(place(s->pc[i])->file, "src/", 4))
			return place(s->pc[i]);
	return where(s);
}

/* "@ADDRESS" is static data: which variable is it in, and what of it? */
static void name_place(struct finding *x, const char *file)
{
	unsigned long at;

	if (sscanf(x->object, "@%lx", &at) == 1) {
		unsigned long start = find_static(at, x->object,
						  sizeof(x->object));

		member_of_static(start, at - start, x->member,
				 sizeof(x->member));
	} else if (x->size) {
		member_of_object(x->object, x->size, x->offset, file, x->member,
				 sizeof(x->member));
	}
}

const char *place_name(unsigned long pc)
{
	static char name[200];
	const struct place *p;

	add_place(pc);
	find_places();
	p = place(pc);
	snprintf(name, sizeof(name), "%s %s:%d", p->function, p->file, p->line);
	return name;
}

void name_finding(struct result *r)
{
	const struct place *p;

	if (!r->found.stack.depth)
		return;
	find_all(r);
	p = whose(&r->found.stack);
	if (!p)			/* freed by the kernel: who used it? */
		p = whose(&r->found.other);
	snprintf(r->found.function, sizeof(r->found.function), "%s",
		 p ? p->function : "?");
	name_place(&r->found, p ? p->file : "");
	if (!strcmp(r->found.object, "?") && p)
		snprintf(r->found.object, sizeof(r->found.object), "%s",
			 p->function);
}

static void print_stack(FILE *f, const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++) {
		const struct place *p = place(s->pc[i]);
		char at[128];

		if (!is_subject(p))
			continue;
		snprintf(at, sizeof(at), "%s:%d", p->file, p->line);
		if (*p->home)
			fprintf(f, "    %-24s %-24s %s\n", p->function, at,
				p->home);
		else
			fprintf(f, "    %-24s %s\n", p->function, at);
	}
}

bool is_quiet(const struct row *r)
{
	static const char *const quiet[] = {
		"try_module_get", "module_put", "fget", "fput", "close",
		"get_unused_fd", "fd_install", "copy_from_user",
		"copy_to_user", "alloc", "get_file", "irqs on",
		"yield", "strndup_user",
	};
	size_t i;

	if (r->failing)
		return false;
	for (i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		if (!strcmp(r->op, quiet[i]))
			return true;
	return false;
}

#define MOST_ROWS	200
#define COLUMNS		8
static const char column[] = "ABCDwxi-";
static const char *const heads[COLUMNS] = {
	"A", "B", "C", "D", "worker", "worker 2", "interrupts", "end",
};

/* The part of the rows that is shown, and how wide it is. */
struct extent {
	int first, end;
	int left_out;
	int width[COLUMNS], state;
};

static int cell_of(const struct row *r, char *cell, size_t size)
{
	return snprintf(cell, size, "%s %s", r->op, r->object);
}

static void make_room(struct extent *e, const struct row *row)
{
	int task = strchr(column, row->task) - column, n;
	char cell[80];

	n = cell_of(row, cell, sizeof(cell)) + 2;
	if (n < 8)
		n = 8;
	if (n > e->width[task])
		e->width[task] = n;
	n = strlen(row->state) + 2;
	if (n > 2 && n > e->state)
		e->state = n;
}

/* The setup is the same in every execution; of the rest, the end. */
static struct extent extent_of(const struct result *r)
{
	struct extent e = { .end = r->nrows };
	int i, start = 0, shown = 0;

	while (start < r->nrows && r->rows[start].task == '-')
		start++;
	if (start == r->nrows)
		start = 0;
	for (i = r->nrows; i-- > start && shown < MOST_ROWS;) {
		if (is_quiet(&r->rows[i]))
			continue;
		shown++;
		make_room(&e, &r->rows[i]);
	}
	e.first = i + 1;
	e.left_out = e.first > start ? shown : 0;
	return e;
}

static void print_row(FILE *f, const struct extent *e, const struct row *row)
{
	const struct place *p = where(&row->stack);
	char cell[80];
	int i;

	cell_of(row, cell, sizeof(cell));
	fputs(row->failing ? ">>> " : "    ", f);
	for (i = 0; i < COLUMNS; i++)
		if (e->width[i])
			fprintf(f, "%-*s", e->width[i],
				row->task == column[i] ? cell : "");
	fprintf(f, "%-*s", e->state, row->state);
	if (p)
		fprintf(f, "%s %s:%d", p->function, p->file, p->line);
	fputc('\n', f);
}

static void print_rows(FILE *f, const struct result *r)
{
	struct extent e = extent_of(r);
	int i;

	if (e.left_out)
		fprintf(f, "\n    (the last %d rows)", e.left_out);
	fputs("\n    ", f);
	for (i = 0; i < COLUMNS; i++)
		if (e.width[i])
			fprintf(f, "%-*s", e.width[i], heads[i]);
	fprintf(f, "%s\n", e.state ? "then" : "");
	for (i = e.first; i < e.end; i++)
		if (!is_quiet(&r->rows[i]))
			print_row(f, &e, &r->rows[i]);
}

void print_progress(FILE *f, struct result *r, int rows)
{
	int i;

	for (i = 0; i < r->nrows; i++)
		add_stack(&r->rows[i].stack);
	find_places();
	fprintf(f, "\n");
	for (i = 0; i < r->nrows; i++) {
		const struct row *row = &r->rows[i];
		const struct place *p = where(&row->stack);
		char cell[80];

		if (row->task == '-' || i + rows < r->nrows)
			continue;
		cell_of(row, cell, sizeof(cell));
		fprintf(f, "    %c  %-32s %-12s %s:%d\n", row->task, cell,
			row->state, p ? p->file : "", p ? p->line : 0);
	}
}

/* A circle: what else was seen, each with where, and in which execution. */
static void print_links(FILE *f, const struct result *r)
{
	int i;

	for (i = 0; i < r->nlinks; i++) {
		const struct link *l = &r->links[i];

		fprintf(f, "  %s%s:\n", l->title, l->elsewhere ?
			", in another execution" : "");
		print_stack(f, &l->stack);
		if (l->elsewhere)
			fprintf(f, "    replay '%s'\n", l->replay);
	}
}

void print_table(FILE *f, const struct scenario *s, struct result *r)
{
	const struct finding *x = &r->found;

	fprintf(f, "%s: %s\n", s->name, s->shows);
	if (r->diverged)
		fprintf(f, "diverged: the replay string is of another program\n");
	if (!strcmp(x->class, "none")) {
		fprintf(f, "nothing found: %s, %ld execution%s of at most "
			"%ld choices, %.3f s\n", r->claim, r->executions,
			r->executions == 1 ? "" : "s", r->most_points,
			r->seconds);
		return;
	}
	fprintf(f, "%s: %s, in %s\n  %s\n", x->class, x->object, x->function,
		x->text);
	if (*x->member)
		fprintf(f, "  what lies there: %s%s%s\n", x->object,
			x->size && *x->member == '.' ? "->" : "",
			x->member + (x->size && *x->member == '.'));
	print_stack(f, &x->stack);
	if (r->nlinks)
		print_links(f, r);
	else if (x->other.depth) {
		fprintf(f, "  %s:\n", x->other_title);
		print_stack(f, &x->other);
	}
	print_rows(f, r);
	fprintf(f, "\n%s, %ld execution%s, %.3f s, replay '%s'\n", r->claim,
		r->executions, r->executions == 1 ? "" : "s", r->seconds,
		r->replay);
}
