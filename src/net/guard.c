/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of `outbound`, and the two questions asked of them. */
#include "config.h"

#include "net/guard.h"

#include "base/uri.h"

#include <string.h>

struct allowed {
	const char *upstream; /* "*": all */
	struct cidr network;
	struct allowed *next;
};

struct named {
	const char *upstream;
	struct named *next;
};

struct guard {
	bool development;
	const char *ca_file;
	struct allowed *allowed;
	struct named *insecure;
};

/* No rule is for what a stranger chose, not even "*": an operator wrote it with upstreams in mind. */
static bool is_for(const char *rule, const char *upstream)
{
	return upstream && (!strcmp(rule, "*") || !strcmp(rule, upstream));
}

static bool load_networks(struct guard *g, struct arena *a, const char *upstream,
    struct json_object *list, struct err *e)
{
	if (!json_object_is_type(list, json_type_array))
		return err_set(e, ERR_CONFIG, "outbound.allow is not {id: [network]}", "for '%s'", upstream);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		struct allowed *one = arena_alloc(a, sizeof(*one));

		if (!text || !cidr_parse(&one->network, text))
			return err_set(e, ERR_CONFIG, "outbound.allow has a malformed network",
			    "entry %zu for '%s'", i, upstream);
		one->upstream = arena_strdup(a, upstream);
		one->next = g->allowed;
		g->allowed = one;
	}
	return true;
}

static bool load_insecure(struct guard *g, struct arena *a, struct json_object *list, struct err *e)
{
	if (!list)
		return true;
	if (!json_object_is_type(list, json_type_array))
		return err_set(e, ERR_CONFIG, "outbound.insecureHttp is not a list of upstream ids", "%s", "");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		struct named *one = arena_alloc(a, sizeof(*one));

		one->upstream = arena_strdup(a, text ? text : "");
		one->next = g->insecure;
		g->insecure = one;
	}
	return true;
}

const struct guard *guard_load(struct arena *a, struct json_object *outbound, bool development, struct err *e)
{
	struct guard *g = arena_alloc(a, sizeof(*g));
	struct json_object *allow = json_get(outbound, "allow");
	const char *ca_file = json_get_string(outbound, "caFile");

	g->development = development;
	g->ca_file = ca_file ? arena_strdup(a, ca_file) : NULL;
	if (allow && !json_object_is_type(allow, json_type_object)) {
		err_set(e, ERR_CONFIG, "outbound.allow is not {id: [network]}", "%s", "");
		return NULL;
	}
	if (allow) {
		json_object_object_foreach(allow, upstream, list)
			if (!load_networks(g, a, upstream, list, e))
				return NULL;
	}
	return load_insecure(g, a, json_get(outbound, "insecureHttp"), e) ? g : NULL;
}

bool guard_allows(const struct guard *g, const char *upstream, const struct address *address, const char **why)
{
	*why = address_special(address);
	if (!*why || (g->development && address_is_loopback(address)))
		return true;
	for (const struct allowed *one = g->allowed; one; one = one->next)
		if (is_for(one->upstream, upstream) && cidr_has(&one->network, address))
			return true;
	return false;
}

bool guard_allows_http(const struct guard *g, const char *upstream, const char *host)
{
	if (g->development && uri_is_loopback(host))
		return true;
	for (const struct named *one = g->insecure; one; one = one->next)
		if (is_for(one->upstream, upstream))
			return true;
	return false;
}

const char *guard_ca_file(const struct guard *g)
{
	return g->ca_file;
}
