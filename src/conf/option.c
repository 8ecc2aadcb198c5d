/* SPDX-License-Identifier: Apache-2.0 */
/* Checking what a person wrote against a table of options. */
#include "config.h"

#include "conf/option.h"

#include <string.h>

#include "base/arena.h"
#include "base/uri.h"
#include "conf/problem.h"

enum { NAME_MAX_COMPARED = 64 };

static char unresolved_mark;

void option_mark_unresolved(struct json_object *string)
{
	json_object_set_userdata(string, &unresolved_mark, NULL);
}

bool option_is_unresolved(struct json_object *o)
{
	return json_object_is_type(o, json_type_string) &&
	       json_object_get_userdata(o) == &unresolved_mark;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edit distance with transpositions (optimal string alignment), letters in any case alike. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned rows[3][NAME_MAX_COMPARED + 1];
	unsigned *two = rows[0], *one = rows[1], *now = rows[2];

	for (size_t j = 0; j <= m; j++)
		one[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare = two;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned change = lower(a[i - 1]) != lower(b[j - 1]);

			now[j] = least(least(one[j] + 1, now[j - 1] + 1), one[j - 1] + change);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = least(now[j], two[j - 2] + 1);
		}
		two = one;
		one = now;
		now = spare;
	}
	return one[m];
}

const char *name_nearest(const char *name, const char *const *names)
{
	size_t n = strlen(name);
	unsigned best = (unsigned)(n / 3) + 1;
	const char *found = NULL;

	if (n > NAME_MAX_COMPARED)
		return NULL;
	for (; *names; names++) {
		size_t m = strlen(*names);
		unsigned d;

		if (m > NAME_MAX_COMPARED)
			continue;
		d = distance(name, n, *names, m);
		/* replacing every letter is no slip */
		if (d < n && (d < best || (d == best && !found))) {
			best = d;
			found = *names;
		}
	}
	return found;
}

static size_t table_size(const struct option *table)
{
	size_t n = 0;

	while (table[n].name)
		n++;
	return n;
}

static const struct option *find_option(const struct option *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static void unknown(const struct option_place *at, const struct option *table, const char *name,
    const char *pointer)
{
	size_t n = table_size(table);
	const char **names = arena_calloc(at->arena, n + 1, sizeof(*names));
	const char *list = "", *near;

	for (size_t i = 0; i < n; i++) {
		names[i] = table[i].name;
		list = arena_printf(at->arena, "%s%s%s", list, i ? ", " : "", names[i]);
	}
	near = name_nearest(name, names);
	problem_add(at->problems, true, at->file, pointer_member(at->arena, pointer, name),
	    near    ? arena_printf(at->arena, "write '%s', or remove it", near)
	    : n > 0 ? arena_printf(at->arena, "remove it; known here: %s", list)
		    : "remove it; nothing is known here",
	    near ? "unknown %s '%.64s' (did you mean '%s'?)" : "unknown %s '%.64s'", at->noun, name,
	    near);
}

/* What a value must be, for messages. */
static const char *type_text(const struct option_place *at, const struct option *o)
{
	static const char *const texts[] = {
		[OPTION_STRING] = "a string",
		[OPTION_SECRET] = "a string",
		[OPTION_URL] = "an absolute http or https URL",
		[OPTION_BOOL] = "true or false",
		[OPTION_INT] = "a whole number",
		[OPTION_NUMBER] = "a number",
		[OPTION_STRINGS] = "an array of strings",
		[OPTION_OBJECT] = "an object",
		[OPTION_OBJECTS] = "an array of objects",
		[OPTION_ANY] = "a value",
	};

	if (o->type == OPTION_ENUM)
		return arena_printf(at->arena, "one of: %s", o->words);
	if ((o->type == OPTION_INT || o->type == OPTION_NUMBER) && o->max > o->min)
		return arena_printf(at->arena, "%s from %lld to %lld", texts[o->type],
		    (long long)o->min, (long long)o->max);
	return texts[o->type];
}

static bool wrong(const struct option_place *at, const struct option *o, const char *pointer)
{
	const char *type = type_text(at, o);

	problem_add(at->problems, true, at->file, pointer,
	    arena_printf(at->arena, "write %s", type), "%s '%s' must be %s", at->noun, o->name,
	    type);
	return false;
}

static bool is_word(const char *words, const char *value)
{
	size_t n = strlen(value);

	if (strchr(value, ' '))
		return false;
	for (const char *w = words; n > 0 && (w = strstr(w, value)); w += n)
		if ((w == words || w[-1] == ' ') && (w[n] == ' ' || w[n] == '\0'))
			return true;
	return false;
}

static bool is_url(struct arena *a, const char *text)
{
	struct err e = { 0 };
	struct uri u;

	return uri_parse(&u, a, text, &e) && u.host && !u.userinfo && !u.fragment &&
	       (!strcmp(u.scheme, "https") || !strcmp(u.scheme, "http"));
}

/* The text of a string without a NUL inside; NULL for anything else. */
static const char *plain_text(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static bool is_sound_string(struct arena *a, const struct option *o, struct json_object *value)
{
	const char *text = plain_text(value);

	if (!text)
		return false;
	return o->type == OPTION_ENUM  ? is_word(o->words, text)
	       : o->type == OPTION_URL ? is_url(a, text)
				       : true;
}

static bool is_empty_text(struct json_object *value)
{
	const char *text = plain_text(value);

	return text && !*text;
}

static bool empty(const struct option_place *at, const struct option *o, const char *pointer)
{
	problem_add(at->problems, true, at->file, pointer, "give it a value", "%s '%s' is empty",
	    at->noun, o->name);
	return false;
}

static bool is_sound_number(const struct option *o, struct json_object *value)
{
	bool is_int = json_object_is_type(value, json_type_int);
	double number = json_object_get_double(value);

	if (!is_int && (o->type == OPTION_INT || !json_object_is_type(value, json_type_double)))
		return false;
	return o->max <= o->min || (number >= (double)o->min && number <= (double)o->max);
}

static bool check_strings(const struct option_place *at, const struct option *o,
    struct json_object *value, const char *pointer)
{
	bool ok = true;

	if (!json_object_is_type(value, json_type_array))
		return wrong(at, o, pointer);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		if (plain_text(json_object_array_get_idx(value, i)))
			continue;
		problem_add(at->problems, true, at->file, pointer_item(at->arena, pointer, i),
		    "write a string", "an entry of %s '%s' must be a string", at->noun, o->name);
		ok = false;
	}
	return ok;
}

static bool check_objects(const struct option_place *at, const struct option *o,
    struct json_object *value, const char *pointer)
{
	bool ok = true;

	if (!json_object_is_type(value, json_type_array))
		return wrong(at, o, pointer);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		const char *item = pointer_item(at->arena, pointer, i);
		struct json_object *entry = json_object_array_get_idx(value, i);

		if (json_object_is_type(entry, json_type_object)) {
			ok &= !o->sub || option_check(at, o->sub, entry, item);
			continue;
		}
		problem_add(at->problems, true, at->file, item, "write an object",
		    "an entry of %s '%s' must be an object", at->noun, o->name);
		ok = false;
	}
	return ok;
}

