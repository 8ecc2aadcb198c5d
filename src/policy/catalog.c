/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists are rewritten as text: spans of the checked message are copied, except where an item is left
 * out or a member is replaced. Whatever carries an array of tools, prompts, resources or templates
 * in its result counts as a list, whichever request it answers: a stream may replay old answers.
 */
#include "config.h"

#include "policy/catalog.h"

#include "json/scan.h"
#include "policy/uri_template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64 };

struct entry {
	const char *key;
	struct json_object *projection; /* NULL: as the upstream has it */
};

struct list {
	bool filtered;
	size_t n;
	struct entry *entries; /* by key */
};

struct catalog {
	struct list lists[CATALOG_KINDS];
	bool by_roles;
	const char *role_claim, *group_claim;
};

/* A catalog as one caller sees it. */
struct view {
	const struct catalog *c;
	const struct catalog_caller *who;
	struct arena *arena;
};

static const struct {
	const char *option, *key;
} kinds[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = { "tools", "name" },
	[CATALOG_PROMPTS] = { "prompts", "name" },
	[CATALOG_RESOURCES] = { "resources", "uri" },
	[CATALOG_TEMPLATES] = { "resourceTemplates", "uriTemplate" },
};

/* Members of a projection that replace the upstream's, and those that are merged into it. */
static const char *const replaced[] = { "name", "description", "mimeType", NULL };
static const char *const merged[] = { "annotations", "_meta", NULL };

const char *catalog_option(enum catalog_kind k)
{
	return kinds[k].option;
}

const char *catalog_key(enum catalog_kind k)
{
	return kinds[k].key;
}

static int by_key(const void *x, const void *y)
{
	return strcmp(((const struct entry *)x)->key, ((const struct entry *)y)->key);
}

static void list_load(struct list *l, struct arena *a, struct json_object *options, enum catalog_kind k)
{
	struct json_object *array = json_get(options, kinds[k].option);

	if (!array)
		return;
	l->filtered = true;
	l->entries = arena_calloc(a, json_object_array_length(array) + 1, sizeof(*l->entries));
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		bool plain = json_object_is_type(item, json_type_string);
		const char *key = plain ? json_object_get_string(item) : json_get_string(item, kinds[k].key);

		if (key)
			l->entries[l->n++] = (struct entry){ key, plain ? NULL : item };
	}
	qsort(l->entries, l->n, sizeof(*l->entries), by_key);
}

struct catalog *catalog_new(struct arena *a, struct json_object *options)
{
	struct catalog *c = arena_alloc(a, sizeof(*c));
	struct json_object *access = json_get(options, "accessControl");
	const char *mode = json_get_string(access, "mode"), *role = json_get_string(access, "roleClaim");
	const char *group = json_get_string(access, "groupClaim");

	c->by_roles = mode && !strcmp(mode, "rolesAndGroups");
	c->role_claim = role ? role : "roles";
	c->group_claim = group ? group : "groups";
	for (int k = 0; k < CATALOG_KINDS; k++)
		list_load(&c->lists[k], a, options, (enum catalog_kind)k);
	return c;
}

/* ---- who sees what */

static struct span claim_at(struct arena *a, struct span claims, const char *name)
{
	struct span literal = scan_member(claims, name);

	while (!literal.p && scan_kind(claims) == '{' && strchr(name, '.')) {
		size_t n = strcspn(name, ".");

		claims = scan_member(claims, arena_strndup(a, name, n));
		name += n + 1;
		literal = scan_member(claims, name);
	}
	return literal;
}

struct catalog_caller catalog_caller(const struct catalog *c, struct arena *a, const char *claims)
{
	struct span all = claims ? scan_value(claims, strlen(claims)) : (struct span){ NULL, 0 };

	if (!c->by_roles || !claims)
		return (struct catalog_caller){ .roles = { NULL, 0 } };
	return (struct catalog_caller){ claim_at(a, all, c->role_claim), claim_at(a, all, c->group_claim) };
}

bool catalog_is_by_roles(const struct catalog *c)
{
	return c->by_roles;
}

static bool holds(struct span claim, const char *value)
{
	struct span one;
	size_t at = 0;

	if (scan_kind(claim) != '[')
		return scan_string_is(claim, value);
	while (scan_next(claim, &at, NULL, &one))
		if (scan_string_is(one, value))
			return true;
	return false;
}

