/* SPDX-License-Identifier: Apache-2.0 */
/* Calls are changed as text; schemas as trees, since what is to vanish may be named in many places of them. */
#include "config.h"

#include "policy/arguments.h"

#include <stdint.h>
#include <string.h>

struct arguments {
	const char *const *pin, *const *remove; /* names, ended by NULL */
	const char *pinned;                     /* the members that are set, as text; "" for none */
	struct json_object *narrow;             /* the schema as written; NULL: none */
	const struct schema *schema;
};

const struct option arguments_options[] = {
	{ "pin", OPTION_OBJECT, .about = "Arguments that are set on each call, by name; callers neither see nor change them." },
	{ "remove", OPTION_STRINGS, .about = "Arguments that callers do not see; a call that has one is refused." },
	{ "schema", OPTION_OBJECT, .about = "A JSON Schema that narrows the tool's own, and is enforced." },
	{ 0 },
};

static const char *const *names_of(struct arena *a, struct json_object *array)
{
	size_t n = array ? json_object_array_length(array) : 0;
	const char **names = arena_calloc(a, n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++)
		names[i] = json_object_get_string(json_object_array_get_idx(array, i));
	return names;
}

/* Their text is made once: a tree that many threads share cannot be written by them. */
static void read_pins(struct arguments *g, struct arena *a, struct json_object *pin)
{
	const char **names = arena_calloc(a, pin ? (size_t)json_object_object_length(pin) + 1 : 1, sizeof(*names));
	size_t n = 0;

	g->pin = names;
	g->pinned = "";
	if (!pin)
		return;
	json_object_object_foreach(pin, name, value)
	{
		struct json_object *key = json_object_new_string(name);

		names[n++] = name;
		g->pinned = arena_printf(a, "%s%s%s:%s", g->pinned, n > 1 ? "," : "", json_text(a, key), json_text(a, value));
		json_object_put(key);
	}
}

static bool has(const char *const *names, const char *name)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

const struct arguments *arguments_new(struct arena *a, struct json_object *object, struct problems *problems,
    const char *file, const char *pointer)
{
	struct arguments *g = arena_alloc(a, sizeof(*g));
	bool ok = true;

	read_pins(g, a, json_get(object, "pin"));
	g->remove = names_of(a, json_get(object, "remove"));
	g->narrow = json_get(object, "schema");
	for (const char *const *name = g->pin; *name; name++) {
		if (!has(g->remove, *name))
			continue;
		problem_add(problems, true, file, pointer_member(a, pointer_member(a, pointer, "pin"), *name), "keep one of the two",
		    "the argument is pinned and removed");
		ok = false;
	}
	if (g->narrow) {
		g->schema = schema_new(a, g->narrow, problems, file, pointer_member(a, pointer, "schema"));
		ok = ok && g->schema;
	}
	return ok ? g : NULL;
}

/* ---- calls */

static bool refused(struct err *e, const char *why, const char *name)
{
	err_set(e, ERR_INVALID_REQUEST, "", "");
	return err_text(e, "arguments: %s '%.64s'", why, name);
}

/* The one of NAMES that the caller SAID, in any case; NULL: none. *EXACT: as it is spelled. */
static const char *find(const char *const *names, struct span said, bool *exact)
{
	const char *near = NULL;

	*exact = false;
	for (; *names && !*exact; names++)
		if (scan_string_folds_to(said, *names)) {
			near = *names;
			*exact = scan_string_is(said, near);
		}
	return near;
}

/* Whether the caller may say NAME; *DROP: it is pinned. */
static bool judge(const struct arguments *g, struct span name, bool *drop, struct err *e)
{
	bool exact;
	const char *near = find(g->remove, name, &exact);

	*drop = false;
	if (near)
		return refused(e, "there is no argument", near);
	near = find(g->pin, name, drop);
	return !near || *drop || refused(e, "there is no argument", near);
}

static void comma(struct buf *out, bool *first)
{
	if (!*first)
		buf_char(out, ',');
	*first = false;
}

