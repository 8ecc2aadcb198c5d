/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authorization endpoint (RFC 6749, 4.1.1; protocol §2.6). Until client and redirect URI
 * are known good, an error is a page of ours; from then on it goes to the client. A good
 * request is written down, bound to this browser by a cookie of its own, and leads to sign-in
 * or to consent. Nothing is ever approved here.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "oauth/client.h"
#include "oauth/login.h"
#include "oauth/metadata.h"
#include "oauth/pkce.h"
#include "oauth/rate.h"
#include "oauth/scope.h"
#include "oauth/session.h"
#include "oauth/token.h"

#include <string.h>

enum { LOGIN_HINT_MAX = 254 /* an e-mail address */ };

struct ask {
	struct form form;
	struct client client;
	const char *redirect_uri, *state;
	const char *issuer;
	const struct mcp_route *path_route; /* named by the path; NULL: by `resource` */
	const struct mcp_route *route;
	const char *challenge, *scope;
	/* what the provider is told of the sign-in that the client wants; NULL: nothing */
	const char *login_hint;
	bool login_anew, select_account; /* prompt: a session that is there does not do */

	/* what begin() wrote down */
	char request_id[UUID_TEXT], cookie[TOKEN_TEXT];
	bool signed_in; /* the browser has a session, to which the request now belongs */
};

static unsigned count(const struct form *f, const char *name)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += !strcmp(f->pairs[i].name, name);
	return n;
}

/* The path names the route, and with it the issuer of the answer. */
static bool read_path(struct req *r, struct ask *ask, struct err *e)
{
	if (*r->tail) {
		ask->path_route = project_route(r->project, arena_printf(r->arena, "/%s", r->tail));
		if (!ask->path_route || ask->path_route->is_public)
			return err_set(
			    e, ERR_NOT_FOUND, "there is nothing at this address", "no such route");
	}
	ask->issuer = route_issuer(r->arena, r->origin, ask->path_route);
	return true;
}

static bool read_client(struct req *r, struct resp *p, struct ask *ask, struct err *e)
{
	const char *id = form_get(&ask->form, "client_id");
	struct err why = { .code = ERR_NONE };

	if (count(&ask->form, "client_id") > 1)
		return err_set(e, ERR_INVALID_REQUEST, "client_id occurs twice", "");
	if (id && client_find(r, &ask->client, id, CIMD_CONSENT, &why)) {
		r->event.client_id = ask->client.id;
		r->event.client_name = ask->client.name;
		return rate_take(r, p, RATE_AUTHORIZE, id, e);
	}
	if (!rate_take(r, p, RATE_AUTHORIZE, NULL, e))
		return false;
	if (id && why.code != ERR_INVALID_CLIENT) {
		*e = why;
		return false;
	}
	err_reason(e, ERR_INVALID_REQUEST, why.reason ? why.reason : "unknown_client",
	    "this application is not registered here; it may have been away for too long", "%s",
	    why.detail);
	if (id && cimd_is_url(id)) /* its developer can mend it, and should read what is wrong */
		err_text(e, "%s", why.text);
	return false;
}

static bool read_redirect(struct ask *ask, struct err *e)
{
	const char *uri = form_get(&ask->form, "redirect_uri");

	if (count(&ask->form, "redirect_uri") > 1)
		return err_set(e, ERR_INVALID_REQUEST, "redirect_uri occurs twice", "");
	if (!uri && ask->client.redirect_uris_n == 1)
		uri = ask->client.redirect_uris[0];
	if (!uri)
		return err_set(e, ERR_INVALID_REQUEST, "redirect_uri is missing", "");
	if (!client_has_redirect(&ask->client, uri))
		return err_reason(e, ERR_INVALID_REQUEST, "invalid_redirect_uri",
		    "the address to go back to is not registered for this application",
		    "client '%s'", ask->client.id);
	ask->redirect_uri = uri;
	if (count(&ask->form, "state") == 1)
		ask->state = form_get(&ask->form, "state");
	return true;
}

