/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consent page.
 *
 * A request is answered by the browser that began it (its own cookie), by the session that
 * signed in for it, through the form that this page showed (CSRF token), once. The SQL functions
 * judge all but the form; what they refuse is told in words of its own, because a person who
 * pressed "back" and one whose request was stolen need different advice.
 */
#include "config.h"

#include "consent/consent.h"

#include <string.h>

#include "consent/show.h"
#include "oauth/session.h"
#include "oauth/token.h"
#include "page/csrf.h"
#include "page/html.h"
#include "page/page.h"
#include "upstream/required.h"
#include "upstream/ticket.h"

enum { CODE_TTL_S = 60 };

/* The request that is to be decided, as this browser may see it. */
struct asked {
	const char *id, *cookie; /* the session's */
	bool decided, client_is_document;
	struct db_param session, attempt;
	const char *client_id, *client_name, *redirect_uri, *operation_id, *scope;
	const char *subject, *name, *email;
	const struct mcp_route *route;
	enum required_state required; /* what the upstream still wants */
	struct uri redirect;
	const char *form_source;
};

static bool refuse(struct req *r, const char *outcome, struct err *e)
{
	struct session s;

	if (!strcmp(outcome, "decided"))
		return err_reason(e, ERR_INVALID_REQUEST, "request_decided",
		    "a request can be answered once only", "");
	if (!strcmp(outcome, "expired"))
		return err_reason(e, ERR_INVALID_REQUEST, "request_expired",
		    "a request can be answered for a few minutes only", "");
	if (!strcmp(outcome, "other_browser"))
		return err_reason(e, ERR_FORBIDDEN, "other_browser",
		    "this browser is not the one in which the request began",
		    "the attempt's cookie is missing or another's");
	if (strcmp(outcome, "other_session"))
		return err_reason(e, ERR_INVALID_REQUEST, "request_unknown",
		    "it was never made here, or it is long over", "");
	if (session_find(r, &s, e))
		return err_reason(
		    e, ERR_FORBIDDEN, "session_changed", "another sign-in began this request", "");
	return e->code ? false
		       : err_reason(e, ERR_FORBIDDEN, "no_session", "nobody is signed in here",
			     "session ended or unknown");
}

/* Reads the request's id and the two cookies. */
static bool identify(struct req *r, const char *id, struct asked *q, struct err *e)
{
	if (!request_id_is_valid(id))
		return err_reason(e, ERR_INVALID_REQUEST, "request_unknown",
		    "the address of this page is not complete", "no request id, or none of ours");
	q->id = id;
	return show_session(r, &q->cookie, e) && session_hashes(r, &q->session, e) &&
	       attempt_hashes(r, id, &q->attempt, e);
}

/*
 * The route is looked up when the page is shown and when it is answered: a project may change in
 * between.
 */
static bool find_route(struct req *r, struct asked *q, struct err *e)
{
	q->route = project_route_by_operation(r->project, q->operation_id);
	if (q->route && q->route->fault)
		return err_set(e, ERR_CONFIG,
		    "the service that this request is about is not set up correctly", "%s",
		    q->route->fault);
	return (q->route && q->route->oauth) ||
	       err_reason(e, ERR_INVALID_REQUEST, "route_gone",
		   "the service that this request is about has been taken away", "operation '%s'",
		   q->operation_id);
}

static bool find_redirect(struct req *r, struct asked *q, struct err *e)
{
	struct err fault = { .code = ERR_NONE };

	if (uri_parse(&q->redirect, r->arena, q->redirect_uri, &fault))
		q->form_source = page_form_source(r->arena, &q->redirect);
	return q->form_source ||
	       err_set(e, ERR_INVALID_REDIRECT_URI,
		   "this app cannot be answered at the address it gave", "client '%s': %s",
		   q->client_id, fault.code ? fault.text : "scheme");
}