static bool write_said(const struct arguments *g, struct span said, struct buf *out, bool *first, struct err *e)
{
	struct span name, value;
	size_t at = 0;

	while (said.p && scan_next(said, &at, &name, &value)) {
		bool drop;

		if (!judge(g, name, &drop, e))
			return false;
		if (drop)
			continue;
		comma(out, first);
		buf_add(out, name.p, name.n);
		buf_char(out, ':');
		buf_add(out, value.p, value.n);
	}
	return true;
}

bool arguments_apply(const struct arguments *g, struct arena *a, struct span said, struct buf *out, struct err *e)
{
	size_t begin = out->len;
	bool first = true;

	if (said.p && scan_kind(said) != '{')
		return err_set(e, ERR_INVALID_REQUEST, "arguments: they must be an object", "%s", "");
	buf_char(out, '{');
	if (!write_said(g, said, out, &first, e))
		return false;
	/* last: of two members of one name, to whom case does not matter, that is the one that counts */
	if (*g->pinned)
		comma(out, &first);
	buf_str(out, g->pinned);
	buf_char(out, '}');
	if (out->over)
		return err_set(e, ERR_INVALID_REQUEST, "arguments: they are too large", "%s", "");
	return !g->schema || schema_check(g->schema, a, scan_value(out->data + begin, out->len - begin), e);
}

/* ---- schemas */

/* NAME out of an array of names. */
static void drop_from_array(struct json_object *array, const char *name)
{
	for (size_t i = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0; i-- > 0;) {
		struct json_object *one = json_object_array_get_idx(array, i);

		if (json_object_is_type(one, json_type_string) && !strcmp(json_object_get_string(one), name))
			json_object_array_del_idx(array, i, 1);
	}
}

static void drop_key(struct json_object *object, const char *name)
{
	if (json_object_is_type(object, json_type_object))
		json_object_object_del(object, name);
}

static void drop(struct json_object *schema, const char *name);

/* In those schemas that are about the same arguments. */
static void drop_below(struct json_object *schema, const char *name)
{
	static const char *const lists[] = { "allOf", "anyOf", "oneOf", NULL };
	static const char *const one[] = { "if", "then", "else", "not", NULL };

	for (const char *const *list = lists; *list; list++) {
		struct json_object *array = json_get(schema, *list);

		for (size_t i = 0; json_object_is_type(array, json_type_array) && i < json_object_array_length(array); i++)
			drop(json_object_array_get_idx(array, i), name);
	}
	for (const char *const *member = one; *member; member++)
		drop(json_get(schema, *member), name);
}

/* Members by argument, of arrays of arguments or of schemas. */
static void drop_dependent(struct json_object *by_name, const char *name)
{
	if (!json_object_is_type(by_name, json_type_object))
		return;
	json_object_object_del(by_name, name);
	json_object_object_foreach(by_name, other, value)
	{
		(void)other;
		drop_from_array(value, name);
		drop(value, name);
	}
}

static void drop(struct json_object *schema, const char *name)
{
	if (!json_object_is_type(schema, json_type_object))
		return;
	drop_key(json_get(schema, "properties"), name);
	drop_from_array(json_get(schema, "required"), name);
	drop_dependent(json_get(schema, "dependentRequired"), name);
	drop_dependent(json_get(schema, "dependentSchemas"), name);
	drop_dependent(json_get(schema, "dependencies"), name);
	drop_below(schema, name);
}

bool arguments_publish(const struct arguments *g, struct arena *a, struct span schema, struct buf *out)
{
	const struct scan_limits limits = { .bytes = schema.n, .depth = 64, .members = 65536, .tree = true };
	struct json_object *tree = scan_kind(schema) == '{' ? json_parse(a, schema.p, schema.n, &limits, NULL) : json_new_object(a);

	if (!tree)
		return false;
	if (g->narrow)
		schema_narrow(tree, g->narrow);
	for (const char *const *name = g->pin; *name; name++)
		drop(tree, *name);
	for (const char *const *name = g->remove; *name; name++)
		drop(tree, *name);
	if (!json_get(tree, "type")) /* MCP wants it there */
		json_add_string(tree, "type", "object");
	return buf_str(out, json_text(a, tree));
}
