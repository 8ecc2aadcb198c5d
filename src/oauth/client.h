/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the authorization server, and how it proves who it is (RFC 6749, 2.3). */
#ifndef GATEHOUSE_OAUTH_CLIENT_H
#define GATEHOUSE_OAUTH_CLIENT_H

#include "http/http.h"
#include "oauth/cimd.h"

/* The grant type of identity assertions (RFC 7523, 2.1). */
#define GRANT_JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer"

struct client { /* in the request's memory */
	const char *id, *name;
	const char *auth_method;     /* as struct client_metadata has it */
	struct db_param secret_hash; /* SQL null for a public client */
	const char *pepper_id;
	const char *const *redirect_uris;
	size_t redirect_uris_n;
	bool may_refresh; /* it registered the refresh_token grant */
	bool may_assert;  /* and GRANT_JWT_BEARER */
	/* private_key_jwt: one of the first two, and NULL or the one algorithm */
	const char *jwks, *jwks_uri, *signing_alg;
};

/* What a request says about who sent it, before anything of it is proved. */
struct client_claim {
	const char *id, *secret;      /* the secret may be NULL */
	bool basic;                   /* in the Authorization header */
	struct client_claim *decoded; /* basic: the same, form-decoded, where that differs */
	struct assertion *assertion;  /* instead of a secret; NULL: none */
};

/* Reads it from header or form. ERR_INVALID_REQUEST for more than one method, ERR_INVALID_CLIENT. */
bool client_claim_read(struct req *, const struct form *, struct client_claim *, struct err *);

/*
 * The client of this id, registered or a document, which is as new as USE demands.
 * ERR_INVALID_CLIENT if there is none, or it has expired; ERR_UNAVAILABLE if its document cannot be
 * read now.
 */
bool client_find(struct req *, struct client *, const char *client_id, enum cimd_use, struct err *);

/*
 * Who sent the request to the token or revocation endpoint: client_id and secret of the
 * Authorization header or the form, or a signed assertion, by the method that the client
 * registered, and no other. A document is as new as USE demands (CIMD_KEPT, and for keys anyway CIMD_KEYS;
 * CIMD_ASSERT only where an identity assertion is served: it fetches for whoever asks). Counts the request (RATE_TOKEN) before a secret is looked at; names the
 * client in the request's event. ERR_INVALID_REQUEST for more than one method at once,
 * ERR_INVALID_CLIENT, ERR_RATE, or as db_call().
 */
bool client_authenticate(struct req *, struct resp *, const struct form *, enum cimd_use, struct client *,
    struct err *);

/* Whether URI is one of the client's. */
bool client_has_redirect(const struct client *, const char *uri);

#endif
