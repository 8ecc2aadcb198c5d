/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/oauth/sign-in?return=PATH: signs the person in for whom an address of ours is, and goes there. No
 * application asks for it, and it gives nobody a right: only a session to the browser. It leads to a few
 * addresses below {b}, and never away from here.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "oauth/login.h"
#include "oauth/rate.h"
#include "oauth/session.h"
#include "oauth/token.h"

#include <string.h>

enum { RETURN_MAX = 4096 };

/* What a sign-in may lead to, as beginnings. */
static const char *const places[] = { "/auth/connections/", "/oauth/grants", "/console/", NULL };

static const char path_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/?&=%:,@";

/*
 * Whether PATH is one of ours: it begins like one, and has nothing that a browser, a proxy or a header
 * could read as anything else.
 */
static bool is_place(const char *path)
{
	size_t n = strcspn(path, "?");

	if (strlen(path) > RETURN_MAX || strspn(path, path_chars) != strlen(path) ||
	    strcspn(path, "%") < n || strstr(path, "//") || strstr(path, "/."))
		return false;
	for (const char *const *p = places; *p; p++) {
		size_t len = strlen(*p);

		if (n >= len && !strncmp(path, *p, len) && ((*p)[len - 1] == '/' || n == len))
			return true;
	}
	return false;
}

const char *sign_in_url(const struct req *r, const char *path)
{
	return uri_add_query(r->arena, req_url(r, "/oauth/sign-in"), "return", path);
}

static bool begin(struct req *r, struct resp *p, const char *path, const char *request_id,
    const char *cookie, struct err *e)
{
	int64_t ttl_s = r->project->oauth->state_ttl_s;
	const char *pepper_id;
	const struct ring *ring;

	if (!req_ring(r, &ring, e))
		return false;
	const struct db_param hash = token_hash_new(ring, r->arena, cookie, &pepper_id);
	const struct blob sealed = login_seal_return(ring, r->arena, request_id, path);
	const struct db_param params[] = { DB_TEXT(request_id), hash, DB_TEXT(pepper_id),
		DB_BYTES(sealed.p, sealed.n), db_int(r->arena, ttl_s) };

	if (!db_call(r->app->db, STMT_SIGN_IN_BEGIN, params, 5, r->arena, NULL, e))
		return false;
	login_drop_attempts(r, p);
	resp_cookie(r, p, attempt_cookie(r->arena, request_id), cookie, ttl_s);
	return true;
}

bool ep_sign_in(struct req *r, struct resp *p, struct err *e)
{
	char request_id[UUID_TEXT], cookie[TOKEN_TEXT];
	const char *path;
	struct form query;

	if (!req_query(r, &query, e) || !form_unique(&query, NULL, e) ||
	    !rate_take(r, p, RATE_AUTHORIZE, NULL, e))
		return false;
	path = form_get(&query, "return");
	if (!path || !is_place(path))
		return err_reason(e, ERR_INVALID_REQUEST, "unknown_place",
		    "the address of this page is not complete, or leads nowhere", "return");
	rand_uuid(request_id);
	token_make(cookie, TOKEN_ATTEMPT);
	const struct login_way way = { .request_id = request_id, .cookie = cookie };

	return begin(r, p, path, request_id, cookie, e) && login_go(r, p, &way, e);
}