static bool check_value(const struct option_place *at, const struct option *o,
    struct json_object *value, const char *pointer)
{
	if (option_is_unresolved(value))
		return true;
	switch (o->type) {
	case OPTION_STRING:
	case OPTION_SECRET:
	case OPTION_URL:
	case OPTION_ENUM:
		if (o->required && is_empty_text(value))
			return empty(at, o, pointer);
		return is_sound_string(at->arena, o, value) || wrong(at, o, pointer);
	case OPTION_BOOL:
		return json_object_is_type(value, json_type_boolean) || wrong(at, o, pointer);
	case OPTION_INT:
	case OPTION_NUMBER:
		return is_sound_number(o, value) || wrong(at, o, pointer);
	case OPTION_STRINGS:
		return check_strings(at, o, value, pointer);
	case OPTION_OBJECTS:
		return check_objects(at, o, value, pointer);
	case OPTION_OBJECT:
		if (!json_object_is_type(value, json_type_object))
			return wrong(at, o, pointer);
		return !o->sub || option_check(at, o->sub, value, pointer);
	case OPTION_ANY:
	case OPTION_END:
		break;
	}
	return true;
}

static void not_yet(const struct option_place *at, const struct option *o, const char *pointer)
{
	problem_add(at->problems, false, at->file, pointer,
	    "leave it for a later version, or remove it", "%s '%s' has no effect in this version",
	    at->noun, o->name);
}

bool option_check(const struct option_place *at, const struct option *table,
    struct json_object *object, const char *pointer)
{
	bool ok = true;

	if (!json_object_is_type(object, json_type_object)) {
		problem_add(at->problems, true, at->file, pointer, "write an object",
		    "this must be an object");
		return false;
	}
	json_object_object_foreach(object, name, value)
	{
		const struct option *o = find_option(table, name);

		if (o) {
			if (o->later)
				not_yet(at, o, pointer_member(at->arena, pointer, name));
			ok &= check_value(at, o, value, pointer_member(at->arena, pointer, name));
		} else {
			unknown(at, table, name, pointer);
			ok = false;
		}
	}
	for (const struct option *o = table; o->name; o++) {
		if (!o->required || json_object_object_get_ex(object, o->name, NULL))
			continue;
		problem_add(at->problems, true, at->file, pointer,
		    arena_printf(at->arena, "add '%s': %s", o->name, type_text(at, o)),
		    "%s '%s' is missing", at->noun, o->name);
		ok = false;
	}
	return ok;
}
