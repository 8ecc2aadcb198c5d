/* SPDX-License-Identifier: Apache-2.0 */
/* A table of keywords: how each is read. Values are judged as text, so that whole numbers of 64 bits are exact. */
#include "config.h"

#include "policy/schema.h"

#include "base/pattern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum type { T_NULL = 1, T_BOOLEAN = 2, T_INTEGER = 4, T_NUMBER = 8, T_STRING = 16, T_ARRAY = 32, T_OBJECT = 64 };

struct property {
	const char *name;
	const struct schema *schema;
};

struct schema {
	unsigned types; /* 0: any */
	struct json_object *values; /* enum, or an array of const; NULL: any */
	bool has_min, has_max, has_above, has_below;
	long double min, max, above, below;
	size_t min_length, max_length, min_items, max_items;
	struct pattern *pattern;
	const struct schema *items;
	struct property *properties; /* ended by one without a name */
	struct json_object *required;
	bool closed; /* additionalProperties: false */
	const struct schema *additional;
};

/* Where one is read. */
struct reading {
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
	bool ok;
};

static void fault(struct reading *r, const char *pointer, const char *remedy, const char *text)
{
	problem_add(r->problems, true, r->file, pointer, remedy, "%s", text);
	r->ok = false;
}

/* ---- types */

static unsigned type_named(const char *name)
{
	static const struct {
		const char *name;
		unsigned type;
	} types[] = { { "null", T_NULL }, { "boolean", T_BOOLEAN }, { "integer", T_INTEGER }, { "number", T_NUMBER },
		{ "string", T_STRING }, { "array", T_ARRAY }, { "object", T_OBJECT } };

	for (size_t i = 0; name && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].name, name))
			return types[i].type;
	return 0;
}

static void read_type(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 1;

	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_is_type(value, json_type_array) ? json_object_array_get_idx(value, i) : value;
		unsigned type = json_object_is_type(one, json_type_string) ? type_named(json_object_get_string(one)) : 0;

		if (!type)
			fault(r, at, "write null, boolean, integer, number, string, array, object, or an array of them",
			    "there is no such type");
		s->types |= type;
	}
	if (!n)
		fault(r, at, "name a type", "an empty list of types lets nothing pass");
}

/* ---- the other keywords */

static bool is_scalar(struct json_object *value)
{
	return !json_object_is_type(value, json_type_object) && !json_object_is_type(value, json_type_array);
}

static void read_values(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	if (!json_object_is_type(value, json_type_array)) {
		fault(r, at, "write an array of values", "enum is an array");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!is_scalar(json_object_array_get_idx(value, i)))
			fault(r, pointer_item(r->arena, at, i), "write texts, numbers, true, false or null",
			    "objects and arrays cannot be compared here");
	s->values = value;
}

static void read_const(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	if (!is_scalar(value)) {
		fault(r, at, "write a text, a number, true, false or null", "objects and arrays cannot be compared here");
		return;
	}
	s->values = json_new_array(r->arena);
	json_add(s->values, NULL, value);
}

static long double read_number(struct reading *r, struct json_object *value, const char *at)
{
	if (json_object_is_type(value, json_type_int))
		return json_object_get_int64(value);
	if (!json_object_is_type(value, json_type_double))
		fault(r, at, "write a number", "this is no number");
	return json_object_get_double(value);
}

static size_t read_size(struct reading *r, struct json_object *value, const char *at)
{
	if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0)
		return (size_t)json_object_get_int64(value);
	fault(r, at, "write a whole number, 0 or more", "this is no size");
	return 0;
}

static void free_pattern(void *p)
{
	pattern_free(p);
}

static void read_pattern(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	struct err e = { .code = ERR_NONE };

	if (!json_object_is_type(value, json_type_string)) {
		fault(r, at, "write a text", "a pattern is a text");
		return;
	}
	s->pattern = pattern_new(json_object_get_string(value), &e);
	arena_defer(r->arena, free_pattern, s->pattern);
	if (!s->pattern)
		fault(r, at, "mend the regular expression", e.text);
}

static const struct schema *read_sub(struct reading *r, struct json_object *value, const char *at)
{
	const struct schema *s = schema_new(r->arena, value, r->problems, r->file, at);

	r->ok = r->ok && s;
	return s;
}

