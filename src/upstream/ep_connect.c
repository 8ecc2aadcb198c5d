/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/auth/connections/{id}/connect?browserTicket=...&operationId=...&redirect=true: sends the browser to the
 * upstream's authorization server. The ticket is spent only then, and only by the user that it is for: a
 * link preview, and somebody else who is sent the link, spend nothing. Where nobody is signed in, the gateway's
 * sign-in comes first.
 */
#include "config.h"

#include "upstream/connect.h"

#include "base/rand.h"
#include "oauth/endpoint.h"
#include "oauth/pkce.h"
#include "oauth/token.h"
#include "page/html.h"
#include "page/page.h"
#include "upstream/discover.h"
#include "upstream/required.h"
#include "upstream/ticket.h"
#include "upstream/vault.h"

#include <string.h>

enum { NAME_SHOWN = 64 };

struct attempt {
	char id[UUID_TEXT];
	char secret[TOKEN_TEXT], cookie[TOKEN_TEXT];
	char verifier[B64URL_LEN(32) + 1];
	const char *state; /* "ID.SECRET" */
	const char *scope;
	struct discovery d;
	struct registration g;
};

/* To the gateway's own sign-in, which comes back to this address. The ticket is not spent by it. */
static bool sign_in(struct req *r, struct resp *p, const struct connect *c, const char *ticket, struct err *e)
{
	if (!r->project->oauth)
		return err_reason(e, ERR_FORBIDDEN, "no_session", "nobody is signed in here", "");
	return resp_redirect(p, sign_in_url(r,
	    arena_printf(r->arena, "/auth/connections/%s/connect?browserTicket=%s&operationId=%s&redirect=true", c->id,
		ticket, uri_encode(r->arena, c->up.route->operation_id))));
}

/* RFC 6749, 10.12: whoever opens the address must be the one whom it was made for. False: no error, nobody is signed in. */
static bool check_person(struct req *r, const struct ticket *t, struct err *e)
{
	struct session s;

	if (!*t->subject)
		return true;
	if (!session_find(r, &s, e))
		return false;
	r->event.subject_id = s.subject;
	return !strcmp(s.subject, t->subject) ||
	       err_reason(e, ERR_FORBIDDEN, "other_user", "this address was made for somebody else", "");
}

/* For programs: what a client would have been told (product: 428). */
static bool tell(struct resp *p, const struct connect *c, const char *ticket)
{
	resp_set(p, "Cache-Control", "no-store");
	return resp_json(p, 428, required_data(&c->up, REQUIRED_CONNECT, required_url(&c->up, ticket)));
}

static bool find_scope(struct req *r, const struct connect *c, const struct ticket *t, struct attempt *at,
    struct err *e)
{
	const struct db_param params[] = { DB_TEXT(c->id), DB_TEXT(t->subject) };
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_CONNECTION_WANTS, params, 2, r->arena, &rows, e))
		return false;
	at->scope = discover_scope(&at->d, &c->up, rows.rows ? db_text(&rows, 0, 0) : NULL);
	return true;
}

static void make_secrets(struct req *r, struct attempt *at)
{
	unsigned char bytes[32];

	rand_uuid(at->id);
	token_make(at->secret, TOKEN_ATTEMPT);
	token_make(at->cookie, TOKEN_ATTEMPT);
	rand_bytes(bytes, sizeof(bytes));
	b64url_encode(at->verifier, bytes, sizeof(bytes));
	at->state = arena_printf(r->arena, "%s.%s", at->id, at->secret);
}

/* Writes the attempt down and spends the ticket. */
static bool begin(struct req *r, const struct connect *c, const struct ticket *t, struct attempt *at,
    struct err *e)
{
	const struct vault_place place = { "connect_attempt", at->id, t->subject, c->id, at->d.issuer,
		at->d.resource, at->d.token_endpoint, at->d.revocation_endpoint };
	const char *pepper;
	const struct db_param state = token_hash_new(c->ring, r->arena, at->state, &pepper),
			      cookie = token_hash_new(c->ring, r->arena, at->cookie, &pepper);
	const struct db_param params[] = { DB_TEXT(t->id), db_int(r->arena, TICKET_TTL_S), DB_TEXT(at->id), state,
		cookie, DB_TEXT(pepper), DB_TEXT(c->id), DB_TEXT(t->subject),
		DB_TEXT(c->up.route->operation_id), DB_TEXT(*t->request_id ? t->request_id : NULL),
		vault_seal(c->ring, r->arena, &place, "verifier", at->verifier), DB_TEXT(at->d.issuer),
		db_bool(at->d.sends_iss), DB_TEXT(at->d.resource), DB_TEXT(at->scope ? at->scope : ""),
		DB_TEXT(at->d.token_endpoint), DB_TEXT(at->d.revocation_endpoint), DB_TEXT(at->g.kind),
		DB_TEXT(at->g.client.client_id), DB_TEXT(at->g.id), DB_TEXT(at->g.client.auth_method),
		DB_TEXT(upstream_url(&c->up, "callback")), db_int(r->arena, TICKET_TTL_S) };
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_CONNECT_BEGIN, params, sizeof(params) / sizeof(params[0]), r->arena, &rows, e))
		return false;
	return (rows.rows && !strcmp(db_text(&rows, 0, 0), "begun")) ||
	       err_reason(e, ERR_INVALID_REQUEST, "ticket_spent", "this address works once only", "");
}