static bool holds_any(struct span claim, struct json_object *values)
{
	size_t n = json_object_is_type(values, json_type_array) ? json_object_array_length(values) : 0;

	for (size_t i = 0; i < n; i++)
		if (holds(claim, json_object_get_string(json_object_array_get_idx(values, i))))
			return true;
	return false;
}

/* An entry without roles, groups or public is for nobody. */
static bool is_visible(const struct catalog *c, const struct catalog_caller *who, const struct entry *e)
{
	return !c->by_roles || json_get_bool(e->projection, "public", false) ||
	    holds_any(who->roles, json_get(e->projection, "roles")) ||
	    holds_any(who->groups, json_get(e->projection, "groups"));
}

static const struct entry *find(const struct catalog *c, const struct catalog_caller *who, enum catalog_kind k,
    const char *key)
{
	const struct list *l = &c->lists[k];
	const struct entry wanted = { .key = key };
	const struct entry *e = l->n ? bsearch(&wanted, l->entries, l->n, sizeof(wanted), by_key) : NULL;

	return e && is_visible(c, who, e) ? e : NULL;
}

bool catalog_shows(
    const struct catalog *c, const struct catalog_caller *who, enum catalog_kind k, const char *name)
{
	return !c->lists[k].filtered || (name && find(c, who, k, name));
}

static bool resource_is_allowed(const struct catalog *c, const struct catalog_caller *who, const char *uri)
{
	const struct list *templates = &c->lists[CATALOG_TEMPLATES];

	if (catalog_shows(c, who, CATALOG_RESOURCES, uri))
		return true;
	for (size_t i = 0; uri && i < templates->n; i++)
		if (is_visible(c, who, &templates->entries[i]) &&
		    (!strcmp(templates->entries[i].key, uri) ||
			uri_template_matches(templates->entries[i].key, uri)))
			return true;
	return false;
}

bool catalog_allows(
    const struct catalog *c, const struct catalog_caller *who, const char *type, const char *name)
{
	if (!strcmp(type, "tool"))
		return catalog_shows(c, who, CATALOG_TOOLS, name);
	if (!strcmp(type, "prompt"))
		return catalog_shows(c, who, CATALOG_PROMPTS, name);
	return resource_is_allowed(c, who, name);
}

/* ---- one item */

static bool is_one_of(const char *const *names, struct span name)
{
	for (; *names; names++)
		if (scan_string_is(name, *names))
			return true;
	return false;
}

/* Members of MORE go into BASE, objects into objects. */
static void merge(struct json_object *base, struct json_object *more)
{
	json_object_object_foreach(more, name, value)
	{
		struct json_object *old = json_get(base, name);

		if (json_object_is_type(old, json_type_object) && json_object_is_type(value, json_type_object))
			merge(old, value);
		else
			json_object_object_add(base, name, json_object_get(value));
	}
}

/* VALUE of the upstream with the projection's merged into it; what is no object gives way. */
static bool write_merged(struct arena *a, struct span value, struct json_object *more, struct buf *out,
    struct err *e)
{
	const struct scan_limits limits = { .bytes = value.n, .depth = DEPTH, .members = 65536, .tree = true };
	struct json_object *base;

	if (scan_kind(value) != '{')
		return buf_str(out, json_text(a, more));
	base = json_parse(a, value.p, value.n, &limits, e);
	if (!base)
		return false;
	merge(base, more);
	return buf_str(out, json_text(a, base));
}

static void write_name(struct buf *out, bool *first)
{
	if (!*first)
		buf_char(out, ',');
	*first = false;
}

/* A member that the upstream's item lacks is added behind its own. */
static void write_missing(struct arena *a, struct span item, struct json_object *projection, struct buf *out,
    bool *first)
{
	for (int i = 0; i < 2; i++)
		for (const char *const *name = i ? merged : replaced; *name; name++) {
			struct json_object *value = json_get(projection, *name);

			if (!value || scan_member(item, *name).p)
				continue;
			write_name(out, first);
			buf_json(out, *name);
			buf_char(out, ':');
			buf_str(out, json_text(a, value));
		}
}

static bool write_projected(struct arena *a, struct span item, const struct entry *entry, const char *key,
    struct buf *out, struct err *e)
{
	struct span name, value;
	bool first = true;
	size_t at = 0;

