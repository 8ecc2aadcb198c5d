/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-App Access as a client (protocol 3.10): the identity provider gives, for what it said of a user at
 * sign-in, an assertion for one authorization server (ID-JAG, RFC 8693), and that server a token for it
 * (RFC 7523). No browser is in it; nothing of it is stored but the token.
 */
#ifndef GATEHOUSE_UPSTREAM_ID_JAG_H
#define GATEHOUSE_UPSTREAM_ID_JAG_H

#include "upstream/tokens.h"

/* The resource that is asked for. */
const char *id_jag_resource(const struct exchange_conf *, const struct mcp_route *);

/*
 * Exchanges ID_TOKEN. What a refresh token would be is not looked at: the assertion takes its place.
 * ERR_UPSTREAM with reason
 *   assertion_refused  the provider does not take the ID token any more
 *   token_unavailable  one of the two gives no answer: later perhaps
 *   upstream_auth      one of the two refuses, or does not answer as it should; the detail says which
 * or ERR_UNAVAILABLE (fetch_busy), ERR_CONFIG (client_key).
 */
bool id_jag_get(struct tokens *, struct upstream *, const char *id_token, struct err *);

#endif