/* Unset: consent where a refresh token is asked for, which many servers give after consent alone. */
static const char *prompt_of(struct arena *a, const struct upstream *u, const char *scope)
{
	if (u->conf->prompt)
		return u->conf->prompt;
	return scope_holds(a, scope, "offline_access", u->conf->scope_delimiter) ? "consent" : "";
}

/* Protocol 3.6. */
static const char *authorize_url(struct req *r, const struct connect *c, const struct attempt *at)
{
	char challenge[PKCE_CHALLENGE_TEXT];

	pkce_challenge(challenge, at->verifier);
	const char *const pairs[] = {
		"response_type", "code",
		"client_id", at->g.client.client_id,
		"redirect_uri", upstream_url(&c->up, "callback"),
		"code_challenge", challenge,
		"code_challenge_method", "S256",
		"state", at->state,
		"scope", at->scope ? at->scope : "",
		"resource", at->d.resource,
		"prompt", prompt_of(r->arena, &c->up, at->scope),
		NULL,
	};
	const char *url = at->d.authorization_endpoint;

	for (const char *const *pair = pairs; *pair; pair += 2)
		if (*pair[1])
			url = uri_add_query(r->arena, url, pair[0], pair[1]);
	return url;
}

static bool set_out(struct req *r, struct resp *p, struct connect *c, const struct ticket *t, struct err *e)
{
	struct attempt *at = arena_alloc(r->arena, sizeof(*at));

	if (!discover(&at->d, &c->up, e) || !find_scope(r, c, t, at, e) ||
	    !register_find(&at->g, &c->up, &at->d, r, e) || !req_ring_now(r, &c->ring, e))
		return false;
	make_secrets(r, at);
	if (!begin(r, c, t, at, e))
		return false;
	resp_cookie(r, p, attempt_cookie(r->arena, at->id), at->cookie, TICKET_TTL_S);
	resp_redirect(p, authorize_url(r, c, at));
	p->status = 302;
	return true;
}

/*
 * By assertion the gateway's own sign-in is all there is to do: one that is newer than the ticket. Nothing is
 * spent, for nothing is made here that a second visit could make again.
 */
static bool sign_in_anew(struct req *r, struct resp *p, struct connect *c, const struct ticket *t,
    const char *ticket, struct err *e)
{
	struct page_connected page = {
		.host = page_host(r),
		.service_name = html_clean(r->arena, c->up.conf->display_name, NAME_SHOWN),
	};
	struct db_param params[2];
	struct db_rows rows;

	if (!session_hashes(r, &params[0], e))
		return false;
	params[1] = db_int(r->arena, t->age_s);
	if (!db_call(r->app->db, STMT_ASSERTION_ADOPT, params, 2, r->arena, &rows, e))
		return false;
	if (!rows.rows || !strcmp(db_text(&rows, 0, 0), "old"))
		return sign_in(r, p, c, ticket, e);
	if (!strcmp(db_text(&rows, 0, 0), "none"))
		return err_reason(e, ERR_CONFIG, "assertion_missing",
		    "the sign-in gives nothing that the service could be asked with", "no ID token was kept");
	connect_event(r, c, "mcp_auth_upstream_connection_established", "success", NULL);
	return page_send(r, p, 200, &page, NULL, e);
}

bool ep_connection_begin(struct req *r, struct resp *p, struct connect *c, struct err *e)
{
	const char *text, *redirect, *operation;
	struct ticket t;
	struct form query;

	if (!req_query(r, &query, e) || !form_unique(&query, NULL, e))
		return false;
	text = form_get(&query, "browserTicket");
	redirect = form_get(&query, "redirect");
	operation = form_get(&query, "operationId");
	if (!connect_find(r, c, operation ? operation : "", e) ||
	    !ticket_open(&t, c->ring, r->arena, c->id, c->up.route->operation_id, text, e))
		return false;
	if (!redirect || strcmp(redirect, "true"))
		return tell(p, c, text);
	if (!check_person(r, &t, e)) {
		if (!e->code && sign_in(r, p, c, text, e))
			return true;
	} else if (c->up.conf->mode == EXCHANGE_ID_JAG ? sign_in_anew(r, p, c, &t, text, e)
						      : set_out(r, p, c, &t, e)) {
		return true;
	}
	connect_event(r, c, "mcp_auth_upstream_connection_established",
	    err_status(e->code) < 500 ? "denied" : "failure", e);
	return false;
}
