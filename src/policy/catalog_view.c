/* SPDX-License-Identifier: Apache-2.0 */
/* Who sees what. Whatever is not surely shown is hidden. */
#include "config.h"

#include "policy/catalog_internal.h"

#include "policy/uri_template.h"

#include <stdlib.h>
#include <string.h>

/* What stands for all items of a kind that the catalog does not list. */
static const struct entry anything = { .plain = true };

void view_end(struct view *v)
{
	if (v->search)
		pattern_search_free(v->search);
	v->search = NULL;
}

enum catalog_access catalog_access(const struct catalog *c)
{
	return c->access;
}

/* ---- callers */

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

	if (c->access != CATALOG_BY_ROLES || !claims)
		return (struct catalog_caller){ .roles = { NULL, 0 } };
	return (struct catalog_caller){ .roles = claim_at(a, all, c->role_claim), .groups = claim_at(a, all, c->group_claim) };
}

/* Whether CLAIM, a string or an array of them, has VALUE. */
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

/* ---- visibility */

/* Whether a function's answer has NAME. Of a kind that the catalog does not list it may be silent. */
static bool is_allowed(const struct view *v, enum catalog_kind k, const char *name)
{
	struct span all = v->who->allowed, list = all;
	bool filtered = v->c->lists[k].filtered;

	if (scan_kind(all) == '{')
		list = scan_member(all, catalog_option(k));
	else if (scan_kind(all) == '[')
		return !filtered || holds(all, name);
	else
		return false;
	return scan_kind(list) == '[' ? holds(list, name) : !list.p && !filtered;
}

/* An entry without roles, groups or public is for nobody. */
static bool is_visible(const struct view *v, enum catalog_kind k, const struct entry *e, const char *name)
{
	if (v->c->access == CATALOG_FOR_ALL)
		return true;
	if (v->c->access == CATALOG_BY_FUNCTION)
		return is_allowed(v, k, name);
	return json_get_bool(e->marks, "public", false) || holds_any(v->who->roles, json_get(e->marks, "roles")) ||
	    holds_any(v->who->groups, json_get(e->marks, "groups"));
}

bool view_filters(const struct view *v, enum catalog_kind k)
{
	return v->c->lists[k].filtered || v->c->access == CATALOG_BY_FUNCTION;
}

static int compare_key(const void *name, const void *e)
{
	return strcmp(name, ((const struct entry *)e)->key);
}

static int compare_shown(const void *name, const void *e)
{
	return strcmp(name, (*(const struct entry *const *)e)->shown);
}

static const struct entry *by_key(const struct list *l, const char *name)
{
	return l->n ? bsearch(name, l->entries, l->n, sizeof(*l->entries), compare_key) : NULL;
}

static const struct entry *by_shown(const struct list *l, const char *name)
{
	const struct entry *const *e = l->n ? bsearch(name, l->by_shown, l->n, sizeof(*l->by_shown), compare_shown) : NULL;

	return e ? *e : NULL;
}

static const struct entry *by_pattern(struct view *v, enum catalog_kind k, const char *name)
{
	const struct list *l = &v->c->lists[k];

	for (size_t i = 0; i < l->patterns_n; i++)
		if (match_name(l->patterns[i].match, &v->search, name, k == CATALOG_RESOURCES))
			return &l->patterns[i];
	return NULL;
}

/* Of an unlisted kind, with a function: what it allows. */
static const struct entry *find_unlisted(const struct view *v, enum catalog_kind k, const char *name)
{
	return v->c->access != CATALOG_BY_FUNCTION || is_allowed(v, k, name) ? &anything : NULL;
}

const struct entry *view_find(struct view *v, enum catalog_kind k, const char *name)
{
	const struct list *l = &v->c->lists[k];
	const struct entry *e;

	if (!l->filtered)
		return find_unlisted(v, k, name);
	e = by_key(l, name);
	if (!e && !by_shown(l, name)) /* what clients call another item must not be called so twice */
		e = by_pattern(v, k, name);
	return e && is_visible(v, k, e, name) ? e : NULL;
}

const struct entry *view_find_shown(struct view *v, enum catalog_kind k, const char *name, const char **upstream)
{
	const struct list *l = &v->c->lists[k];
	const struct entry *e;

	*upstream = name;
	if (!l->filtered)
		return find_unlisted(v, k, name);
	e = by_shown(l, name);
	if (e)
		*upstream = e->key;
	else if (!by_key(l, name)) /* by that name it is not called any more */
		e = by_pattern(v, k, name);
	return e && is_visible(v, k, e, *upstream) ? e : NULL;
}

/* ---- calls */

/*
 * Which templates an upstream has is not known when one is used: a pattern for templates is one for what is read by them, too. Where a
 * function decides, the URI must belong to one of the templates that it allows.
 */
static bool pattern_allows(struct view *v, const struct entry *e, const char *uri)
{
	struct span list = scan_kind(v->who->allowed) == '{' ? scan_member(v->who->allowed, catalog_option(CATALOG_TEMPLATES)) : v->who->allowed;
	struct arena *a;
	struct span one;
	size_t at = 0;
	bool allowed = false;

	if (v->c->access != CATALOG_BY_FUNCTION)
		return match_name(e->match, &v->search, uri, true) && is_visible(v, CATALOG_TEMPLATES, e, uri);
	a = arena_new();
	while (!allowed && scan_kind(list) == '[' && scan_next(list, &at, NULL, &one)) {
		const char *text = scan_string(one, a);

		allowed = text && match_name(e->match, &v->search, text, false) && (!strcmp(text, uri) || uri_template_matches(text, uri));
	}
	arena_free(a);
	return allowed;
}

static bool resource_is_allowed(struct view *v, const char *uri)
{
	const struct list *templates = &v->c->lists[CATALOG_TEMPLATES];
	const char *upstream;

	if (view_find_shown(v, CATALOG_RESOURCES, uri, &upstream))
		return true;
	for (size_t i = 0; i < templates->n; i++) {
		const struct entry *e = &templates->entries[i];

		if ((!strcmp(e->key, uri) || uri_template_matches(e->key, uri)) && is_visible(v, CATALOG_TEMPLATES, e, e->key))
			return true;
	}
	for (size_t i = 0; i < templates->patterns_n; i++)
		if (pattern_allows(v, &templates->patterns[i], uri))
			return true;
	return false;
}

static enum catalog_kind kind_of(const char *type)
{
	return !strcmp(type, "tool") ? CATALOG_TOOLS : !strcmp(type, "prompt") ? CATALOG_PROMPTS : CATALOG_RESOURCES;
}

bool catalog_allows(
    const struct catalog *c, const struct catalog_caller *who, const char *type, const char *name)
{
	struct view v = { .c = c, .who = who };
	enum catalog_kind k = kind_of(type);
	const char *upstream;
	bool allowed;

	if (!name)
		return !view_filters(&v, k);
	allowed = k == CATALOG_RESOURCES ? resource_is_allowed(&v, name) : view_find_shown(&v, k, name, &upstream) != NULL;
	view_end(&v);
	return allowed;
}