static bool check_resource(struct req *r, struct ask *ask, const char *resource, struct err *e)
{
	const struct mcp_route *route =
	    route_of_resource(r->arena, r->project, r->origin, resource);

	if (!route || route->is_public || (ask->route && ask->route != route))
		return err_set(e, ERR_INVALID_TARGET,
		    "resource is not one that can be authorized here", "resource '%.200s'",
		    resource);
	ask->route = route;
	return true;
}

/* `resource` may be repeated (RFC 8707, 2), but a grant here is for one route. */
static bool read_resource(struct req *r, struct ask *ask, struct err *e)
{
	ask->route = ask->path_route;
	for (size_t i = 0; i < ask->form.n; i++)
		if (!strcmp(ask->form.pairs[i].name, "resource") && *ask->form.pairs[i].value &&
		    !check_resource(r, ask, ask->form.pairs[i].value, e))
			return false;
	if (!ask->route)
		ask->route = project_only_route(r->project);
	if (!ask->route || ask->route->is_public)
		return err_set(e, ERR_INVALID_TARGET, "resource is missing", "");
	r->event.operation_id = ask->route->operation_id;
	if (ask->route->fault)
		return err_set(
		    e, ERR_CONFIG, "this route has a configuration error", "%s", ask->route->fault);
	return true;
}

static bool read_pkce(struct ask *ask, struct err *e)
{
	const char *method = form_get(&ask->form, "code_challenge_method");

	ask->challenge = form_get(&ask->form, "code_challenge");
	if (!ask->challenge)
		return err_set(e, ERR_INVALID_REQUEST, "code_challenge is missing", "");
	if (!method || strcmp(method, "S256"))
		return err_set(e, ERR_INVALID_REQUEST, "code_challenge_method must be S256", "");
	if (!pkce_is_challenge(ask->challenge))
		return err_set(e, ERR_INVALID_REQUEST, "code_challenge is malformed", "");
	return true;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = list; s && *s; s += strcspn(s, " "), s += strspn(s, " "))
		if (!strncmp(s, word, n) && (s[n] == ' ' || s[n] == '\0'))
			return true;
	return false;
}

/*
 * Whom the client expects, and whether a new sign-in is wanted. `consent` is asked in any case;
 * what else `prompt` may say is ignored, as RFC 6749, 3.1 has it for what is not known.
 */
static bool read_sign_in(struct ask *ask, struct err *e)
{
	const char *prompt = form_get(&ask->form, "prompt");
	const char *hint = form_get(&ask->form, "login_hint");

	/* consent is asked at every authorization: without a page there is none */
	if (has_word(prompt, "none"))
		return err_set(
		    e, ERR_CONSENT_REQUIRED, "consent cannot be given without a page", "");
	ask->login_anew = has_word(prompt, "login");
	ask->select_account = has_word(prompt, "select_account");
	if (hint && strlen(hint) <= LOGIN_HINT_MAX)
		ask->login_hint = hint;
	return true;
}

static bool read_rest(struct req *r, struct ask *ask, struct err *e)
{
	static const char *const repeatable[] = { "resource", NULL };
	const char *type = form_get(&ask->form, "response_type");

	if (!form_unique(&ask->form, repeatable, e))
		return false;
	if (!type)
		return err_set(e, ERR_INVALID_REQUEST, "response_type is missing", "");
	if (strcmp(type, "code"))
		return err_set(e, ERR_UNSUPPORTED_RESPONSE_TYPE, "response_type must be code", "");
	if (!read_pkce(ask, e) || !read_resource(r, ask, e))
		return false;
	ask->scope = scope_parse(form_get(&ask->form, "scope"), e);
	return ask->scope && read_sign_in(ask, e);
}

