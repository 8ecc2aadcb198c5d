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

/* SHA-256 of issuer and SID as the database keeps it; SQL null for none. */
struct db_param login_sid_hash(struct arena *, const char *issuer, const char *sid);

#endif
