/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that prove with a signature who they are: private_key_jwt (RFC 7523, 2.2 and 3, as
 * draft-ietf-oauth-rfc7523bis narrows it; protocol §2.9). The keys are those of the client's
 * registration, `jwks`, or what stands at its `jwks_uri`.
 */
#ifndef GATEHOUSE_OAUTH_ASSERTION_H
#define GATEHOUSE_OAUTH_ASSERTION_H

#include "http/http.h"
#include "json/jose.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct client;

struct assertion {
	struct jws jws;
	const char *subject; /* not proved yet: whom it claims to come from */
};

/*
 * Takes an assertion apart. ERR_INVALID_CLIENT; reason jws_malformed or jws_algorithm,
 * assertion_type (its `typ` is that of something else), assertion_subject (iss and sub are not the
 * same).
 */
bool assertion_read(struct assertion *, struct arena *, const char *text, struct err *);

/*
 * Whether it proves to be the client, now, here and for the first time. It is used up only when
 * everything else about it is right. ERR_INVALID_CLIENT with a reason that says what is not;
 * ERR_UNAVAILABLE where the client's keys cannot be read now.
 */
bool assertion_verify(struct req *, const struct client *, const struct assertion *, struct err *);

#endif
