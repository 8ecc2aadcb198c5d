/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/oauth/logout: ends the session of this browser here, and takes the browser to the provider's
 * sign-out where it has one (OpenID Connect RP-Initiated Logout). What clients may do stays: that is
 * taken back on the page of grants.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "idp/claims.h"
#include "idp/oidc.h"
#include "oauth/logout.h"
#include "oauth/session.h"
#include "page/csrf.h"
#include "page/page.h"

#include <string.h>

static bool check_form(struct req *r, const char *cookie, struct err *e)
{
	const struct ring *ring;
	struct form form;

	return csrf_check_source(r, e) && req_form(r, &form, e) && form_unique(&form, NULL, e) &&
	       req_ring(r, &ring, e) &&
	       csrf_check(ring, cookie ? cookie : "", LOGOUT_FORM, form_get(&form, "csrf"), e);
}

/*
 * Where the provider ends its own session; NULL if it has no such place, or cannot be asked: the
 * session here has ended in any case.
 */
static const char *provider_url(struct req *r, const struct db_rows *rows)
{
	struct err why = { .code = ERR_NONE };
	struct identity who = { .subject = NULL };
	struct db_param sealed;
	const struct ring *ring;
	struct oidc provider;
	const char *url;

	if (!rows->rows || !db_text(rows, 0, 1) || r->project->oauth->dev_login ||
	    !oidc_find(r, &provider, &why) || !provider.end_session_url)
		return NULL;
	url = uri_add_query(
	    r->arena, provider.end_session_url, "client_id", provider.conf->login_client_id);
	sealed = db_bytes_at(rows, 0, 2, r->arena);
	if (sealed.value && req_ring(r, &ring, &why) &&
	    tokens_open(ring, r->arena, db_text(rows, 0, 1),
		(struct blob){ sealed.value, sealed.len }, &who, &why) &&
	    who.id_token)
		url = uri_add_query(r->arena, url, "id_token_hint", who.id_token);
	return url;
}

/*
 * No redirect: the page that posts here allows no other place in its form-action, and the person
 * reads what has happened before the provider asks its own questions.
 */
static bool answer(struct req *r, struct resp *p, const char *url, struct err *e)
{
	struct page_signed_out page = { .host = page_host(r) };
	struct uri u;

	if (url && uri_parse(&u, r->arena, url, NULL)) {
		page.provider = u.host;
		page.provider_url = page_url(r->arena, url);
		resp_set(p, "Refresh", arena_printf(r->arena, "2; url=%s", url));
	}
	return page_send(r, p, 200, &page, NULL, e);
}

bool ep_logout(struct req *r, struct resp *p, struct err *e)
{
	const char *cookie = req_cookie(r, cookie_name(r, SESSION_COOKIE));
	struct db_param params[2];
	struct db_rows rows;

	if (!check_form(r, cookie, e) || !session_hashes(r, &params[0], e))
		return false;
	params[1] = DB_TEXT(r->request_id);
	if (!db_call(r->app->db, STMT_SESSION_LOGOUT, params, 2, r->arena, &rows, e))
		return false;
	resp_cookie(r, p, SESSION_COOKIE, "", -1);
	if (rows.rows) {
		r->event.subject_id = db_text(&rows, 0, 0);
		auth_event(r, "mcp_auth_logout", "success", NULL);
	}
	return answer(r, p, provider_url(r, &rows), e);
}