/* Whether the upstream is connected: what calls would be answered otherwise. */
static bool find_required(struct req *r, struct asked *q, struct err *e)
{
	const struct exchange_conf *x = q->route->exchange;
	bool shared = x && x->mode == EXCHANGE_SHARED;
	struct db_rows rows;

	if (!x || x->mode == EXCHANGE_ID_JAG)
		return true;
	const struct db_param params[] = { q->session, DB_TEXT(x->id), db_bool(shared) };

	if (!db_call(r->app->db, STMT_CONNECTION_STATE, params, 3, r->arena, &rows, e))
		return false;
	if (rows.rows && !strcmp(db_text(&rows, 0, 0), "connected"))
		q->required = REQUIRED_NOT;
	else if (shared)
		q->required = REQUIRED_ADMIN;
	else
		q->required = rows.rows ? REQUIRED_RECONSENT : REQUIRED_CONNECT;
	return true;
}

/* What was asked; it may have been decided before. */
static bool load(struct req *r, const char *id, struct asked *q, struct err *e)
{
	struct db_rows rows;
	const char *outcome;

	*q = (struct asked){ .id = NULL };
	if (!identify(r, id, q, e))
		return false;
	const struct db_param params[] = { DB_TEXT(q->id), q->session, q->attempt };

	if (!db_call(r->app->db, STMT_CONSENT_LOAD, params, 3, r->arena, &rows, e))
		return false;
	outcome = rows.rows ? db_text(&rows, 0, 0) : "unknown";
	q->decided = !strcmp(outcome, "decided");
	if (!q->decided && strcmp(outcome, "open"))
		return refuse(r, outcome, e);
	q->client_id = db_text(&rows, 0, 1);
	q->client_name = db_text(&rows, 0, 2);
	q->client_is_document = !strcmp(db_text(&rows, 0, 3), "document");
	q->redirect_uri = db_text(&rows, 0, 4);
	q->operation_id = db_text(&rows, 0, 7);
	q->scope = db_text(&rows, 0, 8);
	q->subject = db_text(&rows, 0, 10);
	q->name = db_text(&rows, 0, 11);
	q->email = db_text(&rows, 0, 12);
	r->log.route = q->operation_id;
	return find_route(r, q, e) && find_redirect(r, q, e) && find_required(r, q, e);
}

/* The page */

/* What each scope lets a client do, said to the person whose rights they are. */
static const struct {
	const char *scope, *permission;
} scopes[] = {
	{ "mcp:tools", "see the tools, prompts and resources of this service" },
	{ "mcp:tools", "use them in your name, whenever it likes, until you take this back" },
};

static void show_permissions(struct arena *a, const char *scope, struct page_consent *page)
{
	size_t known = sizeof(scopes) / sizeof(scopes[0]), words = 1;
	char *rest = arena_strdup(a, scope);

	for (const char *s = scope; *s; s++)
		words += *s == ' ';
	page->permissions = arena_calloc(a, words * known, sizeof(*page->permissions));
	for (const char *word; (word = strsep(&rest, " "));) {
		size_t before = page->permissions_n;

		for (size_t i = 0; i < known; i++)
			if (!strcmp(scopes[i].scope, word))
				page->permissions[page->permissions_n++].permission =
				    scopes[i].permission;
		if (*word && page->permissions_n == before)
			page->permissions[page->permissions_n++].permission = word;
	}
}

static void show_host(struct arena *a, const char *host, struct page_consent *page)
{
	page->redirect_web = true;
	page->redirect_host = arena_calloc(a, strlen(host) + 1, sizeof(*page->redirect_host));
	while (*host) {
		size_t n = strcspn(host, ".");

		n += host[n] == '.';
		page->redirect_host[page->redirect_host_n++].piece = arena_strndup(a, host, n);
		host += n;
	}
}

/*
 * Where the answer goes. The host is all ASCII (uri_parse), and is never cut: its end is what
 * counts.
 */
static void show_redirect(struct arena *a, const struct uri *u, struct page_consent *page)
{
	bool web = !strcmp(u->scheme, "https") || !strcmp(u->scheme, "http");
	const char *origin = uri_origin(u, a), *mark = strstr(origin, "://");

	if (!web)
		page->redirect_scheme = arena_printf(a, "%s:", u->scheme);
	else if (uri_is_loopback(u->host))
		page->redirect_local = mark + 3;
	else
		show_host(a, mark + 3, page);
}

