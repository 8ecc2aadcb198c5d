/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity assertion authorization grants (ID-JAG): a provider that the project trusts says that one
 * of its users may use a client at a resource of ours, and the client gets an access token for it
 * without a browser (RFC 7523, 2.1; protocol §2.10).
 */
#ifndef GATEHOUSE_OAUTH_ID_JAG_H
#define GATEHOUSE_OAUTH_ID_JAG_H

#include "oauth/grant.h"

/*
 * Changes ASSERTION for an access token, once. The client has proved who it is. SCOPE is what it asks
 * for, NULL for all; RESOURCE the canonical form of what it asks for, or NULL. There is no refresh
 * token: the provider is asked again instead. ERR_INVALID_GRANT with a reason that says what is wrong
 * (ep_token.c tells clients nothing of it), ERR_INVALID_SCOPE, ERR_INVALID_TARGET, ERR_UNAVAILABLE
 * where the provider's keys cannot be read now, or as db_call().
 */
bool id_jag_redeem(struct req *, const struct client *, const char *assertion, const char *scope,
    const char *resource, struct pair *, struct err *);

#endif
