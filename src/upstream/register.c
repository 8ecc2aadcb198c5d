/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations: the configuration's, the document's, and those that are made. */
#include "config.h"

#include "upstream/register.h"

#include "base/rand.h"
#include "upstream/vault.h"

#include <string.h>

static struct vault_place place_of(const struct upstream *u, const char *id, const char *issuer)
{
	return (struct vault_place){
		.table = "upstream_registration", .row = id, .subject = "", .upstream = u->conf->id, .issuer = issuer,
	};
}

static bool supports(const struct discovery *d, const char *method)
{
	size_t n = json_object_is_type(d->auth_methods, json_type_array) ? json_object_array_length(d->auth_methods) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(d->auth_methods, i));

		if (s && !strcmp(s, method))
			return true;
	}
	/* silence means Basic (RFC 8414, 2) */
	return !d->auth_methods && !strcmp(method, "client_secret_basic");
}

/* The method to register with: a secret where there can be one. NULL: none that we know. */
static const char *choose_method(const struct discovery *d)
{
	static const char *const methods[] = { "client_secret_basic", "client_secret_post", "none" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (supports(d, methods[i]))
			return methods[i];
	return NULL;
}

static bool is_method(const char *s)
{
	return !strcmp(s, "none") || !strcmp(s, "client_secret_basic") || !strcmp(s, "client_secret_post");
}

static bool refuse(struct err *e, const char *text, const char *issuer, const char *detail)
{
	return err_reason(e, ERR_UPSTREAM, "upstream_oauth_registration", text, "issuer '%.200s': %s", issuer, detail);
}

/* Asks for a registration. The answer, checked; NULL with the error. */
static struct json_object *ask(struct upstream *u, const struct discovery *d, const char *method, struct err *e)
{
	struct json_object *doc = upstream_document(u), *answer;
	struct fetch f = { .url = d->registration_endpoint };

	json_object_object_del(doc, "client_id");
	json_add_string(doc, "token_endpoint_auth_method", method);
	f.json = json_text(u->arena, doc);
	if (!upstream_fetch(u, &f, e))
		return NULL;
	if (f.status != 201 && f.status != 200) {
		refuse(e, "the upstream's authorization server did not register the gateway", d->issuer,
		    arena_printf(u->arena, "status %d", f.status));
		return NULL;
	}
	answer = upstream_json(u, &f, e);
	if (answer && !json_get_string(answer, "client_id")) {
		refuse(e, "the upstream's authorization server gave no client id", d->issuer, "");
		return NULL;
	}
	return answer;
}

static bool take_row(struct registration *g, struct upstream *u, const struct discovery *d, struct req *r,
    const struct db_rows *rows, struct err *e)
{
	struct vault_place place;
	const struct ring *ring;

	if (!req_ring_now(r, &ring, e))
		return false;
	g->kind = "registered";
	g->id = db_text(rows, 0, 0);
	g->client.client_id = db_text(rows, 0, 1);
	g->client.auth_method = db_text(rows, 0, 3);
	place = place_of(u, g->id, d->issuer);
	return vault_open(ring, u->arena, &place, "client_secret", db_bytes_at(rows, 0, 2, u->arena),
	    &g->client.secret, e);
}

static bool make(struct registration *g, struct upstream *u, const struct discovery *d, struct req *r, struct err *e)
{
	const char *asked = choose_method(d), *method, *secret;
	struct json_object *answer;
	const struct ring *ring;
	struct vault_place place;
	struct db_rows rows;
	char id[UUID_TEXT];
	int64_t expires;

	if (!d->registration_endpoint)
		return refuse(e, "the upstream takes no registrations: an administrator must register the gateway there",
		    d->issuer, "no registration_endpoint; set clientRegistration to manual");
	if (!asked)
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_auth",
		    "the upstream's authorization server knows no way to authenticate that the gateway has",
		    "issuer '%.200s'", d->issuer);
	answer = ask(u, d, asked, e);
	if (!answer || !req_ring_now(r, &ring, e))
		return false;
	secret = json_get_string(answer, "client_secret");
	method = json_get_string(answer, "token_endpoint_auth_method");
	method = method ? method : asked;
	if (!is_method(method) || (!secret && strcmp(method, "none")))
		return refuse(e, "the upstream's authorization server registered the gateway in another way than asked",
		    d->issuer, "token_endpoint_auth_method");
	if (!strcmp(method, "none"))
		secret = NULL;
	expires = json_get_int(answer, "client_secret_expires_at", 0);
	rand_uuid(id);
	place = place_of(u, id, d->issuer);
	const struct db_param params[] = { DB_TEXT(id), DB_TEXT(u->conf->id), DB_TEXT(d->issuer),
		DB_TEXT(upstream_url(u, "callback")), DB_TEXT(json_get_string(answer, "client_id")),
		vault_seal(ring, u->arena, &place, "client_secret", secret), DB_TEXT(method),
		secret && expires > 0 ? db_int(u->arena, expires) : DB_NULL, DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_REGISTRATION_PUT, params, 9, u->arena, &rows, e))
		return false;
	/* two users at once: the other's registration may be the one that is kept */
	return rows.rows ? take_row(g, u, d, r, &rows, e)
			 : refuse(e, "the registration has expired already", d->issuer, "client_secret_expires_at");
}

