/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between routes, policies and paths, once all of them are read. */
#include "config.h"

#include <string.h>

#include "conf/load.h"

static const char *list_pointer(
    struct loader *l, const struct route_entry *entry, const char *direction)
{
	return pointer_member(
	    l->arena, pointer_member(l->arena, entry->extension_pointer, "policies"), direction);
}

static const char *use_pointer(
    struct loader *l, const struct route_entry *entry, const char *direction, size_t i)
{
	return pointer_item(l->arena, list_pointer(l, entry, direction), i);
}

static bool has_class(const struct policy_use *use, enum policy_class class)
{
	return use->type && use->type->class == class;
}

static size_t first_of_class(struct policy_use *const *uses, enum policy_class class)
{
	size_t i = 0;

	while (uses[i] && !has_class(uses[i], class))
		i++;
	return i;
}

/* A route is as sound as its policies; what is wrong with them was said where they stand. */
static void inherit_faults(struct mcp_route *r, struct policy_use *const *uses)
{
	for (; *uses; uses++)
		if (!r->fault)
			r->fault = (*uses)->fault;
}

static void check_direction(struct loader *l, struct mcp_route *r, const struct route_entry *entry)
{
	for (size_t i = 0; entry->inbound[i]; i++)
		if (entry->inbound[i]->type && entry->inbound[i]->type->outbound)
			route_fault(l, r, use_pointer(l, entry, "inbound", i),
			    "list it in outbound",
			    "policy '%.64s' is for answers; it cannot stand in inbound",
			    entry->inbound[i]->name);
	for (size_t i = 0; entry->outbound[i]; i++)
		if (entry->outbound[i]->type && !entry->outbound[i]->type->outbound)
			route_fault(l, r, use_pointer(l, entry, "outbound", i),
			    "list it in inbound",
			    "policy '%.64s' is for requests; it cannot stand in outbound",
			    entry->outbound[i]->name);
}

static void check_sign_in(struct loader *l, struct mcp_route *r, const struct route_entry *entry)
{
	size_t first = first_of_class(entry->inbound, POLICY_OAUTH);

	for (size_t i = 0; r->is_public && entry->inbound[i]; i++)
		if (entry->inbound[i]->needs_user)
			route_fault(l, r, use_pointer(l, entry, "inbound", i),
			    "remove \"public\", or this policy",
			    "the route is public, but policy '%.64s' needs a user",
			    entry->inbound[i]->name);
	if (r->is_public)
		return;
	if (!entry->inbound[first]) {
		route_fault(l, r, list_pointer(l, entry, "inbound"),
		    "list an MCP OAuth policy first, or write \"public\": true beside the policies",
		    "the route has no OAuth policy, and is not said to be public");
		return;
	}
	if (first > 0)
		route_fault(l, r, use_pointer(l, entry, "inbound", first), "list it first",
		    "the OAuth policy '%.64s' is not the first of its route",
		    entry->inbound[first]->name);
	for (size_t i = first + 1; entry->inbound[i]; i++)
		if (has_class(entry->inbound[i], POLICY_OAUTH))
			route_fault(l, r, use_pointer(l, entry, "inbound", i), "keep one",
			    "policy '%.64s' is a second OAuth policy on the route",
			    entry->inbound[i]->name);
}

static void check_exchange(struct loader *l, struct mcp_route *r, const struct route_entry *entry)
{
	size_t exchange = first_of_class(entry->inbound, POLICY_EXCHANGE);

	if (!entry->inbound[exchange])
		return;
	for (size_t i = exchange + 1; entry->inbound[i]; i++)
		if (has_class(entry->inbound[i], POLICY_EXCHANGE))
			route_fault(l, r, use_pointer(l, entry, "inbound", i),
			    "keep one: a route has one upstream, and one credential for it",
			    "policy '%.64s' is a second token exchange on the route",
			    entry->inbound[i]->name);
	for (size_t i = 0; i < exchange; i++)
		if (has_class(entry->inbound[i], POLICY_FILTER))
			route_fault(l, r, use_pointer(l, entry, "inbound", i),
			    "list it after the token exchange",
			    "the capability filter '%.64s' is listed before the token exchange",
			    entry->inbound[i]->name);
}

/* A token by assertion is for one resource: the upstream's URL, where the policy names none. */
static bool is_one_resource(const struct policy_use *use, const struct mcp_route *one, const struct mcp_route *other)
{
	const struct exchange_conf *c = use->loaded;

	return !c || !c->id_jag || c->id_jag->resource || !strcmp(one->upstream_text, other->upstream_text);
}

