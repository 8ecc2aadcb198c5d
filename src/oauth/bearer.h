/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens at a route (RFC 6750, RFC 8707): what a presented token says, from the cache or the
 * database. Only what takes rights away notifies; so the cache believes itself for at most 30 s, only while
 * the server answers the listening connection, and never stores what a notification may have overtaken.
 */
#ifndef GATEHOUSE_OAUTH_BEARER_H
#define GATEHOUSE_OAUTH_BEARER_H

#include "conf/project.h"
#include "db/db.h"
#include "keys/ring.h"

struct bearer { /* strings live in the arena given */
	const char *token_id, *grant_id, *client_id, *client_name, *subject, *scope;
	const char *resource, *operation_id;
	int64_t expires_ms; /* on clock_ms() */
	int64_t grant_expires_ms; /* likewise: how long a stream may go on */
	const char *claims; /* the user's: the text of a JSON object; NULL: none, or not kept */
};

struct bearer_cache;

/*
 * Starts listening. ON_REVOKED (may be NULL) runs in the listener's thread when a grant ended, with its
 * id; with NULL when anything may have: the connection was lost for a while, or somebody's rights as a whole ended.
 * ON_LISTS (may be NULL) likewise, when another process was told that the lists of a route have changed; with NULL when
 * that may have been missed.
 */
struct bearer_cache *bearer_cache_start(const struct project *, const char *program,
    void (*on_revoked)(void *own, const char *grant_id), void (*on_lists)(void *own, const char *operation_id), void *own);
void bearer_cache_stop(struct bearer_cache *);

/* Whether entries keep the claims, which may be large: only where a policy decides by them. CACHE may be NULL. */
void bearer_cache_want_claims(struct bearer_cache *, bool);

/*
 * AUTHORIZATION is the header's value, or NULL. False with
 *   ERR_INVALID_TOKEN       reason missing_token (no header, or another scheme), malformed_token, unknown_token,
 *                           expired_token, revoked_token, invalid_audience (another route's: resource AND
 *                           operation must agree)
 *   ERR_INVALID_REQUEST     malformed_token: nothing behind the scheme, two tokens, a comma or blank inside, too long
 *   ERR_INSUFFICIENT_SCOPE
 *   as db_call()
 * RESOURCE is the route's canonical resource URI ({origin}{path}). CACHE may be NULL. MAX: limits.authorization.
 */
bool bearer_check(struct bearer *, struct arena *, struct db *, const struct ring *, struct bearer_cache *,
    const char *authorization, size_t max, const char *resource, const char *operation_id, struct err *);

/* The token of the header, in the arena. Errors as above; for tests and fuzzing. */
const char *bearer_parse(struct arena *, const char *authorization, size_t max, struct err *);

#endif
