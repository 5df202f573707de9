// SPDX-License-Identifier: GPL-2.0-only
/* A result as a table for people, and as JSON. */
#include <stdlib.h>
#include <string.h>
#include "report/names.h"
#include "engine/runtime.h"

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

/* Code under test: not the shim's headers, not the runtime. */
static bool is_subject(const struct place *p)
{
	return p && (!strncmp(p->file, "src/", 4) ||
		     !strncmp(p->file, "litmus/", 7) ||
		     !strncmp(p->file, "scenarios/", 10));
}

static const struct place *where(const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++)
		if (is_subject(place(s->pc[i])))
			return place(s->pc[i]);
	return NULL;
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
	p = where(&r->found.stack);
	if (!p)			/* freed by the kernel: who used it? */
		p = where(&r->found.other);
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

/* What a reader of the table can do without. */
static bool is_quiet(const struct row *r)
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

static int cell_of(const struct row *r, char *cell, size_t size)
{
	return snprintf(cell, size, "%s %s", r->op, r->object);
}

static void print_rows(FILE *f, const struct scenario *s, struct result *r)
{
	char column[] = "ABCDwxi-";
	int i, j, task, first = 0, shown = 0, width[8] = {}, state = 0;
	char cell[80];

	/* The setup is the same in every execution. */
	for (i = 0; i < r->nrows && !first; i++)
		if (r->rows[i].task != '-')
			first = i + 1;
	if (first)
		first--;
	for (i = r->nrows; i-- > first && shown < MOST_ROWS;) {
		if (is_quiet(&r->rows[i]))
			continue;
		shown++;
		task = strchr(column, r->rows[i].task) - column;
		j = cell_of(&r->rows[i], cell, sizeof(cell)) + 2;
		if (j < 8)
			j = 8;
		if (j > width[task])
			width[task] = j;
		j = strlen(r->rows[i].state) + 2;
		if (j > 2 && j > state)
			state = j;
	}
	if (i > first) {
		fprintf(f, "\n    (the last %d rows)", shown);
		first = i + 1;
	}
	fprintf(f, "\n    ");
	for (j = 0; j < 8; j++)
		if (width[j])
			fprintf(f, "%-*s", width[j], (char *[]){ "A", "B",
				"C", "D", "worker", "worker 2", "interrupts",
				"end" }[j]);
	fprintf(f, "%s\n", state ? "then" : "");
	for (i = first; i < r->nrows; i++) {
		const struct row *row = &r->rows[i];
		const struct place *p = where(&row->stack);

		if (is_quiet(row))
			continue;
		cell_of(row, cell, sizeof(cell));
		fprintf(f, "%s", row->failing ? ">>> " : "    ");
		for (j = 0; j < 8; j++)
			if (width[j])
				fprintf(f, "%-*s", width[j],
					row->task == column[j] ? cell : "");
		fprintf(f, "%-*s", state, row->state);
		if (p)
			fprintf(f, "%s %s:%d", p->function, p->file, p->line);
		fprintf(f, "\n");
	}
	(void)s;
}

/* The last rows so far, for somebody who steps. */
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
	print_rows(f, s, r);
	fprintf(f, "\n%s, %ld execution%s, %.3f s, replay '%s'\n", r->claim,
		r->executions, r->executions == 1 ? "" : "s", r->seconds,
		r->replay);
}

static void json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		if ((unsigned char)*s >= ' ')
			fputc(*s, f);
	}
	fputc('"', f);
}

static void json_pair(FILE *f, const char *key, const char *value)
{
	fprintf(f, "  \"%s\": ", key);
	json_string(f, value);
	fprintf(f, ",\n");
}

static void json_place(FILE *f, const struct place *p)
{
	fprintf(f, "\"function\": ");
	json_string(f, p ? p->function : "");
	fprintf(f, ", \"file\": ");
	json_string(f, p ? p->file : "");
	fprintf(f, ", \"line\": %d, \"book\": ", p ? p->line : 0);
	json_string(f, p ? p->home : "");
}

static void json_stack(FILE *f, const char *key, const struct stack *s)
{
	const char *sep = "";
	int i;

	fprintf(f, "  \"%s\": [", key);
	for (i = 0; i < s->depth; i++) {
		const struct place *p = place(s->pc[i]);

		if (!is_subject(p))
			continue;
		fprintf(f, "%s\n    {", sep);
		json_place(f, p);
		fprintf(f, "}");
		sep = ",";
	}
	fprintf(f, "],\n");
}

void print_json(FILE *f, const struct scenario *s, struct result *r)
{
	const struct finding *x = &r->found;
	const char *sep = "";
	int i;

	fprintf(f, "{\n");
	json_pair(f, "scenario", s->name);
	json_pair(f, "shows", s->shows);
	json_pair(f, "verdict", strcmp(x->class, "none") ? "fails" : "silent");
	json_pair(f, "class", x->class);
	json_pair(f, "object", x->object);
	json_pair(f, "function", x->function);
	json_pair(f, "text", x->text);
	fprintf(f, "  \"bound\": %d,\n", r->bound);
	json_pair(f, "claim", r->claim);
	fprintf(f, "  \"executions\": %ld,\n  \"seconds\": %.3f,\n",
		r->executions, r->seconds);
	json_pair(f, "replay", r->replay);
	fprintf(f, "  \"diverged\": %s,\n  \"elsewhere\": %s,\n",
		r->diverged ? "true" : "false", r->elsewhere ? "true" : "false");
	json_stack(f, "stack", &x->stack);
	json_pair(f, "other_title", x->other_title);
	json_stack(f, "other", &x->other);
	json_pair(f, "member", x->member);
	fprintf(f, "  \"circle\": [");
	for (i = 0; i < r->nlinks; i++) {
		fprintf(f, "%s{\n  ", i ? ", " : "");
		json_pair(f, "title", r->links[i].title);
		json_stack(f, "stack", &r->links[i].stack);
		json_pair(f, "replay", r->links[i].replay);
		fprintf(f, "  \"elsewhere\": %s}",
			r->links[i].elsewhere ? "true" : "false");
	}
	fprintf(f, "],\n");
	fprintf(f, "  \"rows\": [");
	for (i = 0; i < r->nrows; i++, sep = ",") {
		const struct row *row = &r->rows[i];

		fprintf(f, "%s\n    {\"task\": \"%c\", \"op\": ", sep,
			row->task);
		json_string(f, row->op);
		fprintf(f, ", \"object\": ");
		json_string(f, row->object);
		fprintf(f, ", ");
		json_place(f, where(&row->stack));
		fprintf(f, ", \"state\": ");
		json_string(f, row->state);
		fprintf(f, ", \"quiet\": %s, \"failing\": %s}",
			is_quiet(row) ? "true" : "false",
			row->failing ? "true" : "false");
	}
	fprintf(f, "],\n  \"order\": [");
	sep = "";
	for (i = 0; i < r->nrows; i++) {
		const struct row *row = &r->rows[i];

		if (strcmp(row->op, "step") || row->task == '-')
			continue;
		fprintf(f, "%s\n    {\"task\": \"%c\", \"step\": \"%s\"}",
			sep, row->task, row->object);
		sep = ",";
	}
	fprintf(f, "]\n}\n");
}