static void read_properties(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	size_t n = 0;

	if (!json_object_is_type(value, json_type_object)) {
		fault(r, at, "write an object with a schema for each name", "properties is an object");
		return;
	}
	s->properties = arena_calloc(r->arena, (size_t)json_object_object_length(value) + 1, sizeof(*s->properties));
	json_object_object_foreach(value, name, sub)
	{
		s->properties[n].schema = read_sub(r, sub, pointer_member(r->arena, at, name));
		s->properties[n++].name = name;
	}
}

static void read_required(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	if (!json_object_is_type(value, json_type_array)) {
		fault(r, at, "write an array of names", "required is an array");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
			fault(r, pointer_item(r->arena, at, i), "write a name", "this is no name");
	s->required = value;
}

static void read_additional(struct reading *r, struct schema *s, struct json_object *value, const char *at)
{
	if (json_object_is_type(value, json_type_boolean))
		s->closed = !json_object_get_boolean(value);
	else
		s->additional = read_sub(r, value, at);
}

static bool is_for_readers(const char *name)
{
	static const char *const names[] = { "title", "description", "default", "examples", "format", "deprecated", NULL };

	for (const char *const *n = names; *n; n++)
		if (!strcmp(*n, name))
			return true;
	return false;
}

static void read_keyword(struct reading *r, struct schema *s, const char *name, struct json_object *value)
{
	const char *at = pointer_member(r->arena, r->pointer, name);

	if (!strcmp(name, "type"))
		read_type(r, s, value, at);
	else if (!strcmp(name, "enum"))
		read_values(r, s, value, at);
	else if (!strcmp(name, "const"))
		read_const(r, s, value, at);
	else if (!strcmp(name, "minimum"))
		s->has_min = true, s->min = read_number(r, value, at);
	else if (!strcmp(name, "maximum"))
		s->has_max = true, s->max = read_number(r, value, at);
	else if (!strcmp(name, "exclusiveMinimum"))
		s->has_above = true, s->above = read_number(r, value, at);
	else if (!strcmp(name, "exclusiveMaximum"))
		s->has_below = true, s->below = read_number(r, value, at);
	else if (!strcmp(name, "minLength"))
		s->min_length = read_size(r, value, at);
	else if (!strcmp(name, "maxLength"))
		s->max_length = read_size(r, value, at);
	else if (!strcmp(name, "minItems"))
		s->min_items = read_size(r, value, at);
	else if (!strcmp(name, "maxItems"))
		s->max_items = read_size(r, value, at);
	else if (!strcmp(name, "pattern"))
		read_pattern(r, s, value, at);
	else if (!strcmp(name, "items"))
		s->items = read_sub(r, value, at);
	else if (!strcmp(name, "properties"))
		read_properties(r, s, value, at);
	else if (!strcmp(name, "required"))
		read_required(r, s, value, at);
	else if (!strcmp(name, "additionalProperties"))
		read_additional(r, s, value, at);
	else if (!is_for_readers(name))
		fault(r, at, "remove it, or say it with those that gatehouse-policies(5) lists",
		    "this keyword of JSON Schema is not enforced here");
}

const struct schema *schema_new(struct arena *a, struct json_object *object, struct problems *problems, const char *file,
    const char *pointer)
{
	struct reading r = { .arena = a, .problems = problems, .file = file, .pointer = pointer, .ok = true };
	struct schema *s = arena_alloc(a, sizeof(*s));

	s->max_length = s->max_items = SIZE_MAX;
	if (!json_object_is_type(object, json_type_object)) {
		fault(&r, pointer, "write an object", "a schema is an object");
		return NULL;
	}
	json_object_object_foreach(object, name, value)
		read_keyword(&r, s, name, value);
	if (json_get(object, "const") && json_get(object, "enum"))
		fault(&r, pointer, "keep one of the two", "const and enum are one thing");
	return r.ok ? s : NULL;
}

/* ---- values */

/* Where a value is, for the message. */
struct place {
	const struct place *in;
	const char *name; /* NULL: an item of an array */
};

struct judging {
	struct arena *arena;
	struct err *err;
	struct pattern_search *search; /* made for the first pattern: one budget for all of a value */
};

static const char *path_of(struct arena *a, const struct place *p)
{
	const char *up = p->in ? path_of(a, p->in) : "";

	return arena_printf(a, "%s%s%s", up, p->in && p->name ? "." : "", p->name ? p->name : "[]");
}

static bool wrong(struct judging *j, const struct place *at, const char *why)
{
	err_set(j->err, ERR_INVALID_REQUEST, "", "");
	return err_text(j->err, "%.100s: %s", path_of(j->arena, at), why);
}

/* A number's text as a number. Texts of a hundred digits and more are cut: their first ones say how large they are. */
static long double number_of(struct span s, struct arena *a)
{
	return strtold(arena_strndup(a, s.p, s.n), NULL);
}

static unsigned types_of(struct span v, struct arena *a)
{
	long double x;

	switch (scan_kind(v)) {
	case 'n':
		return T_NULL;
	case 't':
	case 'f':
		return T_BOOLEAN;
	case '"':
		return T_STRING;
	case '[':
		return T_ARRAY;
	case '{':
		return T_OBJECT;
	}
	x = number_of(v, a);
	return isfinite(x) && floorl(x) == x ? T_NUMBER | T_INTEGER : T_NUMBER;
}

static bool equals(struct span v, struct json_object *value, struct arena *a)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		return scan_string_is(v, json_object_get_string(value));
	case json_type_boolean:
		return scan_kind(v) == (json_object_get_boolean(value) ? 't' : 'f');
	case json_type_int:
		return scan_kind(v) == '0' && number_of(v, a) == json_object_get_int64(value);
	case json_type_double:
		return scan_kind(v) == '0' && (double)number_of(v, a) == json_object_get_double(value);
	default:
		return scan_kind(v) == 'n';
	}
}