static bool find_or_make(
    struct registration *g, struct upstream *u, const struct discovery *d, struct req *r, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(u->conf->id), DB_TEXT(d->issuer),
		DB_TEXT(upstream_url(u, "callback")) };
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_REGISTRATION_FIND, params, 3, u->arena, &rows, e))
		return false;
	return rows.rows ? take_row(g, u, d, r, &rows, e) : make(g, u, d, r, e);
}

/*
 * The configuration names a client, not whose it is. An upstream that is broken into could name a server of
 * the thief's, which would get the secret at the next sign-in (protocol F99).
 */
static bool is_pinned(const struct upstream *u, const struct discovery *d, struct req *r, struct err *e)
{
	char id[UUID_TEXT];
	struct db_rows rows;

	rand_uuid(id);
	const struct db_param params[] = { DB_TEXT(id), DB_TEXT(u->conf->id), DB_TEXT(d->issuer),
		DB_TEXT(u->conf->client_id), DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_REGISTRATION_PIN, params, 5, u->arena, &rows, e))
		return false;
	if (rows.rows && !strcmp(db_text(&rows, 0, 0), d->issuer))
		return true;
	return err_reason(e, ERR_UPSTREAM, "upstream_oauth_issuer",
	    "the upstream names another authorization server than the one that knows the gateway",
	    "issuer '%.100s', clientId is of '%.100s': if it has moved, register there and set the new clientId",
	    d->issuer, rows.rows ? db_text(&rows, 0, 0) : "");
}

bool register_find(
    struct registration *g, struct upstream *u, const struct discovery *d, struct req *r, struct err *e)
{
	*g = (struct registration){ .kind = NULL };
	if (u->conf->client_id) {
		g->kind = "manual";
		g->client = (struct tokens_client){ u->conf->client_id, u->conf->client_secret, u->conf->client_auth, NULL };
		return is_pinned(u, d, r, e);
	}
	/* nobody could fetch a document from loopback */
	if (d->takes_documents && !u->origin->loopback) {
		g->kind = "document";
		g->client = (struct tokens_client){ upstream_document_url(u), NULL, "none", NULL };
		return true;
	}
	return find_or_make(g, u, d, r, e);
}

bool register_recall(struct tokens_client *c, const struct upstream *u, const struct ring *ring,
    const char *kind, const char *client_id, const char *registration_id, const char *issuer,
    struct db_param secret, const char *auth_method, struct err *e)
{
	struct vault_place place = place_of(u, registration_id, issuer);

	*c = (struct tokens_client){ client_id, NULL, "none", NULL };
	if (!strcmp(kind, "manual")) {
		c->secret = u->conf->client_secret;
		c->auth_method = u->conf->client_auth;
		return u->conf->client_id && !strcmp(u->conf->client_id, client_id);
	}
	if (!strcmp(kind, "document"))
		return true;
	c->auth_method = auth_method;
	return vault_open(ring, u->arena, &place, "client_secret", secret, &c->secret, e);
}