/*
 * The host that a document was read from is proved, and with it who chose where the answer goes.
 * But an answer to this computer, or to a scheme that any app may claim, proves nothing of who
 * takes it.
 */
static void show_client(struct arena *a, const struct asked *q, struct page_consent *page)
{
	struct uri u;

	page->client_name = html_clean(a, q->client_name, SHOW_NAME_MAX);
	if (!q->client_is_document || !uri_parse(&u, a, q->client_id, NULL) || !u.host)
		return;
	page->client_host = strstr(uri_origin(&u, a), "://") + 3;
	page->client_verified = page->redirect_web;
}

static void show_required(struct req *r, const struct asked *q, struct page_consent *page)
{
	const struct upstream up = { .arena = r->arena, .project = r->project, .route = q->route,
		.conf = q->route->exchange, .origin = r->origin };

	page->blocked = q->required != REQUIRED_NOT;
	page->connect_admin = q->required == REQUIRED_ADMIN;
	if (page->blocked && !page->connect_admin)
		page->connect = required_message(&up, q->required);
}

bool pg_consent_show(struct req *r, struct resp *s, struct err *e)
{
	struct arena *a = r->arena;
	char csrf[CSRF_TEXT];
	const struct ring *ring;
	struct page_consent page = { .host = page_host(r) };
	struct asked q;
	struct form query;

	if (!req_query(r, &query, e) || !form_unique(&query, NULL, e) || !req_ring(r, &ring, e) ||
	    !load(r, form_get(&query, "request"), &q, e))
		return false;
	if (q.decided)
		return refuse(r, "decided", e);
	csrf_make(csrf, ring, q.cookie, q.id);
	page.service_name = show_service(a, q.route, q.operation_id);
	page.service_summary = html_clean(a,
	    q.route->exchange ? q.route->exchange->summary : q.route->description, SHOW_TEXT_MAX);
	page.upstream_host = q.route->upstream.host;
	page.user = show_user(a, q.name, q.email, q.subject, &page.user_detail);
	page.action = page_url(a, req_url(r, "/oauth/setup"));
	page.request = q.id;
	page.csrf = csrf;
	page.grants = page_url(a, req_url(r, "/oauth/grants"));
	show_permissions(a, q.scope, &page);
	show_redirect(a, &q.redirect, &page);
	show_client(a, &q, &page);
	show_required(r, &q, &page);
	return page_send(r, s, 200, &page, q.form_source, e);
}

/* The decision */

/* Said once: a repetition changes nothing and is no event. */
static void emit(const struct req *r, const struct asked *q, bool approved, const char *grant_id)
{
	struct event event =
	    show_event(r, approved ? "mcp_auth_consent_approved" : "mcp_auth_consent_denied",
		approved ? "success" : "denied");

	if (q->decided)
		return;
	event.operation_id = q->operation_id;
	event.upstream_id = q->route->exchange ? q->route->exchange->id : NULL;
	event.upstream_auth_mode = q->route->exchange ? q->route->exchange->auth_mode : NULL;
	event.subject_id = q->subject;
	event.client_id = q->client_id;
	event.client_name = q->client_name;
	event.redirect_host = q->redirect.host;
	event.grant_id = grant_id;
	event_emit(&event);
}

/* Back to the client: CODE or an error, the state as it came, and who answers (RFC 9207). */
static bool answer(struct resp *s, const struct db_rows *rows, const char *name, const char *value)
{
	struct arena *a = s->arena;
	const char *url = uri_add_query(a, db_text(rows, 0, 3), name, value),
		   *state = db_text(rows, 0, 4);

	if (state)
		url = uri_add_query(a, url, "state", state);
	return resp_redirect(s, uri_add_query(a, url, "iss", db_text(rows, 0, 5)));
}

/*
 * The attempt's cookie stays: it expires by itself, and with it a person who presses "back" is
 * told that the request was answered, not that this is another browser.
 */
