// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names for what a report speaks of: an address is a function and a line, or a
 * variable; an offset is a member of a structure. They come from the program's
 * own debugging information, when there is something to report.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "report/names.h"

static struct place *places;
static int nplaces;

const struct place *place(unsigned long pc)
{
	int i;

	for (i = 0; i < nplaces; i++)
		if (places[i].pc == pc)
			return &places[i];
	return NULL;
}

void add_place(unsigned long pc)
{
	if (place(pc))
		return;
	places = realloc(places, (nplaces + 1) * sizeof(*places));
	memset(&places[nplaces], 0, sizeof(*places));
	places[nplaces++].pc = pc;
}

FILE *(*ask_outside)(const char *tool, const char *more);

static FILE *look(const char *tool, const char *more)
{
	char exe[200] = "", *command;
	FILE *f = NULL;

	if (ask_outside)
		return ask_outside(tool, more);
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0 ||
	    asprintf(&command, "%s %s %s 2>/dev/null", tool, exe, more) < 0)
		return NULL;
	f = popen(command, "r");
	free(command);
	return f;
}

static void looked(FILE *f)
{
	if (f && ask_outside)
		fclose(f);
	else if (f)
		pclose(f);
}

/* The line map that tangle.sh left: a variant's is in its tree. */
static FILE *open_line_map(void)
{
	static const char *const from_exe[] = { "tree/.linemap", "linemap" };
	char exe[200] = "", path[256];
	FILE *f = NULL;
	int i;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return NULL;
	for (i = 0; !f && i < 2; i++) {
		snprintf(path, sizeof(path), "%.*s/%s",
			 (int)(strrchr(exe, '/') - exe), exe, from_exe[i]);
		f = fopen(path, "r");
	}
	return f;
}

/* Which line of the book each line comes from. */
static void find_homes(int from)
{
	char line[256], here[128], home[48];
	FILE *f = open_line_map();
	int i;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%127s book/%47s", here, home) != 2)
			continue;
		for (i = from; i < nplaces; i++) {
			size_t n = strlen(places[i].file);

			if (!strncmp(here, places[i].file, n) && here[n] == ':' &&
			    atoi(here + n + 1) == places[i].line)
				strcpy(places[i].home, home);
		}
	}
	if (f)
		fclose(f);
}

/* One run of addr2line for all addresses; they are return addresses. */
void find_places(void)
{
	static int found;
	char *more = NULL, line[512], *p;
	size_t size;
	FILE *f;
	int i;

	if (found == nplaces)
		return;
	f = open_memstream(&more, &size);
	for (i = found; i < nplaces; i++)
		fprintf(f, "%#lx ", places[i].pc - 1);
	fclose(f);
	f = look("addr2line -f -e", more);
	free(more);
	for (i = found; f && i < nplaces; i++) {
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
	looked(f);
	find_homes(found);
	found = nplaces;
}

/* Which static variable an address is in, and where that begins. */
unsigned long find_static(unsigned long want, char *to, size_t size)
{
	char line[256], name[128];
	unsigned long at, start = 0;
	FILE *f = look("nm -n", "");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %127s", &at, name) == 2 &&
		    at <= want) {
			snprintf(to, size, "%.*s", (int)strcspn(name, "."),
				 name);
			start = at;
		}
	looked(f);
	return start;
}

/* Debugging information: what there is, in the order of its offsets. */
static struct die {
	unsigned long id, type, size, at, address;
	int depth;
	char tag[24];
	char name[48];
} *dies;
static int ndies;

static void read_attribute(struct die *d, const char *line)
{
	const char *value = strstr(line, ": "), *p;

	if (!value)
		return;
	value += 2;
	if (strstr(line, "DW_AT_name ")) {
		p = strstr(value, "): ");
		snprintf(d->name, sizeof(d->name), "%s", p ? p + 3 : value);
		d->name[strcspn(d->name, "\n ")] = 0;
	} else if (strstr(line, "DW_AT_type ")) {
		sscanf(value, " <%lx>", &d->type);
	} else if (strstr(line, "DW_AT_byte_size ")) {
		d->size = strtoul(value, NULL, 0);
	} else if (strstr(line, "DW_AT_data_member_location")) {
		d->at = strtoul(value, NULL, 0);
	} else if (strstr(line, "DW_AT_upper_bound")) {
		d->size = strtoul(value, NULL, 0) + 1;
	} else if ((p = strstr(value, "DW_OP_addr: "))) {
		d->address = strtoul(p + 12, NULL, 16);
	}
}

