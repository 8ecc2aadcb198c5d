/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c behind the gate. json-c alone keeps the last of two equal names, cuts names at NUL,
 * clamps integers past 64 bits, and takes an escaped pair of surrogates for U+FFFD where the low
 * 16 bits of the character look like a surrogate again (U+1D800 and others; seen in 0.16).
 * The gate refuses all four.
 */
#include "config.h"

#include "json/json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void put(void *object)
{
	json_object_put(object);
}

/* json-c returns NULL only when memory ran out. */
static struct json_object *must(struct json_object *o)
{
	if (!o)
		abort();
	return o;
}

static struct json_object *parse_checked(const char *text, size_t n, unsigned depth, struct err *e)
{
	struct json_tokener *tok = json_tokener_new_ex((int)depth + 2);
	struct json_object *o;
	enum json_tokener_error why;

	if (!tok)
		abort();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, text, (int)n);
	why = json_tokener_get_error(tok);
	if (why == json_tokener_continue) { /* a number ends where something else begins */
		o = json_tokener_parse_ex(tok, " ", 1);
		why = json_tokener_get_error(tok);
	}
	json_tokener_free(tok);
	if (why != json_tokener_success)
		err_set(e, ERR_SYNTAX, "malformed JSON", "json-c: %s", json_tokener_error_desc(why));
	else if (!o)
		err_set(e, ERR_SYNTAX, "JSON text is null", "");
	return o;
}

struct json_object *json_parse(
    struct arena *a, const char *text, size_t n, const struct scan_limits *limits, struct err *e)
{
	struct scan_limits l = *limits;
	struct json_object *o;
	struct span whole;

	l.tree = true;
	if (!scan_check(text, n, &l, e))
		return NULL;
	if (n > INT_MAX - 1) {
		err_set(e, ERR_LIMIT, "JSON text is too long", "");
		return NULL;
	}
	whole = scan_value(text, n); /* in strict mode json-c minds blanks behind the value */
	o = parse_checked(whole.p, whole.n, limits->depth < 256 ? limits->depth : 256, e);
	arena_defer(a, put, o);
	return o;
}

struct json_object *json_new_object(struct arena *a)
{
	struct json_object *o = must(json_object_new_object());

	arena_defer(a, put, o);
	return o;
}

struct json_object *json_new_array(struct arena *a)
{
	struct json_object *o = must(json_object_new_array());

	arena_defer(a, put, o);
	return o;
}

/* Gives VALUE away to PARENT. */
static void give(struct json_object *parent, const char *name, struct json_object *value)
{
	int failed = name ? json_object_object_add(parent, name, value) :
	                    json_object_array_add(parent, value);

	if (failed)
		abort();
}

void json_add_string(struct json_object *parent, const char *name, const char *value)
{
	if (value)
		give(parent, name, must(json_object_new_string(value)));
}

void json_add_int(struct json_object *parent, const char *name, int64_t value)
{
	give(parent, name, must(json_object_new_int64(value)));
}

void json_add_bool(struct json_object *parent, const char *name, bool value)
{
	give(parent, name, must(json_object_new_boolean(value)));
}

void json_add(struct json_object *parent, const char *name, struct json_object *value)
{
	give(parent, name, json_object_get(value));
}

struct json_object *json_get(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, name, &value);
	return value;
}

const char *json_get_string(struct json_object *o, const char *name)
{
	struct json_object *value = json_get(o, name);
	const char *s;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	s = json_object_get_string(value);
	return strlen(s) == (size_t)json_object_get_string_len(value) ? s : NULL;
}

bool json_get_bool(struct json_object *o, const char *name, bool fallback)
{
	struct json_object *value = json_get(o, name);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) :
	                                                       fallback;
}

int64_t json_get_int(struct json_object *o, const char *name, int64_t fallback)
{
	struct json_object *value = json_get(o, name);

	/* json-c keeps what is past int64_t as uint64_t, and clamps it when asked */
	if (!json_object_is_type(value, json_type_int) ||
	    json_object_get_uint64(value) > (uint64_t)INT64_MAX)
		return fallback;
	return json_object_get_int64(value);
}

struct json_object *json_copy(struct json_object *o)
{
	struct json_object *copy = NULL;

	if (o && json_object_deep_copy(o, &copy, NULL))
		abort();
	return copy;
}

const char *json_text(struct arena *a, struct json_object *o)
{
	const char *s = json_object_to_json_string_ext(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!s)
		abort();
	return arena_strdup(a, s);
}
