/* SPDX-License-Identifier: Apache-2.0 */
/* Who may issue them, for what, to whom; and that none serves twice. */
#include "config.h"

#include "oauth/id_jag.h"

#include "base/clock.h"
#include "idp/claims.h"
#include "idp/id_token.h"
#include "idp/oidc.h"
#include "oauth/metadata.h"
#include "oauth/scope.h"
#include "oauth/statement.h"

#include <string.h>

enum {
	SKEW_S = 60,  /* the provider's clock may be ahead by this */
	LIFE_S = 3600 /* and an assertion lives no longer: until then it is remembered */
};

/* What is known of an assertion, more and more. Strings in the request's memory. */
struct redemption {
	const struct client *client;
	const struct trusted_issuer *issuer;
	struct jws jws;
	struct id_jag says;
	const struct mcp_route *route;
	const char *subject, *scope;
};

static bool refuse(struct err *e, const char *reason, const char *detail)
{
	return err_reason(e, ERR_INVALID_GRANT, reason, "the identity assertion is not valid", "%s",
	    detail);
}

/* --- who --- */

/* The provider of the sign-in, where the project names nobody. */
static bool login_issuer(struct req *r, const struct trusted_issuer **out, struct err *e)
{
	struct trusted_issuer *one = arena_alloc(r->arena, sizeof(*one));
	struct err why = { .code = ERR_NONE };
	struct oidc provider;

	if (!oidc_find(r, &provider, &why))
		return err_reason(e, ERR_UNAVAILABLE, why.reason,
		    "the identity provider cannot be asked now", "%s", why.detail);
	*one = (struct trusted_issuer){ .issuer = provider.issuer, .jwks_url = provider.jwks_url };
	*out = one;
	return true;
}

/* The issuer that the assertion names, byte by byte. Nothing of it is proved yet. */
static bool find_issuer(struct req *r, struct redemption *d, struct err *e)
{
	const struct oauth_conf *c = r->project->oauth;
	const char *named = scan_string(scan_member(d->jws.payload, "iss"), r->arena);

	for (size_t i = 0; named && i < c->trusted_issuers_n; i++)
		if (!strcmp(named, c->trusted_issuers[i].issuer))
			d->issuer = &c->trusted_issuers[i];
	/* no discovery document is read for a stranger */
	if (named && !c->trusted_issuers_n && !strcmp(named, c->issuer) &&
	    !login_issuer(r, &d->issuer, e))
		return false;
	return d->issuer || refuse(e, "token_issuer", "iss is missing, or nobody that is trusted");
}

/*
 * Under the issuer's own name in any case but SUBJECT_ALONE: there, what looks like a subject of
 * another issuer is none.
 */
static bool map_subject(struct req *r, struct redemption *d, struct err *e)
{
	const struct id_jag *says = &d->says;

	switch (d->issuer->mapping) {
	case SUBJECT_ISSUER:
		d->subject = arena_printf(r->arena, "%s|%s", d->issuer->issuer, says->sub);
		return true;
	case SUBJECT_TENANT:
		if (!says->tenant)
			return refuse(e, "token_subject", "tenant is missing");
		d->subject = arena_printf(
		    r->arena, "%s#%s|%s", d->issuer->issuer, says->tenant, says->sub);
		return true;
	case SUBJECT_ALONE:
		break;
	}
	if (strstr(says->sub, "://"))
		return refuse(e, "token_subject", "sub looks like that of another issuer");
	d->subject = says->sub;
	return true;
}

/* --- for whom, for what --- */

static bool check_client(const struct redemption *d, struct err *e)
{
	const char *const *id = d->issuer->client_ids;

	if (strcmp(d->says.client_id, d->client->id))
		return refuse(e, "token_client", "client_id is another client's");
	while (id && *id && strcmp(*id, d->client->id))
		id++;
	return !id || *id ||
	       refuse(e, "token_client", "the issuer may not speak for this client");
}

/* The issuers that we are for a route: its own, and that of the origin. */
static bool check_place(struct req *r, struct redemption *d, struct err *e)
{
	d->route = route_of_resource(r->arena, r->project, r->origin, d->says.resource);
	if (!d->route || d->route->is_public)
		return refuse(e, "token_resource", "resource is none of ours");
	return !strcmp(d->says.audience, route_issuer(r->arena, r->origin, NULL)) ||
	       !strcmp(d->says.audience, route_issuer(r->arena, r->origin, d->route)) ||
	       refuse(e, "token_audience", "aud is not the issuer of the resource");
}

