// SPDX-License-Identifier: GPL-2.0-only
/* A result as JSON. */
#include <string.h>
#include "report/json.h"
#include "report/report.h"

static void export_place(struct json *j, const struct place *p)
{
	json_string(j, "function", p ? p->function : "");
	json_string(j, "file", p ? p->file : "");
	json_long(j, "line", p ? p->line : 0);
	json_string(j, "book", p ? p->home : "");
}

static void export_stack(struct json *j, const char *key, const struct stack *s)
{
	int i;

	json_begin(j, key, '[');
	for (i = 0; i < s->depth; i++) {
		const struct place *p = place(s->pc[i]);

		if (!is_subject(p))
			continue;
		json_begin(j, NULL, '{');
		export_place(j, p);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void export_finding(struct json *j, const struct finding *x)
{
	json_string(j, "verdict", strcmp(x->class, "none") ? "fails" : "silent");
	json_string(j, "class", x->class);
	json_string(j, "object", x->object);
	json_string(j, "member", x->member);
	json_string(j, "function", x->function);
	json_string(j, "text", x->text);
	export_stack(j, "stack", &x->stack);
	json_string(j, "other_title", x->other_title);
	export_stack(j, "other", &x->other);
}

static void export_search(struct json *j, const struct result *r)
{
	json_long(j, "bound", r->bound);
	json_string(j, "claim", r->claim);
	json_long(j, "searches", r->searches);
	json_long(j, "executions", r->executions);
	json_real(j, "seconds", r->seconds);
	json_string(j, "replay", r->replay);
	json_bool(j, "diverged", r->diverged);
	json_bool(j, "elsewhere", r->elsewhere);
}

static void export_circle(struct json *j, const struct result *r)
{
	int i;

	json_begin(j, "circle", '[');
	for (i = 0; i < r->nlinks; i++) {
		const struct link *l = &r->links[i];

		json_begin(j, NULL, '{');
		json_string(j, "title", l->title);
		export_stack(j, "stack", &l->stack);
		json_string(j, "replay", l->replay);
		json_bool(j, "elsewhere", l->elsewhere);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void export_rows(struct json *j, const struct result *r)
{
	int i;

	json_begin(j, "rows", '[');
	for (i = 0; i < r->nrows; i++) {
		const struct row *row = &r->rows[i];

		json_begin(j, NULL, '{');
		json_string(j, "task", (char []){ row->task, 0 });
		json_string(j, "op", row->op);
		json_string(j, "object", row->object);
		export_place(j, where(&row->stack));
		json_string(j, "state", row->state);
		json_bool(j, "quiet", is_quiet(row));
		json_bool(j, "failing", row->failing);
		json_end(j, '}');
	}
	json_end(j, ']');
}

/* For a replay on a booted kernel. */
static void export_order(struct json *j, const struct result *r)
{
	int i;

	json_begin(j, "order", '[');
	for (i = 0; i < r->nrows; i++) {
		const struct row *row = &r->rows[i];

		if (strcmp(row->op, "step") || row->task == '-')
			continue;
		json_begin(j, NULL, '{');
		json_string(j, "task", (char []){ row->task, 0 });
		json_string(j, "step", row->object);
		json_end(j, '}');
	}
	json_end(j, ']');
}

void print_json(FILE *f, const struct scenario *s, struct result *r)
{
	struct json j = { .f = f };

	json_begin(&j, NULL, '{');
	json_string(&j, "scenario", s->name);
	json_string(&j, "shows", s->shows);
	export_finding(&j, &r->found);
	export_search(&j, r);
	export_circle(&j, r);
	export_rows(&j, r);
	export_order(&j, r);
	json_end(&j, '}');
}
