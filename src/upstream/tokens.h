/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token endpoint of an upstream's authorization server (RFC 6749, 4.1.3, 5 and 6; RFC 8707), and its
 * revocation endpoint (RFC 7009).
 */
#ifndef GATEHOUSE_UPSTREAM_TOKENS_H
#define GATEHOUSE_UPSTREAM_TOKENS_H

#include "upstream/upstream.h"

struct tokens_client { /* who we are there */
	const char *client_id, *secret; /* NULL: none */
	const char *auth_method;        /* none, client_secret_basic, client_secret_post, private_key_jwt */
	const struct client_conf *key;  /* private_key_jwt: with what it signs; else NULL */
};

struct tokens { /* in the upstream's arena */
	const char *access;
	const char *refresh;   /* NULL: none was given */
	const char *scope;     /* NULL: as it was asked for */
	int64_t expires_in_s;  /* -1: it does not say */
};

/*
 * Asks ENDPOINT for tokens. FORM: names and values in turn, ended by NULL; an empty value is left out.
 * ERR_UPSTREAM with reason
 *   invalid_grant, invalid_client   as it says
 *   token_unavailable               no answer, 5xx, 429, temporarily_unavailable: later perhaps
 *   token_refused                   another error
 *   token_malformed                 no answer that can be used (protocol F101)
 * or ERR_UNAVAILABLE (fetch_busy), or ERR_CONFIG, reason client_key: the key does not sign.
 */
bool tokens_ask(struct tokens *, struct upstream *, const char *endpoint, const struct tokens_client *,
    const char *const *form, struct err *);

/*
 * The same for an exchange (RFC 8693) whose answer must be of type WANTED; its `access_token` is in *TOKEN, and
 * is none that an upstream would take: its token_type is not looked at.
 */
bool tokens_exchange(const char **token, struct upstream *, const char *endpoint, const struct tokens_client *,
    const char *const *form, const char *wanted, struct err *);

/* Revokes a token; what comes of it changes nothing for us. */
void tokens_revoke(struct upstream *, const char *endpoint, const struct tokens_client *, const char *token,
    const char *hint);

#endif
