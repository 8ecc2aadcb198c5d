/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a code or a refresh token for a pair of tokens. The database decides, in one
 * statement each (sql/fn/oauth-token.sql); here the pair is made, sealed, opened and explained.
 */
#ifndef GATEHOUSE_OAUTH_GRANT_H
#define GATEHOUSE_OAUTH_GRANT_H

#include "oauth/client.h"
#include "oauth/token.h"

struct pair { /* what the client gets; strings in the request's memory */
	char access[TOKEN_TEXT], refresh[TOKEN_TEXT]; /* refresh may be "" */
	const char *grant_id, *subject, *operation_id, *resource, *scope;
	int64_t expires_in_s;
	bool repeated; /* the same pair as before, to a repetition within the grace time */
};

/*
 * Redeems a code. VERIFIER may be NULL or malformed (the code is used up all the same);
 * REDIRECT_URI and RESOURCE are NULL where the request has none. ERR_INVALID_GRANT,
 * ERR_INVALID_TARGET, or as db_call(). What is known of the grant is in the pair then too, for
 * the event; reason `code_replayed` means that it was revoked.
 */
bool grant_redeem(struct req *, const struct client *, const char *code, const char *verifier,
    const char *redirect_uri, const char *resource, struct pair *, struct err *);

/*
 * Rotates a refresh token. SCOPE and RESOURCE are NULL where the request has none.
 * ERR_INVALID_GRANT (reason `refresh_token_reused`: the grant was revoked), ERR_INVALID_SCOPE,
 * ERR_INVALID_TARGET, ERR_RATE (Retry-After is in the response), or as db_call().
 */
bool grant_refresh(struct req *, struct resp *, const struct client *, const char *token,
    const char *scope, const char *resource, struct pair *, struct err *);

#endif
