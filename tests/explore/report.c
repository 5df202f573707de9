// SPDX-License-Identifier: GPL-2.0-only
/* A result as a table for people, and as JSON. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime.h"

struct place {
	unsigned long pc;
	char function[64], file[96];
	int line;
};

static struct place *places;
static int nplaces;

static struct place *place(unsigned long pc)
{
	int i;

	for (i = 0; i < nplaces; i++)
		if (places[i].pc == pc)
			return &places[i];
	return NULL;
}

static void add_place(unsigned long pc)
{
	if (place(pc))
		return;
	places = realloc(places, (nplaces + 1) * sizeof(*places));
	memset(&places[nplaces], 0, sizeof(*places));
	places[nplaces++].pc = pc;
}

static void add_stack(const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++)
		if (s->pc[i])
			add_place(s->pc[i]);
}

/* One run of addr2line for all addresses; they are return addresses. */
static void find_places(int from)
{
	char name[] = "/tmp/explore-XXXXXX", command[256], line[512], *p;
	int i, fd = from < nplaces ? mkstemp(name) : -1;
	char exe[200] = "";
	FILE *f;

	if (fd < 0)
		return;
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		die("no /proc/self/exe");
	f = fdopen(fd, "w");
	for (i = from; i < nplaces; i++)
		fprintf(f, "%#lx\n", places[i].pc - 1);
	fclose(f);
	snprintf(command, sizeof(command), "addr2line -f -e %s @%s", exe, name);
	f = popen(command, "r");
	for (i = from; f && i < nplaces; i++) {
		if (!fgets(line, sizeof(line), f))
			break;
		snprintf(places[i].function, sizeof(places[i].function),
			 "%.*s", (int)strcspn(line, "\n."), line);
		if (!fgets(line, sizeof(line), f))
			break;
		if ((p = strchr(line, ':'))) {
			*p = 0;
			places[i].line = atoi(p + 1);
		}
		p = line;
		while (!strncmp(p, "./", 2))
			p += 2;
		if (!strncmp(p, "tests/explore/", 14))
			p += 14;
		snprintf(places[i].file, sizeof(places[i].file), "%.95s", p);
	}
	if (f)
		pclose(f);
	unlink(name);
}

static void find_all(struct result *r)
{
	int i, from = nplaces;

	add_stack(&r->found.stack);
	add_stack(&r->found.other);
	for (i = 0; i < r->nrows; i++)
		add_stack(&r->rows[i].stack);
	find_places(from);
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

/* "@ADDRESS" is static data: which symbol is it in? */
static void name_static(struct finding *x)
{
	char command[256], line[256], name[128], exe[200] = "";
	unsigned long at, want;
	FILE *f;

	if (sscanf(x->object, "@%lx", &want) != 1 ||
	    readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return;
	snprintf(command, sizeof(command), "nm -n %s", exe);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %127s", &at, name) == 2 &&
		    at <= want)
			snprintf(x->object, sizeof(x->object), "%.*s",
				 (int)strcspn(name, "."), name);
	if (f)
		pclose(f);
}

const char *place_name(unsigned long pc)
{
	int from = nplaces;
	static char name[200];
	struct place *p;

	add_place(pc);
	find_places(from);
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
	name_static(&r->found);
	p = where(&r->found.stack);
	if (!p)			/* freed by the kernel: who used it? */
		p = where(&r->found.other);
	snprintf(r->found.function, sizeof(r->found.function), "%s",
		 p ? p->function : "?");
	if (!strcmp(r->found.object, "?") && p)
		snprintf(r->found.object, sizeof(r->found.object), "%s",
			 p->function);
}

static void print_stack(FILE *f, const struct stack *s)
{
	int i;

	for (i = 0; i < s->depth; i++) {
		const struct place *p = place(s->pc[i]);

		if (is_subject(p))
			fprintf(f, "    %-24s %s:%d\n", p->function, p->file,
				p->line);
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
	int i, from = nplaces;

	for (i = 0; i < r->nrows; i++)
		add_stack(&r->rows[i].stack);
	find_places(from);
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
	print_stack(f, &x->stack);
	if (x->other.depth) {
		fprintf(f, "  %s:\n", x->other_title);
		print_stack(f, &x->other);
	}
	print_rows(f, s, r);
	if (r->elsewhere)
		fprintf(f, "\nThe other order was seen in another execution.\n");
	fprintf(f, "\n%s, %ld execution%s, %.3f s, replay %s\n", r->claim,
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
	fprintf(f, ", \"line\": %d", p ? p->line : 0);
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
