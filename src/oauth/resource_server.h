/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource servers that may introspect tokens: those of introspectionClients in gateway.jsonc, and
 * nobody else. One with a `secretHash` proves who it is by that secret; one without is a
 * client registered here, or a client document, and proves it as such (private_key_jwt, say).
 */
#ifndef GATEHOUSE_OAUTH_RESOURCE_SERVER_H
#define GATEHOUSE_OAUTH_RESOURCE_SERVER_H

#include "http/http.h"

/*
 * Whether the request comes from one. Attempts are counted (RATE_TOKEN) before a secret is looked at,
 * but for those of a server that proved who it is a while ago: it may ask at each of its calls.
 * ERR_INVALID_CLIENT, ERR_INVALID_REQUEST, ERR_RATE, ERR_UNAVAILABLE (others are trying), or as db_call().
 */
bool resource_server_authenticate(
    struct req *, struct resp *, const struct form *, struct err *);

#endif
