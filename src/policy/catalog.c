/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a catalog, and what is wrong with them. */
#include "config.h"

#include "policy/catalog_internal.h"

#include "policy/uri_template.h"

#include <stdlib.h>
#include <string.h>

#define ACCESS_MARKS                                                                               \
	{ "roles", OPTION_STRINGS, .about = "Roles that see it." },                                \
	    { "groups", OPTION_STRINGS, .about = "Groups that see it." },                          \
	{                                                                                          \
		"public", OPTION_BOOL, .initial = "false", .about = "Whether everybody sees it."   \
	}
#define PATTERNS                                                                                   \
	{ "match", OPTION_STRING, .about = "In its place: a pattern with * and ?." },              \
	{                                                                                          \
		"regex", OPTION_STRING, .about = "In its place: a regular expression of whole names." \
	}

/* The first row is what identifies. */
static const struct option tool_entry[] = {
	{ "name", OPTION_STRING, .about = "The tool." },
	PATTERNS,
	{ "rename", OPTION_STRING, .about = "What clients call it." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "annotations", OPTION_OBJECT, .about = "Merged into the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	{ "arguments", OPTION_OBJECT, .sub = arguments_options, .about = "What callers may say." },
	ACCESS_MARKS,
	{ 0 },
};
static const struct option prompt_entry[] = {
	{ "name", OPTION_STRING, .about = "The prompt." },
	PATTERNS,
	{ "rename", OPTION_STRING, .about = "What clients call it." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};
static const struct option resource_entry[] = {
	{ "uri", OPTION_STRING, .about = "The resource." },
	PATTERNS,
	{ "name", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "mimeType", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};
static const struct option template_entry[] = {
	{ "uriTemplate", OPTION_STRING, .about = "The template." },
	PATTERNS,
	{ "name", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "mimeType", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};

static const struct {
	const char *option, *key;
	const struct option *entry;
} kinds[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = { "tools", "name", tool_entry },
	[CATALOG_PROMPTS] = { "prompts", "name", prompt_entry },
	[CATALOG_RESOURCES] = { "resources", "uri", resource_entry },
	[CATALOG_TEMPLATES] = { "resourceTemplates", "uriTemplate", template_entry },
};

const char *const catalog_replaced[] = { "name", "description", "mimeType", NULL };
const char *const catalog_merged[] = { "annotations", "_meta", NULL };

const char *catalog_option(enum catalog_kind k)
{
	return kinds[k].option;
}

const char *catalog_key(enum catalog_kind k)
{
	return kinds[k].key;
}

/* A catalog while it is read. */
struct loading {
	struct catalog *c;
	struct arena *arena;
	struct problems *problems;
	const char *file;
	bool ok;
};

static void fault(struct loading *l, const char *pointer, const char *remedy, const char *text)
{
	problem_add(l->problems, true, l->file, pointer, remedy, "%s", text);
	l->ok = false;
}

/* ---- one entry */

static void check_marks(struct loading *l, struct json_object *entry, const char *pointer)
{
	bool named = json_get(entry, "roles") || json_get(entry, "groups");

	if (l->c->access != CATALOG_BY_ROLES && (named || json_get(entry, "public")))
		fault(l, pointer, "set accessControl.mode to rolesAndGroups, or remove them",
		    "roles, groups and public mean nothing unless accessControl.mode is "
		    "rolesAndGroups");
	else if (named && json_get_bool(entry, "public", false))
		fault(l, pointer, "keep one of the two",
		    "an entry is either public or for roles and groups");
}

static const char *quoted(struct arena *a, const char *s)
{
	struct buf b;
	const char *text;

	buf_init(&b, SIZE_MAX / 2);
	buf_json(&b, s);
	text = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return text;
}

static void read_pattern(struct loading *l, struct entry *e, struct json_object *item, const char *pointer)
{
	const char *glob = json_get_string(item, "match"), *regex = json_get_string(item, "regex");
	struct err why = { .code = ERR_NONE };

	if (glob)
		e->match = match_new_glob(l->arena, glob);
	else if (regex)
		e->match = match_new_regex(l->arena, regex, &why);
	if (regex && !glob && !e->match)
		fault(l, pointer_member(l->arena, pointer, "regex"), "mend the regular expression", why.text);
	if (json_get(item, "rename"))
		fault(l, pointer_member(l->arena, pointer, "rename"), "give each one an entry with its name",
		    "what a pattern stands for cannot have one name");
}

/* What an entry is about: one of three. */
static void read_subject(struct loading *l, struct entry *e, struct json_object *item, enum catalog_kind k,
    const char *pointer)
{
	bool glob = json_get(item, "match") != NULL, regex = json_get(item, "regex") != NULL;

	e->key = json_get_string(item, kinds[k].key);
	if (glob + regex + (e->key != NULL) != 1) {
		fault(l, pointer, arena_printf(l->arena, "write one of '%s', 'match' and 'regex'", kinds[k].key),
		    "an entry is about one name, or about one pattern");
		return;
	}
	if (!e->key)
		read_pattern(l, e, item, pointer);
	e->shown = json_get_string(item, "rename");
	if (!e->shown || (e->key && !strcmp(e->shown, e->key)))
		e->shown = e->key;
	else if (!*e->shown)
		fault(l, pointer_member(l->arena, pointer, "rename"), "write a name", "it is empty");
}

/* Nothing replaces what identifies an item. */
static void read_projection(struct loading *l, struct entry *e, struct json_object *item, enum catalog_kind k)
{
	bool changed = e->shown != e->key;

	for (int i = 0; i < REPLACED; i++) {
		struct json_object *value = json_get(item, catalog_replaced[i]);

		if (value && strcmp(catalog_replaced[i], kinds[k].key) != 0)
			e->replaced[i] = json_text(l->arena, value);
		changed |= e->replaced[i] != NULL;
	}
	for (int i = 0; i < MERGED; i++) {
		e->merged[i] = json_get(item, catalog_merged[i]);
		if (e->merged[i])
			e->merged_text[i] = json_text(l->arena, e->merged[i]);
		changed |= e->merged[i] != NULL;
	}
	e->plain = !changed && !e->arguments;
	l->c->changes_calls |= e->arguments || e->shown != e->key;
}

static void read_object(struct loading *l, struct entry *e, struct json_object *item, enum catalog_kind k, const char *pointer)
{
	struct option_place place = { l->problems, l->arena, l->file, "option" };
	struct json_object *arguments = json_get(item, "arguments");

	if (!option_check(&place, kinds[k].entry, item, pointer)) {
		l->ok = false;
		return;
	}
	check_marks(l, item, pointer);
	read_subject(l, e, item, k, pointer);
	e->marks = item;
	if (arguments) {
		e->arguments =
		    arguments_new(l->arena, arguments, l->problems, l->file, pointer_member(l->arena, pointer, "arguments"));
		l->ok = l->ok && e->arguments;
	}
	read_projection(l, e, item, k);
}

static void read_entry(struct loading *l, struct entry *e, struct json_object *item, enum catalog_kind k, const char *pointer)
{
	struct err why = { .code = ERR_NONE };

	if (json_object_is_type(item, json_type_string)) {
		e->key = e->shown = json_object_get_string(item);
		e->plain = true;
	} else if (json_object_is_type(item, json_type_object)) {
		read_object(l, e, item, k, pointer);
	} else {
		fault(l, pointer, "write a string or an object", "an entry must be a string or an object");
	}
	if (!e->key)
		return;
	e->key_text = quoted(l->arena, e->key);
	e->shown_text = quoted(l->arena, e->shown);
	/* a template that cannot be matched would hide what it was to show */
	if (k == CATALOG_TEMPLATES && !uri_template_check(e->key, &why))
		fault(l, pointer, "write it as RFC 6570 says", why.text);
}

/* ---- one list */

static int compare_keys(const void *x, const void *y)
{
	return strcmp(((const struct entry *)x)->key, ((const struct entry *)y)->key);
}

static int compare_shown(const void *x, const void *y)
{
	return strcmp((*(const struct entry *const *)x)->shown, (*(const struct entry *const *)y)->shown);
}

/* Among the entries up to E: of two that clients could not tell apart neither is meant. */
static void check_unique(struct loading *l, const struct list *list, const struct entry *e, const char *pointer)
{
	for (const struct entry *other = list->entries; other < e; other++) {
		if (!strcmp(other->key, e->key))
			fault(l, pointer, "keep one", "the entry is listed twice");
		else if (!strcmp(other->shown, e->shown))
			fault(l, pointer, "give them different names",
			    arena_printf(l->arena, "clients would call two entries '%.64s'", e->shown));
		else
			continue;
		return;
	}
}

static void read_list(struct loading *l, struct json_object *array, enum catalog_kind k, const char *pointer)
{
	struct list *list = &l->c->lists[k];
	size_t n;

	if (!array)
		return;
	list->filtered = true;
	if (!json_object_is_type(array, json_type_array)) {
		fault(l, pointer, "write an array; leave it out to show all", "this is no array");
		return;
	}
	n = json_object_array_length(array);
	list->entries = arena_calloc(l->arena, n + 1, sizeof(*list->entries));
	list->patterns = arena_calloc(l->arena, n + 1, sizeof(*list->patterns));
	list->by_shown = arena_calloc(l->arena, n + 1, sizeof(*list->by_shown));
	for (size_t i = 0; i < n; i++) {
		const char *at = pointer_item(l->arena, pointer, i);
		struct entry e = { .key = NULL };

		read_entry(l, &e, json_object_array_get_idx(array, i), k, at);
		if (e.match)
			list->patterns[list->patterns_n++] = e;
		if (!e.key)
			continue;
		list->entries[list->n] = e;
		check_unique(l, list, &list->entries[list->n], at);
		list->n++;
	}
	qsort(list->entries, list->n, sizeof(*list->entries), compare_keys);
	for (size_t i = 0; i < list->n; i++)
		list->by_shown[i] = &list->entries[i];
	qsort(list->by_shown, list->n, sizeof(*list->by_shown), compare_shown);
}

/* ---- all of it */

/* What a function is told of an entry. */
static void write_subject(struct buf *b, struct json_object *item, enum catalog_kind k)
{
	static const char *const patterns[] = { "match", "regex", NULL };

	if (json_object_is_type(item, json_type_string)) {
		buf_json(b, json_object_get_string(item));
		return;
	}
	for (const char *const *p = patterns; *p; p++)
		if (json_get(item, *p)) {
			buf_printf(b, "{\"%s\":", *p);
			buf_json(b, json_get_string(item, *p));
			buf_char(b, '}');
			return;
		}
	buf_json(b, json_get_string(item, kinds[k].key));
}

static const char *text_of(struct arena *a, struct json_object *options)
{
	const char *text;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_char(&b, '{');
	for (int k = 0; k < CATALOG_KINDS; k++) {
		struct json_object *array = json_get(options, kinds[k].option);

		if (!array)
			continue;
		buf_printf(&b, "%s\"%s\":[", b.len > 1 ? "," : "", kinds[k].option);
		for (size_t i = 0; i < json_object_array_length(array); i++) {
			buf_str(&b, i ? "," : "");
			write_subject(&b, json_object_array_get_idx(array, i), k);
		}
		buf_char(&b, ']');
	}
	buf_char(&b, '}');
	text = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return text;
}

const char *catalog_text(const struct catalog *c)
{
	return c->text;
}

static enum catalog_access access_of(const char *mode)
{
	return !mode || !strcmp(mode, "allPublic") ? CATALOG_FOR_ALL :
	    !strcmp(mode, "rolesAndGroups")        ? CATALOG_BY_ROLES :
	                                             CATALOG_BY_FUNCTION;
}

struct catalog *catalog_new(struct arena *a, struct json_object *options, struct problems *problems, const char *file,
    const char *pointer)
{
	struct loading l = { arena_alloc(a, sizeof(*l.c)), a, problems, file, true };
	struct json_object *access = json_get(options, "accessControl");
	const char *role = json_get_string(access, "roleClaim"), *group = json_get_string(access, "groupClaim");

	l.c->access = access_of(json_get_string(access, "mode"));
	l.c->role_claim = role ? role : "roles";
	l.c->group_claim = group ? group : "groups";
	for (int k = 0; k < CATALOG_KINDS; k++)
		read_list(&l, json_get(options, kinds[k].option), (enum catalog_kind)k,
		    pointer_member(a, pointer, kinds[k].option));
	if (!l.ok)
		return NULL;
	l.c->text = text_of(a, options);
	return l.c;
}