/* Writes the request down. */
static bool begin(struct req *r, struct resp *p, struct ask *ask, struct err *e)
{
	int64_t ttl_s = r->project->oauth->state_ttl_s;
	const char *pepper_id, *outcome;
	struct db_param session;
	const struct ring *ring;
	struct db_rows rows;

	if (!req_ring(r, &ring, e) || !session_hashes(r, &session, e))
		return false;
	if (ask->login_anew || ask->select_account)
		session = DB_NULL;
	rand_uuid(ask->request_id);
	token_make(ask->cookie, TOKEN_ATTEMPT);
	struct db_param browser = token_hash_new(ring, r->arena, ask->cookie, &pepper_id);
	const struct db_param params[] = { DB_TEXT(ask->request_id), browser, DB_TEXT(pepper_id),
		session, DB_TEXT(ask->client.id), DB_TEXT(ask->redirect_uri), DB_TEXT(ask->state),
		DB_TEXT(ask->challenge), DB_TEXT(route_resource(r->arena, r->origin, ask->route)),
		DB_TEXT(ask->route->operation_id), DB_TEXT(ask->scope), DB_TEXT(ask->issuer),
		db_int(r->arena, ttl_s) };

	if (!db_call(r->app->db, STMT_AUTHORIZATION_BEGIN, params, 13, r->arena, &rows, e))
		return false;
	outcome = db_text(&rows, 0, 0);
	if (!strcmp(outcome, "unknown"))
		return err_set(
		    e, ERR_UNAUTHORIZED_CLIENT, "the client's registration has ended", "");
	ask->signed_in = !strcmp(outcome, "consent");
	login_drop_attempts(r, p);
	resp_cookie(r, p, attempt_cookie(r->arena, ask->request_id), ask->cookie, ttl_s);
	return true;
}

static bool go_on(struct req *r, struct resp *p, const struct ask *ask, struct err *e)
{
	if (ask->signed_in)
		return resp_redirect(p,
		    uri_add_query(
			r->arena, req_url(r, "/oauth/setup"), "request", ask->request_id));
	const struct login_way way = {
		.request_id = ask->request_id,
		.cookie = ask->cookie,
		.login_hint = ask->login_hint,
		.prompt = ask->select_account ? "select_account"
			  : ask->login_anew   ? "login"
					      : NULL,
	};

	return login_go(r, p, &way, e);
}

/* RFC 6749, 4.1.2.1 and RFC 9207: the client's own state, and who says so. */
static bool tell_client(struct req *r, struct resp *p, const struct ask *ask, const struct err *why)
{
	const char *name = why->code == ERR_CONFIG ? err_name(ERR_INTERNAL) : err_name(why->code);
	const char *url = uri_add_query(r->arena, ask->redirect_uri, "error", name);

	url = uri_add_query(r->arena, url, "error_description", why->text);
	if (ask->state)
		url = uri_add_query(r->arena, url, "state", ask->state);
	url = uri_add_query(r->arena, url, "iss", ask->issuer);
	log_info(&r->log, "authorization refused", "client", ask->client.id, "error", name,
	    "reason", err_reason_of(why), "detail", why->detail, NULL);
	auth_event(
	    r, "mcp_auth_login_failed", err_status(why->code) < 500 ? "denied" : "failure", why);
	return resp_redirect(p, url);
}

static void note_redirect_host(struct req *r, const char *redirect_uri)
{
	struct uri u;

	if (uri_parse(&u, r->arena, redirect_uri, NULL))
		r->event.redirect_host = u.host ? u.host : u.scheme;
}

bool ep_authorize(struct req *r, struct resp *p, struct err *e)
{
	struct ask ask = { .state = NULL };
	struct err why = { .code = ERR_NONE };

	if (!read_path(r, &ask, e) || !req_query(r, &ask.form, e) || !read_client(r, p, &ask, e) ||
	    !read_redirect(&ask, e))
		return false;
	note_redirect_host(r, ask.redirect_uri);
	if (!read_rest(r, &ask, &why) || !begin(r, p, &ask, &why))
		return tell_client(r, p, &ask, &why);
	/* a provider that cannot be reached is nothing that the client could mend */
	return go_on(r, p, &ask, e);
}