static bool approve(
    struct req *r, struct resp *s, const struct asked *q, const struct ring *ring, struct err *e)
{
	char grant[UUID_TEXT], code[TOKEN_TEXT];
	const char *pepper;
	struct db_param hash;
	struct db_rows rows;

	rand_uuid(grant);
	token_make(code, TOKEN_CODE);
	hash = token_hash_new(ring, r->arena, code, &pepper);
	const struct db_param params[] = { DB_TEXT(q->id), q->session, q->attempt, DB_TEXT(grant),
		hash, DB_TEXT(pepper), db_int(r->arena, CODE_TTL_S),
		db_int(r->arena, q->route->oauth->refresh_ttl_s), DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_CONSENT_APPROVE, params, 9, r->arena, &rows, e))
		return false;
	if (!rows.rows || strcmp(db_text(&rows, 0, 0), "approved"))
		return refuse(r, rows.rows ? db_text(&rows, 0, 0) : "unknown", e);
	emit(r, q, true, grant);
	return answer(s, &rows, "code", code);
}

static bool cancel(struct req *r, struct resp *s, const struct asked *q, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(q->id), q->session, q->attempt,
		DB_TEXT(r->request_id) };
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_CONSENT_DENY, params, 4, r->arena, &rows, e))
		return false;
	if (!rows.rows || strcmp(db_text(&rows, 0, 0), "denied"))
		return refuse(r, rows.rows ? db_text(&rows, 0, 0) : "unknown", e);
	emit(r, q, false, NULL);
	return answer(s, &rows, "error", "access_denied");
}

/* To the upstream's own sign-in, and back to this page. */
static bool go_on(
    struct req *r, struct resp *s, const struct asked *q, const struct ring *ring, struct err *e)
{
	const struct upstream up = { .arena = r->arena, .project = r->project, .route = q->route,
		.conf = q->route->exchange, .origin = r->origin };
	struct page_continue page = {
		.host = page_host(r),
		.service_name = show_service(r->arena, q->route, q->operation_id),
	};

	if (q->required != REQUIRED_CONNECT && q->required != REQUIRED_RECONSENT)
		return resp_redirect(s,
		    uri_add_query(r->arena, req_url(r, "/oauth/setup"), "request", q->id));
	const char *ticket =
	    ticket_make(ring, r->arena, up.conf->id, q->operation_id, q->subject, q->id);
	const char *url = required_url(&up, ticket);

	page.url = page_url(r->arena, url);
	resp_set(s, "Refresh", arena_printf(r->arena, "0; url=%s", url));
	return page_send(r, s, 200, &page, NULL, e);
}

/* The button is disabled then: whoever gets here all the same is shown the page again. */
static bool check_required(const struct asked *q, struct err *e)
{
	return q->required == REQUIRED_NOT ||
	       err_reason(e, ERR_INVALID_REQUEST, "connect_required",
		   "the service has to be connected before you authorize", "upstream '%s'",
		   q->route->exchange->id);
}

bool pg_consent_decide(struct req *r, struct resp *s, struct err *e)
{
	const char *decision, *id, *cookie;
	const struct ring *ring;
	struct asked q;
	struct form form;

	if (!csrf_check_source(r, e) || !req_form(r, &form, e) || !form_unique(&form, NULL, e) ||
	    !req_ring(r, &ring, e) || !show_session(r, &cookie, e))
		return false;
	id = form_get(&form, "request");
	if (!csrf_check(ring, cookie, id ? id : "", form_get(&form, "csrf"), e) ||
	    !load(r, id, &q, e))
		return false;
	decision = form_get(&form, "decision");
	if (decision && !strcmp(decision, "approve"))
		return check_required(&q, e) && approve(r, s, &q, ring, e);
	if (decision && !strcmp(decision, "continue") && q.route->exchange)
		return go_on(r, s, &q, ring, e);
	if (decision && !strcmp(decision, "cancel"))
		return cancel(r, s, &q, e);
	return err_set(e, ERR_INVALID_REQUEST, "the answer is neither \"authorize\" nor \"cancel\"",
	    "decision '%.32s'", decision ? decision : "");
}
