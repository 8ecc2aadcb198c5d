/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens at a route (RFC 6750, RFC 8707): what a presented token says, from the cache or
 * the database. The cache (threads only) obeys notifications: see HACKING, "token cache".
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
};

struct bearer_cache;
/* LISTENs by itself; NULL conninfo: libpq's environment. */
struct bearer_cache *bearer_cache_start(const struct project *, const char *program);
void bearer_cache_stop(struct bearer_cache *);

/*
 * AUTHORIZATION is the header's value, or NULL. False with
 *   ERR_INVALID_TOKEN  reason missing_token (no header or another scheme), malformed_token, unknown_token,
 *                      expired_token, revoked_token, invalid_audience (another route's: resource AND operation must agree)
 *   ERR_INVALID_REQUEST two tokens, a comma or blank inside
 *   ERR_INSUFFICIENT_SCOPE
 *   ERR_UNAVAILABLE    the database
 * RESOURCE is the route's canonical resource URI ({origin}{path}). CACHE may be NULL.
 */
bool bearer_check(struct bearer *, struct arena *, struct db *, const struct ring *, struct bearer_cache *,
    const char *authorization, const char *resource, const char *operation_id, struct err *);

#endif