/* One connection would be sent to two places: tokens are for one. */
static void check_exchange_origin(
    struct loader *l, struct mcp_route *r, const struct route_entry *entry)
{
	size_t i = first_of_class(entry->inbound, POLICY_EXCHANGE);
	const struct policy_use *use = entry->inbound[i];

	if (!use || !r->upstream.host)
		return;
	for (const struct mcp_route *other = l->routes; other < r; other++) {
		const struct route_entry *theirs = &l->route_entries[other - l->routes];

		if (theirs->inbound[first_of_class(theirs->inbound, POLICY_EXCHANGE)] != use ||
		    !other->upstream.host ||
		    (uri_same_origin(&other->upstream, &r->upstream) && is_one_resource(use, other, r)))
			continue;
		if (!uri_same_origin(&other->upstream, &r->upstream))
			route_fault(l, r, use_pointer(l, entry, "inbound", i),
			    "give this route a token exchange of its own, with another id",
			    "the token exchange '%.64s' is that of %s, whose upstream is another origin",
			    use->name, other->path);
		else
			route_fault(l, r, use_pointer(l, entry, "inbound", i),
			    "set its idJag.resourceAs.resource, or give this route a token exchange of its own",
			    "the token exchange '%.64s' is that of %s, too, and does not say for which resource its tokens are",
			    use->name, other->path);
		return;
	}
}

/* ---- paths ---- */

static void check_overlap(struct loader *l, struct mcp_route *r, const char *item, const char *what,
    const char *prefix, const char *remedy)
{
	if (path_is_under(r->path, prefix) || path_is_under(prefix, r->path))
		route_fault(l, r, item, remedy, "the route and %s %s are in each other's way", what,
		    prefix);
}

static void check_shadows(struct loader *l, struct mcp_route *r)
{
	static const char *const endpoints[] = { "/oauth", "/auth", "/console" };
	const char *item = pointer_member(l->arena, "/paths", r->path), *base = l->p->base_path;

	if (l->p->registry_enabled)
		check_overlap(l, r, item, "the registry's path", l->p->registry_path,
		    "choose another path for the route, or for registry.path");
	if (*base) {
		check_overlap(l, r, item, "basePath", base,
		    "choose another path for the route, or for basePath");
		return;
	}
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
		check_overlap(l, r, item, "the endpoints under", endpoints[i],
		    "choose another path for the route, or set basePath");
}

/* ---- the OAuth policy in force ---- */

/*
 * The first that a route uses is in force. Routes that use another are closed: their tokens
 * would come from a sign-in that this gateway does not run.
 */
static void choose_oauth(struct loader *l)
{
	const struct policy_use *in_force = NULL;
	const struct mcp_route *first = NULL;

	for (size_t i = 0; i < l->p->routes_n; i++) {
		struct mcp_route *r = &l->routes[i];
		const struct route_entry *entry = &l->route_entries[i];
		size_t at = first_of_class(entry->inbound, POLICY_OAUTH);
		const struct policy_use *use = entry->inbound[at];

		if (!use || r->is_public)
			continue;
		if (!in_force) {
			in_force = use;
			first = r;
		} else if (use != in_force) {
			route_fault(l, r, use_pointer(l, entry, "inbound", at),
			    arena_printf(l->arena, "use '%.64s' here, too", in_force->name),
			    "a second MCP OAuth policy is used: '%.64s' is in force by %s",
			    in_force->name, first->path);
		}
		if (use == in_force)
			r->oauth = use->loaded;
	}
	if (in_force) {
		l->p->oauth = in_force->loaded;
		l->p->oauth_fault = in_force->fault;
	}
}

static void finish_route(struct loader *l, size_t i)
{
	struct mcp_route *r = &l->routes[i];
	const struct route_entry *entry = &l->route_entries[i];
	const struct policy_use *exchange =
	    entry->inbound[first_of_class(entry->inbound, POLICY_EXCHANGE)];

	r->inbound = (const struct policy_use *const *)entry->inbound;
	r->outbound = (const struct policy_use *const *)entry->outbound;
	r->exchange = exchange ? exchange->loaded : NULL;
	check_shadows(l, r);
	if (!entry->sound)
		return;
	check_direction(l, r, entry);
	check_sign_in(l, r, entry);
	check_exchange(l, r, entry);
	check_exchange_origin(l, r, entry);
	inherit_faults(r, entry->inbound);
	inherit_faults(r, entry->outbound);
}

void routes_finish(struct loader *l)
{
	for (size_t i = 0; i < l->p->routes_n; i++)
		finish_route(l, i);
	choose_oauth(l);
}
