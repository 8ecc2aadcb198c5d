/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of grants: what the person who is signed in has allowed to whom, and a button that
 * ends it.
 */
#include "config.h"

#include "consent/consent.h"

#include <string.h>
#include <time.h>

#include "consent/show.h"
#include "oauth/logout.h"
#include "oauth/session.h"
#include "page/csrf.h"
#include "page/html.h"
#include "page/page.h"
#include "upstream/connect.h"

enum { GRANTS_MAX = 100 };

/* The name of this page's form, in the place of a request's id. */
#define FORM "grants"

/* "21 Nov 2026", and as RFC 3339. */
static const char *show_date(struct arena *a, int64_t s, const char **machine)
{
	time_t t = (time_t)s;
	char day[40] = "", text[24] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm)) {
		strftime(day, sizeof(day), "%e %b %Y", &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	*machine = arena_strdup(a, text);
	return arena_strdup(a, *day == ' ' ? day + 1 : day);
}

static void show_row(
    struct req *r, const struct db_rows *rows, size_t i, struct page_grants_row *row)
{
	const char *operation = db_text(rows, i, 2);

	row->grant_id = db_text(rows, i, 0);
	row->client_name = html_clean(r->arena, db_text(rows, i, 1), SHOW_NAME_MAX);
	row->service_name =
	    show_service(r->arena, project_route_by_operation(r->project, operation), operation);
	row->since = show_date(r->arena, db_int_at(rows, i, 3), &row->since_time);
	row->last_used = show_date(r->arena, db_int_at(rows, i, 4), &row->last_used_time);
}

static void show_connection(struct req *r, const struct db_rows *rows, size_t i,
    struct page_grants_connection_row *row)
{
	const char *id = db_text(rows, i, 0);
	struct upstream up = { .arena = r->arena, .project = r->project };

	row->connection_id = id;
	/* one that is no longer in the project has its id alone */
	row->connection_name =
	    upstream_find(&up, id, NULL) ? show_service(r->arena, up.route, id) : id;
	row->lost = strcmp(db_text(rows, i, 1), "connected") != 0;
	row->issuer = html_clean(r->arena, db_text(rows, i, 2), SHOW_TEXT_MAX);
	row->connected = show_date(r->arena, db_int_at(rows, i, 4), &row->connected_time);
	row->disconnect = page_url(r->arena,
	    req_url(r, arena_printf(r->arena, "/auth/connections/%s/disconnect", id)));
}

static bool show_connections(struct req *r, struct page_grants *page, const struct db_param *params,
    struct err *e)
{
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_CONNECTIONS_OF_SESSION, params, 2, r->arena, &rows, e))
		return false;
	page->more |= rows.rows > GRANTS_MAX;
	page->connections_n = rows.rows > GRANTS_MAX ? GRANTS_MAX : rows.rows;
	page->connections =
	    arena_calloc(r->arena, page->connections_n + 1, sizeof(*page->connections));
	for (size_t i = 0; i < page->connections_n; i++)
		show_connection(r, &rows, i, &page->connections[i]);
	return true;
}

/* Who looks at the page; ERR_FORBIDDEN if nobody is signed in. */
static bool find_person(struct req *r, const char **cookie, struct session *s, struct err *e)
{
	const char *text = "nobody is signed in here";

	*cookie = req_cookie(r, cookie_name(r, SESSION_COOKIE));
	if (session_find(r, s, e))
		return true;
	return e->code ? false : err_reason(e, ERR_FORBIDDEN, "sign_in_first", text, "");
}

bool pg_grants_show(struct req *r, struct resp *s, struct err *e)
{
	char csrf[CSRF_TEXT], logout_csrf[CSRF_TEXT], disconnect_csrf[CSRF_TEXT];
	const char *cookie;
	const struct ring *ring;
	struct page_grants page = { .host = page_host(r) };
	struct session person;
	struct db_param params[2];
	struct db_rows rows;
	struct form query;

	if (!req_query(r, &query, e) || !req_ring(r, &ring, e) ||
	    !find_person(r, &cookie, &person, e) || !session_hashes(r, &params[0], e))
		return false;
	params[1] = db_int(r->arena, GRANTS_MAX + 1);
	if (!db_call(r->app->db, STMT_GRANTS_OF_SESSION, params, 2, r->arena, &rows, e))
		return false;
	csrf_make(csrf, ring, cookie, FORM);
	csrf_make(logout_csrf, ring, cookie, LOGOUT_FORM);
	csrf_make(disconnect_csrf, ring, cookie, DISCONNECT_FORM);
	page.user =
	    show_user(r->arena, person.name, person.email, person.subject, &page.user_detail);
	page.more = rows.rows > GRANTS_MAX;
	page.grants_n = page.more ? GRANTS_MAX : rows.rows;
	page.grants = arena_calloc(r->arena, page.grants_n + 1, sizeof(*page.grants));
	for (size_t i = 0; i < page.grants_n; i++)
		show_row(r, &rows, i, &page.grants[i]);
	if (!show_connections(r, &page, params, e))
		return false;
	page.disconnect_csrf = disconnect_csrf;
	page.action = page_url(r->arena, req_url(r, "/oauth/grants"));
	page.csrf = csrf;
	page.logout = page_url(r->arena, req_url(r, "/oauth/logout"));
	page.logout_csrf = logout_csrf;
	page.revoked = form_get(&query, "revoked") != NULL;
	return page_send(r, s, 200, &page, "", e);
}

static void emit(const struct req *r, const struct db_rows *rows, const char *grant_id)
{
	struct event event = show_event(r, "mcp_auth_downstream_token_revoked", "success");

	event.reason_code = "revoked_by_user";
	event.grant_id = grant_id;
	event.client_id = db_text(rows, 0, 1);
	event.client_name = db_text(rows, 0, 2);
	event.operation_id = db_text(rows, 0, 3);
	event.subject_id = db_text(rows, 0, 4);
	event_emit(&event);
}

bool pg_grants_revoke(struct req *r, struct resp *s, struct err *e)
{
	const char *cookie, *grant;
	const struct ring *ring;
	struct session person;
	struct db_param params[3];
	struct db_rows rows;
	struct form form;

	if (!csrf_check_source(r, e) || !req_form(r, &form, e) || !form_unique(&form, NULL, e) ||
	    !req_ring(r, &ring, e) || !find_person(r, &cookie, &person, e) ||
	    !csrf_check(ring, cookie, FORM, form_get(&form, "csrf"), e) ||
	    !session_hashes(r, &params[0], e))
		return false;
	grant = form_get(&form, "grant");
	if (!request_id_is_valid(grant))
		return err_set(
		    e, ERR_INVALID_REQUEST, "there is no such access to revoke", "grant id");
	params[1] = DB_TEXT(grant);
	params[2] = DB_TEXT(r->request_id);
	if (!db_call(r->app->db, STMT_GRANT_REVOKE_OWN, params, 3, r->arena, &rows, e))
		return false;
	if (!rows.rows || !strcmp(db_text(&rows, 0, 0), "unknown"))
		return err_set(e, ERR_INVALID_REQUEST, "there is no such access to revoke",
		    "grant '%s'", grant);
	if (!strcmp(db_text(&rows, 0, 0), "revoked"))
		emit(r, &rows, grant);
	return resp_redirect(s, req_url(r, "/oauth/grants?revoked=1"));
}
