/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sign-in in progress. It belongs to an authorization request and, through the cookie of that
 * attempt, to one browser; nothing else of it is stored. What goes to the provider (state, nonce,
 * PKCE verifier) follows from the cookie, so that neither the database nor another browser can make
 * it, and from the issuer, so that an answer meant for another provider does not fit.
 */
#ifndef GATEHOUSE_OAUTH_LOGIN_H
#define GATEHOUSE_OAUTH_LOGIN_H

#include "base/b64.h"
#include "http/http.h"
#include "idp/identity.h"
#include "keys/seal.h"

enum { LOGIN_TIE_TEXT = B64URL_LEN(KEY_LEN) + 1 };

struct login_ties {
	char state[UUID_TEXT + LOGIN_TIE_TEXT]; /* "REQUEST.43 characters" */
	char nonce[LOGIN_TIE_TEXT];
	char verifier[LOGIN_TIE_TEXT]; /* 43 characters, as RFC 7636 wants at least */
};

/* COOKIE is the value of the attempt's cookie. */
void login_ties(
    struct login_ties *, const char *request_id, const char *cookie, const char *issuer);

/* The URL of the provider's answers. In the arena. */
const char *login_redirect_uri(const struct req *);

/* ERR_INVALID_REQUEST for an outcome of sql/fn/login.sql that is none of success. Returns false. */
bool login_refuse(struct err *, const char *outcome);

/* A new session for whoever signed in; the request goes on under it. */
bool login_begin_session(
    struct req *, struct resp *, const struct identity *, const char *request_id, struct err *);

/*
 * Each attempt has a cookie, and a browser that never finishes one would send us all of them
 * until its requests are too large: past a good number all but the new one go.
 */
void login_drop_attempts(struct req *, struct resp *);

struct login_way { /* an attempt that was written down */
	const char *request_id, *cookie;
	const char *login_hint, *prompt; /* for the provider; NULL: none */
};

/* Sends the browser to sign in. Errors as oidc_find(); the event of a failure is written. */
bool login_go(struct req *, struct resp *, const struct login_way *, struct err *);

/*
 * Sends the browser on that has signed in for this attempt: an application's goes to the consent page, one
 * of ep_sign_in to the address that was sealed for it (below {b}, with its query).
 */
bool login_next(struct req *, struct resp *, const char *request_id, struct err *);
struct blob login_seal_return(
    const struct ring *, struct arena *, const char *request_id, const char *path);

/* SHA-256 of issuer and SID as the database keeps it; SQL null for none. */
struct db_param login_sid_hash(struct arena *, const char *issuer, const char *sid);

#endif