static bool is_one_of(struct span v, struct json_object *values, struct arena *a)
{
	for (size_t i = 0; i < json_object_array_length(values); i++)
		if (equals(v, json_object_array_get_idx(values, i), a))
			return true;
	return false;
}

static bool check(struct judging *, const struct schema *, struct span, const struct place *);

static bool check_number(struct judging *j, const struct schema *s, struct span v, const struct place *at)
{
	long double x = number_of(v, j->arena);

	if ((s->has_min && !(x >= s->min)) || (s->has_above && !(x > s->above)))
		return wrong(j, at, "it is too small");
	if ((s->has_max && !(x <= s->max)) || (s->has_below && !(x < s->below)))
		return wrong(j, at, "it is too large");
	return true;
}

static bool pattern_is_in(struct judging *j, const struct pattern *p, const char *text, size_t n)
{
	size_t start, end;

	if (!j->search)
		j->search = pattern_search_new();
	return pattern_find(j->search, p, NULL, text, n, 0, &start, &end) == PATTERN_FOUND;
}

static bool check_string(struct judging *j, const struct schema *s, struct span v, const struct place *at)
{
	char *text = arena_alloc(j->arena, v.n);
	size_t n = scan_decode(v, text), characters = 0;

	for (size_t i = 0; i < n; i++)
		characters += ((unsigned char)text[i] & 0xc0) != 0x80;
	if (characters < s->min_length)
		return wrong(j, at, "it is too short");
	if (characters > s->max_length)
		return wrong(j, at, "it is too long");
	return !s->pattern || pattern_is_in(j, s->pattern, text, n) || wrong(j, at, "it does not have the form that is asked for");
}

static bool check_array(struct judging *j, const struct schema *s, struct span v, const struct place *at)
{
	const struct place item = { at, NULL };
	size_t pos = 0, n = 0;
	struct span one;

	while (n <= s->max_items && scan_next(v, &pos, NULL, &one))
		n++;
	if (n > s->max_items)
		return wrong(j, at, "it has too many items");
	if (n < s->min_items)
		return wrong(j, at, "it has too few items");
	for (pos = 0; s->items && scan_next(v, &pos, NULL, &one);)
		if (!check(j, s->items, one, &item))
			return false;
	return true;
}

/* A name in another case may be this one to the upstream. */
static const struct property *property_of(const struct schema *s, struct span name, bool *odd)
{
	for (const struct property *p = s->properties; p && p->name; p++) {
		if (scan_string_is(name, p->name))
			return p;
		*odd |= scan_string_folds_to(name, p->name);
	}
	return NULL;
}

