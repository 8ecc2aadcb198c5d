/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares what json-c made of a checked text with what the spans of the text say: names,
 * strings, numbers, and how many there are of them. Used by a unit test and by the fuzzer.
 */
#ifndef GATEHOUSE_T_UNIT_SAME_JSON_H
#define GATEHOUSE_T_UNIT_SAME_JSON_H

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/scan.h"

static inline bool same_json(struct span s, struct json_object *o, struct arena *a);

/* Decoded into memory that may hold NULs: a string's length as json-c counts it. */
static inline bool same_string(struct span s, struct json_object *o, struct arena *a)
{
	char *text;

	if (!json_object_is_type(o, json_type_string))
		return false;
	text = scan_string(s, a);
	if (!text) /* only for a NUL inside */
		return memchr(json_object_get_string(o), '\0',
		           (size_t)json_object_get_string_len(o)) != NULL;
	return strlen(text) == (size_t)json_object_get_string_len(o) &&
	    !strcmp(text, json_object_get_string(o)) && scan_string_is(s, text);
}

static inline bool same_number(struct span s, struct json_object *o, struct arena *a)
{
	char *text = arena_strndup(a, s.p, s.n);

	if (strpbrk(text, ".eE")) {
		double want = strtod(text, NULL), got = json_object_get_double(o);

		return json_object_is_type(o, json_type_double) && memcmp(&want, &got, 8) == 0;
	}
	if (!json_object_is_type(o, json_type_int))
		return false;
	return *text == '-' ? strtoll(text, NULL, 10) == json_object_get_int64(o) :
	                      strtoull(text, NULL, 10) == json_object_get_uint64(o);
}

static inline bool same_members(struct span s, struct json_object *o, struct arena *a)
{
	struct span name, value;
	size_t pos = 0;
	int n = 0;

	if (!json_object_is_type(o, json_type_object))
		return false;
	for (; scan_next(s, &pos, &name, &value); n++) {
		const char *key = scan_string(name, a);
		struct json_object *member = NULL;
		struct span found;

		if (!key || !json_object_object_get_ex(o, key, &member))
			return false;
		found = n < 8 ? scan_member(s, key) : value;
		if (found.p != value.p || found.n != value.n || !same_json(value, member, a))
			return false;
	}
	return n == json_object_object_length(o);
}

static inline bool same_elements(struct span s, struct json_object *o, struct arena *a)
{
	struct span value;
	size_t pos = 0, n = 0;

	if (!json_object_is_type(o, json_type_array))
		return false;
	for (; scan_next(s, &pos, NULL, &value); n++)
		if (!same_json(value, json_object_array_get_idx(o, n), a))
			return false;
	return n == json_object_array_length(o);
}

static inline bool same_json(struct span s, struct json_object *o, struct arena *a)
{
	switch (scan_kind(s)) {
	case '{':
		return same_members(s, o, a);
	case '[':
		return same_elements(s, o, a);
	case '"':
		return same_string(s, o, a);
	case '0':
		return same_number(s, o, a);
	case 't':
	case 'f':
		return json_object_is_type(o, json_type_boolean) &&
		    json_object_get_boolean(o) == (scan_kind(s) == 't');
	default:
		return scan_kind(s) == 'n' && !o;
	}
}

/* Whether the members of OBJECT that are told are those that scan_next() finds, if any are. */
static inline bool same_walk(const struct scan_parts *parts, struct span object)
{
	const struct scan_part *end, *p = scan_parts_of(parts, object, &end);
	struct span name, value;
	size_t pos = 0;

	if (!p)
		return true;
	for (; scan_next(object, &pos, &name, &value); p = scan_part_next(parts, p))
		if (p >= end || p->name.p != name.p || p->name.n != name.n || p->value.p != value.p || p->value.n != value.n)
			return false;
	return p == end;
}

/* The same of each object in a checked VALUE; LEVELS: so many of the outermost must be told, if any is. */
static inline bool same_parts(const struct scan_parts *parts, struct span value, int levels)
{
	const struct scan_part *end;
	struct span inner;
	size_t pos = 0;

	if (levels > 0 && scan_kind(value) == '{' && parts->whole && !parts->over && !scan_parts_of(parts, value, &end))
		return false;
	if (scan_kind(value) == '{' && !same_walk(parts, value))
		return false;
	while (scan_next(value, &pos, NULL, &inner))
		if (!same_parts(parts, inner, scan_kind(value) == '{' ? levels - 1 : 0))
			return false;
	return true;
}

/* The same for a whole text that passes the gate, with room for MAX of 64 parts. */
static inline bool same_told(struct span text, const struct scan_limits *limits, unsigned max)
{
	struct scan_part list[64];
	struct scan_parts parts = { .of = list, .max = max };

	return scan_check_parts(text.p, text.n, limits, &parts, NULL) && parts.n <= max && same_parts(&parts, scan_value(text.p, text.n), 2);
}

#endif