static void read_dies(void)
{
	char line[512], tag[24];
	unsigned long id;
	int depth, room = 0;
	FILE *f;

	if (ndies || !(f = look("readelf --debug-dump=info", "")))
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " <%d><%lx>: Abbrev Number: %*d (DW_TAG_%23[a-z_])",
			   &depth, &id, tag) == 3) {
			if (ndies == room) {
				room = room ? 2 * room : 4096;
				dies = realloc(dies, room * sizeof(*dies));
			}
			memset(&dies[ndies], 0, sizeof(*dies));
			dies[ndies].depth = depth;
			dies[ndies].id = id;
			strcpy(dies[ndies++].tag, tag);
		} else if (ndies) {
			read_attribute(&dies[ndies - 1], line);
		}
	}
	looked(f);
}

static const struct die *die_at(unsigned long id)
{
	int low = 0, high = ndies;

	while (low < high) {
		int i = (low + high) / 2;

		if (dies[i].id == id)
			return &dies[i];
		if (dies[i].id < id)
			low = i + 1;
		else
			high = i;
	}
	return NULL;
}

/* Without what only gives a type another name. */
static const struct die *plain_type(unsigned long id)
{
	const struct die *d = die_at(id);

	while (d && (!strcmp(d->tag, "typedef") || !strcmp(d->tag, "const_type") ||
		     !strcmp(d->tag, "volatile_type")))
		d = die_at(d->type);
	return d;
}

static bool has_members(const struct die *d)
{
	return d && (!strcmp(d->tag, "structure_type") ||
		     !strcmp(d->tag, "union_type"));
}

/* What a variable of this name points to, if it is as large as the object. */
static const struct die *pointed_to(const struct die *d, unsigned long size)
{
	const struct die *t = plain_type(d->type);

	if (!t || strcmp(t->tag, "pointer_type"))
		return NULL;
	t = plain_type(t->type);
	return has_members(t) && t->size && t->size <= size ? t : NULL;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return m && n >= m && !strcmp(s + n - m, end);
}

/*
 * The type of an allocation that is called NAME, from its sizeof; as FILE has
 * it, if it does.
 */
static const struct die *type_called(const char *name, unsigned long size,
				     const char *file)
{
	const struct die *best = NULL, *t;
	bool here = false;
	int i;

	for (i = 0; i < ndies; i++) {
		if (!dies[i].depth)
			here = ends_with(dies[i].name, file);
		if (strcmp(dies[i].name, name))
			continue;
		t = has_members(&dies[i]) ? &dies[i] :
			pointed_to(&dies[i], size);
		if (!t || !t->size || t->size > size)
			continue;
		if (t->size == size && here)
			return t;
		if (!best || here)
			best = t;
	}
	return best;
}

static const struct die *static_at(unsigned long address)
{
	int i;

	for (i = 0; i < ndies; i++)
		if (dies[i].address == address && dies[i].type)
			return &dies[i];
	return NULL;
}

static unsigned long size_of(const struct die *t)
{
	return !t ? 0 : t->size ? t->size : strcmp(t->tag, "pointer_type") ? 0 :
		sizeof(void *);
}

/* The member of T at OFFSET: ".users.refs", "[3].pfn". */
static void describe(const struct die *t, unsigned long offset, char *to,
		     size_t size)
{
	const struct die *m, *best = NULL, *e;
	int len;

	if (t && !strcmp(t->tag, "array_type")) {
		e = plain_type(t->type);
		if (!size_of(e))
			return;
		len = snprintf(to, size, "[%lu]", offset / size_of(e));
		describe(e, offset % size_of(e), to + len, size - len);
		return;
	}
	if (!has_members(t))
		return;
	for (m = t + 1; m < dies + ndies && m->depth > t->depth; m++)
		if (m->depth == t->depth + 1 && !strcmp(m->tag, "member") &&
		    m->at <= offset && (!best || m->at > best->at))
			best = m;
	if (!best)
		return;
	len = *best->name ? snprintf(to, size, ".%s", best->name) : 0;
	if (len < (int)size)
		describe(plain_type(best->type), offset - best->at, to + len,
			 size - len);
}

/* What of an allocation lies at OFFSET: "users.refs"; "" if nobody knows. */
void member_of_object(const char *name, unsigned long size,
		      unsigned long offset, const char *file, char *to,
		      size_t room)
{
	*to = 0;
	read_dies();
	describe(type_called(name, size, file), offset, to, room);
}

void member_of_static(unsigned long start, unsigned long offset, char *to,
		      size_t room)
{
	const struct die *d;

	*to = 0;
	read_dies();
	d = static_at(start);
	if (d)
		describe(plain_type(d->type), offset, to, room);
}