/* What is asked for, where the provider allows it; the catalogue has one scope. */
static bool check_scope(struct redemption *d, const char *asked, struct err *e)
{
	const char *allowed = d->says.scope;
	size_t all = strlen(SCOPE_ALL);

	d->scope = asked ? asked : SCOPE_ALL;
	for (; allowed && *allowed; allowed += *allowed == ' ') {
		size_t n = strcspn(allowed, " ");

		if (n == all && !memcmp(allowed, SCOPE_ALL, n))
			return true;
		allowed += n;
	}
	return !d->says.scope || err_reason(e, ERR_INVALID_SCOPE, "token_scope",
				     "the identity assertion allows no scope that is served here",
				     "scope '%.100s'", d->says.scope);
}

static bool check(struct req *r, struct redemption *d, const char *scope, const char *resource,
    struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (!id_jag_read(&d->says, &d->jws, d->issuer->issuer, r->arena, &why) ||
	    !id_jag_details_are(&d->says, r->project->oauth->details_types, &why))
		return refuse(e, why.reason, why.detail);
	if (!check_client(d, e) || !check_place(r, d, e) || !map_subject(r, d, e) ||
	    !check_scope(d, scope, e))
		return false;
	return !resource || !strcmp(resource, route_resource(r->arena, r->origin, d->route)) ||
	       err_set(e, ERR_INVALID_TARGET, "resource is another than the assertion's", "");
}

/* --- signature --- */

static bool verify(struct req *r, const struct redemption *d, struct err *e)
{
	int64_t deadline_ms = clock_ms() + r->project->oauth->login_timeout_ms;
	/* anybody can be a public client: nobody waits for a key that a stranger invents */
	bool wait = strcmp(d->client->auth_method, "none") != 0;
	struct err why = { .code = ERR_NONE };

	if (oidc_verify(r, d->issuer->jwks_url, deadline_ms, &d->jws, wait, &why))
		return true;
	if (!strncmp(err_reason_of(&why), "jws_", 4))
		return refuse(e, why.reason, why.detail);
	return err_reason(e, ERR_UNAVAILABLE, why.reason,
	    "the identity provider cannot be asked now", "%s", why.detail);
}

/* --- the token --- */

static bool explain(const char *outcome, struct err *e)
{
	if (!strcmp(outcome, "issued"))
		return true;
	if (!strcmp(outcome, "unknown_client"))
		return err_set(e, ERR_INVALID_CLIENT, "client authentication failed",
		    "the client is gone");
	return refuse(
	    e, !strcmp(outcome, "replayed") ? "token_replayed" : "token_times", outcome);
}

static bool issue(struct req *r, const struct redemption *d, struct pair *pair, struct err *e)
{
	const struct jwt_times *t = &d->says.times;
	struct span claims = d->jws.payload;
	char *grant_id = arena_alloc(r->arena, UUID_TEXT), access_id[UUID_TEXT];
	const char *pepper_id;
	const struct ring *ring;
	struct db_rows rows;
	struct blob sealed;

	/* the issuer may have been waited for */
	if (!req_ring_now(r, &ring, e))
		return false;
	*pair = (struct pair){ .grant_id = grant_id,
		.subject = d->subject,
		.operation_id = d->route->operation_id,
		.resource = route_resource(r->arena, r->origin, d->route),
		.scope = d->scope };
	token_make(pair->access, TOKEN_ACCESS);
	rand_uuid(grant_id);
	rand_uuid(access_id);
	sealed = claims_seal(
	    ring, r->arena, d->subject, arena_strndup(r->arena, claims.p, claims.n));
	struct db_param hash = token_hash_new(ring, r->arena, pair->access, &pepper_id);
	const struct db_param params[] = { statement_hash(r->arena, "id-jag", d->issuer->issuer,
					       d->says.sub, d->says.jti),
		db_int(r->arena, t->exp), db_int(r->arena, t->iat), t->has_nbf ? db_int(r->arena, t->nbf) : DB_NULL,
		db_int(r->arena, SKEW_S), db_int(r->arena, LIFE_S), DB_TEXT(grant_id),
		DB_TEXT(d->client->id), DB_TEXT(d->subject), DB_BYTES(sealed.p, sealed.n),
		DB_TEXT(pair->resource), DB_TEXT(pair->operation_id), DB_TEXT(pair->scope),
		DB_TEXT(access_id), hash, DB_TEXT(pepper_id),
		db_int(r->arena, r->project->oauth->access_ttl_s), DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_ID_JAG_REDEEM, params, 18, r->arena, &rows, e))
		return false;
	pair->expires_in_s = db_int_at(&rows, 0, 1);
	return explain(db_text(&rows, 0, 0), e);
}

bool id_jag_redeem(struct req *r, const struct client *c, const char *assertion, const char *scope,
    const char *resource, struct pair *pair, struct err *e)
{
	struct redemption d = { .client = c };
	struct err why = { .code = ERR_NONE };

	if (!jws_read(&d.jws, r->arena, assertion, strlen(assertion), &why))
		return refuse(e, why.reason, why.detail);
	return find_issuer(r, &d, e) && check(r, &d, scope, resource, e) && verify(r, &d, e) &&
	       issue(r, &d, pair, e);
}