	buf_char(out, '{');
	while (scan_next(item, &at, &name, &value)) {
		const char *text = scan_string(name, a);
		struct json_object *mine = text && strcmp(text, key) ? json_get(entry->projection, text) : NULL;

		write_name(out, &first);
		buf_add(out, name.p, name.n);
		buf_char(out, ':');
		if (mine && is_one_of(replaced, name))
			buf_str(out, json_text(a, mine));
		else if (mine && is_one_of(merged, name)) {
			if (!write_merged(a, value, mine, out, e))
				return false;
		} else
			buf_add(out, value.p, value.n);
	}
	write_missing(a, item, entry->projection, out, &first);
	return buf_char(out, '}');
}

/* ---- lists in messages */

static bool malformed(struct err *e, const char *why)
{
	return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s", why);
}

static bool write_list(const struct view *v, enum catalog_kind k, struct span array, struct buf *out,
    struct err *e)
{
	struct arena *a = v->arena;
	struct span item;
	bool first = true;
	size_t at = 0;

	buf_char(out, '[');
	while (scan_next(array, &at, NULL, &item)) {
		const char *key = scan_string(scan_member(item, kinds[k].key), a);
		const struct entry *entry = key ? find(v->c, v->who, k, key) : NULL;

		if (!entry) /* not listed, or without a name to tell */
			continue;
		write_name(out, &first);
		if (!entry->projection)
			buf_add(out, item.p, item.n);
		else if (!write_projected(a, item, entry, kinds[k].key, out, e))
			return false;
	}
	return buf_char(out, ']');
}

/* Which filtered list a member of a result is; CATALOG_KINDS: none. */
static enum catalog_kind kind_of(const struct catalog *c, struct span name, struct span value)
{
	enum catalog_kind k = 0;

	while (k < CATALOG_KINDS && !(c->lists[k].filtered && scan_string_is(name, kinds[k].option)))
		k++;
	return k < CATALOG_KINDS && scan_kind(value) == '[' ? k : CATALOG_KINDS;
}

static bool write_result(const struct view *v, struct span result, struct buf *out, struct err *e)
{
	const char *copied = result.p;
	struct span name, value;
	size_t at = 0;

	while (scan_next(result, &at, &name, &value)) {
		enum catalog_kind k = kind_of(v->c, name, value);
		/* lists that differ by caller may be kept for one caller only */
		bool scope = v->c->by_roles && scan_string_is(name, "cacheScope");

		if (k == CATALOG_KINDS && !scope)
			continue;
		buf_add(out, copied, (size_t)(value.p - copied));
		if (scope)
			buf_str(out, "\"private\"");
		else if (!write_list(v, k, value, out, e))
			return false;
		copied = value.p + value.n;
	}
	return buf_add(out, copied, (size_t)(result.p + result.n - copied));
}

static bool write_message(const struct view *v, struct span message, struct buf *out, struct err *e)
{
	struct span result = scan_member(message, "result");

	if (scan_kind(result) != '{')
		return buf_add(out, message.p, message.n);
	buf_add(out, message.p, (size_t)(result.p - message.p));
	return write_result(v, result, out, e) &&
	    buf_add(out, result.p + result.n, (size_t)(message.p + message.n - result.p - result.n));
}

bool catalog_filter(const struct catalog *c, const struct catalog_caller *who, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	const struct view view = { c, who, a };
	struct scan_limits limits = scan_limits_of(n);
	struct err why = { .code = ERR_NONE };
	struct span whole, message;
	const char *copied;
	size_t at = 0;

	limits.depth = DEPTH;
	limits.members = n < UINT32_MAX ? (unsigned)n : UINT32_MAX; /* no tree is made of them */
	if (!scan_check(text, n, &limits, &why))
		return malformed(e, why.text);
	whole = scan_value(text, n);
	if (scan_kind(whole) != '[')
		return write_message(&view, whole, out, e) || malformed(e, "it is over its cap");
	copied = whole.p;
	while (scan_next(whole, &at, NULL, &message)) {
		buf_add(out, copied, (size_t)(message.p - copied));
		if (!write_message(&view, message, out, e))
			return malformed(e, "it is over its cap");
		copied = message.p + message.n;
	}
	return buf_add(out, copied, (size_t)(whole.p + whole.n - copied)) || malformed(e, "it is over its cap");
}