static bool check_object(struct judging *j, const struct schema *s, struct span v, const struct place *at)
{
	size_t pos = 0, n = s->required ? json_object_array_length(s->required) : 0;
	struct span name, value;

	while (scan_next(v, &pos, &name, &value)) {
		bool odd = false;
		const struct property *p = property_of(s, name, &odd);
		const struct place in = { at, p ? p->name : "(another)" };

		if (odd && !p)
			return wrong(j, at, "a name is spelled in another case");
		if (p ? !check(j, p->schema, value, &in) : s->closed ? !wrong(j, at, "it has a name that is not allowed") :
			s->additional && !check(j, s->additional, value, &in))
			return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *wanted = json_object_get_string(json_object_array_get_idx(s->required, i));
		const struct place in = { at, wanted };

		if (!scan_member(v, wanted).p)
			return wrong(j, &in, "it is missing");
	}
	return true;
}

static bool check(struct judging *j, const struct schema *s, struct span v, const struct place *at)
{
	if (s->types && !(types_of(v, j->arena) & s->types))
		return wrong(j, at, "it is of another type");
	if (s->values && !is_one_of(v, s->values, j->arena))
		return wrong(j, at, "it is none of the values that are allowed");
	switch (scan_kind(v)) {
	case '0':
		return check_number(j, s, v, at);
	case '"':
		return check_string(j, s, v, at);
	case '[':
		return check_array(j, s, v, at);
	case '{':
		return check_object(j, s, v, at);
	default:
		return true;
	}
}

bool schema_check(const struct schema *s, struct arena *a, struct span value, struct err *e)
{
	struct judging j = { .arena = a, .err = e };
	const struct place top = { NULL, "arguments" };
	bool fits = check(&j, s, value, &top);

	if (j.search)
		pattern_search_free(j.search);
	return fits;
}

/* ---- what is published */

static bool is_lower_bound(const char *name)
{
	return !strcmp(name, "minimum") || !strcmp(name, "exclusiveMinimum") || !strcmp(name, "minLength") || !strcmp(name, "minItems");
}

static bool is_upper_bound(const char *name)
{
	return !strcmp(name, "maximum") || !strcmp(name, "exclusiveMaximum") || !strcmp(name, "maxLength") || !strcmp(name, "maxItems");
}

static bool is_number(struct json_object *x)
{
	return json_object_is_type(x, json_type_int) || json_object_is_type(x, json_type_double);
}

static bool has_equal(struct json_object *array, struct json_object *value)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (json_object_equal(json_object_array_get_idx(array, i), value))
			return true;
	return false;
}

/* What is in BOTH arrays, or in one of them. */
static struct json_object *combine(struct json_object *x, struct json_object *y, bool both)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(x); i++)
		if (!both || has_equal(y, json_object_array_get_idx(x, i)))
			json_object_array_add(out, json_copy(json_object_array_get_idx(x, i)));
	for (size_t i = 0; !both && i < json_object_array_length(y); i++)
		if (!has_equal(x, json_object_array_get_idx(y, i)))
			json_object_array_add(out, json_copy(json_object_array_get_idx(y, i)));
	return out;
}

/* Each schema of WITH into that of the same name. */
static void narrow_properties(struct json_object *base, struct json_object *with)
{
	json_object_object_foreach(with, name, value)
	{
		struct json_object *old = json_get(base, name);

		if (json_object_is_type(old, json_type_object))
			schema_narrow(old, value);
		else
			json_object_object_add(base, name, json_copy(value));
	}
}

void schema_narrow(struct json_object *base, struct json_object *with)
{
	json_object_object_foreach(with, name, value)
	{
		struct json_object *old = json_get(base, name);
		bool objects = json_object_is_type(old, json_type_object) && json_object_is_type(value, json_type_object);
		bool arrays = json_object_is_type(old, json_type_array) && json_object_is_type(value, json_type_array);

		if (objects && !strcmp(name, "properties"))
			narrow_properties(old, value);
		else if (objects && (!strcmp(name, "items") || !strcmp(name, "additionalProperties")))
			schema_narrow(old, value);
		else if (arrays && (!strcmp(name, "enum") || !strcmp(name, "required")))
			json_object_object_add(base, name, combine(old, value, !strcmp(name, "enum")));
		else if (is_number(old) && is_number(value) &&
		    ((is_lower_bound(name) && json_object_get_double(old) > json_object_get_double(value)) ||
			(is_upper_bound(name) && json_object_get_double(old) < json_object_get_double(value))))
			continue;
		else if (json_object_is_type(old, json_type_boolean) && !json_object_get_boolean(old) &&
		    !strcmp(name, "additionalProperties"))
			continue;
		else
			json_object_object_add(base, name, json_copy(value));
	}
}
