/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON, a member at a time. In an array a member has no key: NULL. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

struct json {
	FILE *f;
	int depth;
	bool more;		/* something stands before, at this depth */
};

void json_begin(struct json *j, const char *key, char bracket);
void json_end(struct json *j, char bracket);
void json_string(struct json *j, const char *key, const char *value);
void json_long(struct json *j, const char *key, long value);
void json_bool(struct json *j, const char *key, bool value);
void json_real(struct json *j, const char *key, double value);

#endif
