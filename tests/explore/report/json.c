// SPDX-License-Identifier: GPL-2.0-only
/* The one place that knows how JSON is written. */
#include "report/json.h"

/* How long is the character at S, in UTF-8? 0: it is none. */
static int length_of(const char *s)
{
	unsigned char c = *s;
	int n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 :
		c < 0xf5 ? 4 : 0, i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && !(s[1] & 0x20)) || (c == 0xed && s[1] & 0x20) ||
	    (c == 0xf0 && !(s[1] & 0x30)) || (c == 0xf4 && s[1] & 0x30))
		return 0;	/* too long for what it says, or too large */
	return n;
}

/* What is no text is told as U+FFFD: a name may have been cut in the middle. */
static void quoted(FILE *f, const char *s)
{
	int n;

	fputc('"', f);
	for (; *s; s += n ? n : 1) {
		n = length_of(s);
		if (!n)
			fputs("\\ufffd", f);
		else if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			fprintf(f, "\\u%04x", *s);
		else
			fwrite(s, 1, n, f);
	}
	fputc('"', f);
}

static void member(struct json *j, const char *key)
{
	if (j->more)
		fputc(',', j->f);
	if (j->depth)
		fprintf(j->f, "\n%*s", 2 * j->depth, "");
	j->more = true;
	if (key) {
		quoted(j->f, key);
		fputs(": ", j->f);
	}
}

void json_begin(struct json *j, const char *key, char bracket)
{
	member(j, key);
	fputc(bracket, j->f);
	j->depth++;
	j->more = false;
}

void json_end(struct json *j, char bracket)
{
	j->depth--;
	if (j->more)
		fprintf(j->f, "\n%*s", 2 * j->depth, "");
	fputc(bracket, j->f);
	if (!j->depth)
		fputc('\n', j->f);
	j->more = true;
}

void json_string(struct json *j, const char *key, const char *value)
{
	member(j, key);
	quoted(j->f, value);
}

void json_long(struct json *j, const char *key, long value)
{
	member(j, key);
	fprintf(j->f, "%ld", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	member(j, key);
	fputs(value ? "true" : "false", j->f);
}

void json_real(struct json *j, const char *key, double value)
{
	member(j, key);
	fprintf(j->f, "%.9g", value);
}
