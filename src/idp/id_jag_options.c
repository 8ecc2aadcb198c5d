/* SPDX-License-Identifier: Apache-2.0 */
/* Option `idJag` of every OAuth policy: whose identity assertions are accepted as grants. */
#include "config.h"

#include "conf/problem.h"
#include "idp/oauth_options.h"

#include <string.h>

static const struct option trusted_issuer_options[] = {
	{ "issuer", OPTION_URL, true, .about = "The issuer, exactly as its assertions name it." },
	{ "jwksUrl", OPTION_URL, true, .about = "Its keys." },
	{ "expectedClientIds", OPTION_STRINGS, .initial = "any",
	    .about = "The clients (their ids here) that its assertions may be for." },
	{ "subjectMapping", OPTION_ENUM, .words = "iss_prefix iss_tenant_prefix sub_id_only",
	    .initial = "iss_prefix",
	    .about = "How its subjects become subjects here: ISSUER|SUB, ISSUER#TENANT|SUB, or SUB alone, "
		     "which one issuer at most may have." },
	{ 0 },
};

const struct option oauth_id_jag_options[] = {
	{ "enabled", OPTION_BOOL, .initial = "false",
	    .about = "Whether identity assertions are accepted as grants." },
	{ "trustedIssuers", OPTION_OBJECTS, .sub = trusted_issuer_options,
	    .initial = "the provider of the sign-in", .about = "Who may issue them." },
	{ "authorizationDetailsTypesAllowed", OPTION_STRINGS, .initial = "none",
	    .about = "The types of authorization details that they may carry; one with another is refused. "
		     "Nothing here enforces what such details say." },
	{ 0 },
};

struct reading {
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer; /* of trustedIssuers */
	struct trusted_issuer *list;
	size_t n;
};

static const char *pointer_to(const struct reading *g, size_t i, const char *name)
{
	return pointer_member(g->arena, pointer_item(g->arena, g->pointer, i), name);
}

static void fault(const struct reading *g, size_t i, const char *name, const char *remedy, const char *text)
{
	problem_add(g->problems, true, g->file, pointer_to(g, i, name), remedy, "%s", text);
}

/* NULL for an absent or empty list. */
static const char *const *strings(struct arena *a, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;
	const char **out = n ? arena_calloc(a, n + 1, sizeof(*out)) : NULL;

	for (size_t i = 0; i < n; i++)
		out[i] = json_object_get_string(json_object_array_get_idx(list, i));
	return out;
}

/* https, or http to this machine; an issuer has neither query nor fragment (RFC 8414, 2). */
static void check_url(const struct reading *g, size_t i, const char *name, const char *url, bool query)
{
	struct err e = { .code = ERR_NONE };
	struct uri u;

	if (!uri_parse(&u, g->arena, url, &e) || !u.host || u.userinfo || u.fragment || (u.query && !query))
		fault(g, i, name, "write https://…", "this is no URL that it may be");
	else if (strcmp(u.scheme, "https") != 0 && !(uri_is_loopback(u.host) && !strcmp(u.scheme, "http")))
		fault(g, i, name, "write https://…", "the URL must be https (http only on a loopback host)");
}

static void check_others(const struct reading *g, size_t i)
{
	const struct trusted_issuer *one = &g->list[i];

	for (size_t k = 0; k < i; k++) {
		if (!strcmp(g->list[k].issuer, one->issuer))
			fault(g, i, "issuer", "remove one of them", "this issuer is there twice");
		if (one->mapping == SUBJECT_ALONE && g->list[k].mapping == SUBJECT_ALONE)
			fault(g, i, "subjectMapping", "write iss_prefix",
			    "two issuers have sub_id_only: each could speak for the users of the other");
	}
}

static enum subject_mapping mapping_of(struct json_object *item)
{
	const char *word = json_get_string(item, "subjectMapping");

	if (!word || !strcmp(word, "iss_prefix"))
		return SUBJECT_ISSUER;
	return !strcmp(word, "iss_tenant_prefix") ? SUBJECT_TENANT : SUBJECT_ALONE;
}

static void read_issuers(struct reading *g, struct json_object *issuers)
{
	g->n = issuers ? json_object_array_length(issuers) : 0;
	g->list = arena_calloc(g->arena, g->n + 1, sizeof(*g->list));
	for (size_t i = 0; i < g->n; i++) {
		struct json_object *item = json_object_array_get_idx(issuers, i);

		g->list[i] = (struct trusted_issuer){
			.issuer = json_get_string(item, "issuer"),
			.jwks_url = json_get_string(item, "jwksUrl"),
			.client_ids = strings(g->arena, json_get(item, "expectedClientIds")),
			.mapping = mapping_of(item),
		};
		check_url(g, i, "issuer", g->list[i].issuer, false);
		check_url(g, i, "jwksUrl", g->list[i].jwks_url, true);
		check_others(g, i);
	}
}

void oauth_read_id_jag(struct oauth_conf *c, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *in = json_get(doc, "idJag");
	const char *own = pointer_member(a, pointer, "idJag");
	struct reading g = { .arena = a,
		.problems = problems,
		.file = file,
		.pointer = pointer_member(a, own, "trustedIssuers") };

	read_issuers(&g, json_get(in, "trustedIssuers"));
	c->id_jag_enabled = json_get_bool(in, "enabled", false);
	c->trusted_issuers = g.list;
	c->trusted_issuers_n = g.n;
	c->details_types = strings(a, json_get(in, "authorizationDetailsTypesAllowed"));
	if (c->id_jag_enabled && c->dev_login && !g.n)
		problem_add(problems, true, file, own, "add 'trustedIssuers'",
		    "option 'trustedIssuers' is missing: dev-login issues no identity assertions");
}
