/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two cookies of the browser's side: the session of whoever signed in, and one for each
 * attempt to authorize a client, which ties the attempt to the browser that began it (security
 * §3.9). Their values are tokens; the database looks them up by hash.
 */
#ifndef GATEHOUSE_OAUTH_SESSION_H
#define GATEHOUSE_OAUTH_SESSION_H

#include "http/http.h"

#define SESSION_COOKIE "gatehouse_session"

/*
 * The hashes to look the browser's session up by; SQL null if it sent no cookie, or none of the
 * right form. False with ERR_CONFIG if there is no key ring.
 */
bool session_hashes(struct req *, struct db_param *hashes, struct err *);

/* The same for the attempt REQUEST_ID (a UUID in lower case). */
bool attempt_hashes(struct req *, const char *request_id, struct db_param *hashes, struct err *);

/*
 * The attempt's cookie, without the origin's prefix: "gatehouse_request_0123456789abcdef". In
 * the arena.
 */
const char *attempt_cookie(struct arena *, const char *request_id);

/* Whether TEXT (may be NULL) is a UUID in lower case, as we make them. */
bool request_id_is_valid(const char *text);

/* Who is signed in with the browser. */
struct session { /* in the request's memory */
	const char *subject, *name, *email; /* the last two may be NULL */
	int64_t expires_in_s;
};

/* False with e->code ERR_NONE if nobody is; else as db_call() and session_hashes(). */
bool session_find(struct req *, struct session *, struct err *);

/*
 * The proof, for console.fcgi, that CLAIM of the person who signed in had VALUE, an administrator's: a MAC under the session
 * key over both and the session's cookie. In the arena.
 */
enum { SESSION_ADMIN_MARKS = 16 /* at most, of a session */ };
const char *session_admin_mark(
    struct arena *, const struct ring *, const char *cookie, const char *claim, const char *value);

/*
 * Who is signed in and may open the operators' pages: false with e->code ERR_NONE if nobody is signed in;
 * ERR_FORBIDDEN, reason not_admin, for somebody who had none of the claims that count by the project now.
 */
bool session_find_admin(struct req *, struct session *, struct err *);

#endif
