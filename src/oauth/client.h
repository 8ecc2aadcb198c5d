/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the authorization server, and how it proves who it is (RFC 6749, 2.3). */
#ifndef GATEHOUSE_OAUTH_CLIENT_H
#define GATEHOUSE_OAUTH_CLIENT_H

#include "http/http.h"

struct client { /* in the request's memory */
	const char *id, *name;
	const char *auth_method;      /* "none", "client_secret_basic", "client_secret_post" */
	struct db_param secret_hash;  /* SQL null for a public client */
	const char *pepper_id;
	const char *const *redirect_uris;
	size_t redirect_uris_n;
	bool may_refresh;             /* it registered the refresh_token grant */
};

/* The client of this id. ERR_INVALID_CLIENT if there is none, or it has expired. */
bool client_find(struct req *, struct client *, const char *client_id, struct err *);

/* What a request says about who sent it. */
struct client_claim {
	const char *id, *secret; /* the secret may be NULL */
	bool basic;              /* in the Authorization header */
	struct client_claim *decoded; /* basic: the same, form-decoded, where that differs */
};

/*
 * Reads client_id and secret from the Authorization header or the form. ERR_INVALID_REQUEST for more than one
 * method at once; ERR_INVALID_CLIENT where no client is named.
 */
bool client_claim_read(struct req *, const struct form *, struct client_claim *, struct err *);

/* The client that the claim names, raw or form-decoded. As client_find(). */
bool client_of_claim(struct req *, struct client *, const struct client_claim *, struct err *);

/*
 * Whether the claim proves to be the client: by the method that it registered, and no other.
 * ERR_INVALID_CLIENT.
 */
bool client_verify(struct req *, const struct client *, const struct client_claim *, struct err *);

/* Whether URI is one of the client's. */
bool client_has_redirect(const struct client *, const char *uri);

#endif
