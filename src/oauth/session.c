/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies of the browser session and of attempts to authorize. */
#include "config.h"

#include "oauth/session.h"

#include "oauth/token.h"
#include "page/csrf.h"

#include <string.h>

static bool cookie_hashes(struct req *r, const char *name, enum token_kind kind,
    struct db_param *hashes, struct err *e)
{
	const char *value = req_cookie(r, cookie_name(r, name));
	const struct ring *ring;

	*hashes = DB_NULL;
	if (!req_ring(r, &ring, e))
		return false;
	if (token_is(value, kind))
		*hashes = token_hashes(ring, r->arena, value);
	return true;
}

bool session_hashes(struct req *r, struct db_param *hashes, struct err *e)
{
	return cookie_hashes(r, SESSION_COOKIE, TOKEN_SESSION, hashes, e);
}

bool attempt_hashes(struct req *r, const char *request_id, struct db_param *hashes, struct err *e)
{
	return cookie_hashes(r, attempt_cookie(r->arena, request_id), TOKEN_ATTEMPT, hashes, e);
}

const char *attempt_cookie(struct arena *a, const char *request_id)
{
	/* the first 16 hex digits of the UUID */
	return arena_printf(a, "gatehouse_request_%.8s%.4s%.4s", request_id, request_id + 9,
	    request_id + 14);
}

bool request_id_is_valid(const char *s)
{
	if (!s || strlen(s) != UUID_TEXT - 1)
		return false;
	for (int i = 0; s[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
			return false;
	}
	return true;
}

bool session_find(struct req *r, struct session *s, struct err *e)
{
	struct db_param params[2];
	const struct ring *ring;
	struct db_rows rows;

	*s = (struct session){ .subject = NULL };
	if (!req_ring(r, &ring, e) || !session_hashes(r, &params[0], e))
		return false;
	if (!params[0].value)
		return false;
	params[1] = DB_TEXT(ring_primary(ring, KEY_PEPPER)->id);
	if (!db_call(r->app->db, STMT_SESSION_FIND, params, 2, r->arena, &rows, e))
		return false;
	if (!rows.rows)
		return false;
	s->subject = db_text(&rows, 0, 0);
	s->name = db_text(&rows, 0, 1);
	s->email = db_text(&rows, 0, 2);
	s->expires_in_s = db_int_at(&rows, 0, 4);
	return true;
}

static const char *admin_form(struct arena *a, const char *claim, const char *value)
{
	return arena_printf(a, "administrator %zu %s %s", strlen(claim), claim, value);
}

const char *session_admin_mark(
    struct arena *a, const struct ring *ring, const char *cookie, const char *claim, const char *value)
{
	char *mark = arena_alloc(a, CSRF_TEXT);

	csrf_make(mark, ring, cookie, admin_form(a, claim, value));
	return mark;
}

static bool is_admin(struct req *r, const struct ring *ring, const char *cookie, char *marks)
{
	const struct project *p = r->project;
	bool found = false;

	for (const char *mark; (mark = strsep(&marks, " "));)
		for (const char *const *v = p->console_values; *v; v++) {
			struct err none = { .code = ERR_NONE };

			found |= csrf_check(ring, cookie, admin_form(r->arena, p->console_claim, *v), mark, &none);
		}
	return found;
}

bool session_find_admin(struct req *r, struct session *s, struct err *e)
{
	struct db_param hashes;
	const struct ring *ring;
	struct db_rows rows;
	const char *marks;

	*s = (struct session){ .subject = NULL };
	if (!req_ring(r, &ring, e) || !session_hashes(r, &hashes, e) || !hashes.value ||
	    !db_call(r->app->db, STMT_SESSION_OF_ADMIN, &hashes, 1, r->arena, &rows, e) || !rows.rows)
		return false;
	s->subject = db_text(&rows, 0, 0);
	s->name = db_text(&rows, 0, 1);
	s->email = db_text(&rows, 0, 2);
	marks = db_text(&rows, 0, 3);
	return (marks && is_admin(r, ring, req_cookie(r, cookie_name(r, SESSION_COOKIE)),
			     arena_strdup(r->arena, marks))) ||
	       err_reason(e, ERR_FORBIDDEN, "not_admin", "these pages are for administrators of the gateway",
		   "subject '%s'", s->subject);
}
