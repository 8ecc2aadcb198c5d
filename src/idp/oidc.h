/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign-in at an OpenID Connect provider: where the browser goes, and what a code that it brings back
 * says about the person. What ties both to one browser (state, nonce, verifier) is the caller's.
 */
#ifndef GATEHOUSE_IDP_OIDC_H
#define GATEHOUSE_IDP_OIDC_H

#include "http/http.h"
#include "idp/identity.h"
#include "json/jose.h"
#include "json/scan.h"

/* The provider in force: what the policy says, completed by its discovery document. */
struct oidc { /* strings in the request's memory; NULL: it has none */
	const struct oauth_conf *conf;
	const char *issuer, *jwks_url, *authorize_url, *token_url, *userinfo_url, *end_session_url;
	enum login_method method;
	bool iss_required;      /* its answers name it (RFC 9207) */
	struct span algorithms; /* that its ID tokens may have; absent: what its keys allow */
	int64_t deadline_ms;    /* for all that it is asked in this request */
};

/* ERR_UPSTREAM and kin where the discovery document cannot be read, or is another issuer's. */
bool oidc_find(struct req *, struct oidc *, struct err *);

struct oidc_ask {
	const char *redirect_uri, *state, *nonce, *challenge; /* challenge NULL: no PKCE */
	const char *login_hint, *prompt;                      /* may be NULL */
};

/* Where the browser goes. In the arena. */
const char *oidc_authorize_url(struct arena *, const struct oidc *, const struct oidc_ask *);

/*
 * Redeems CODE and finds out who it is: token endpoint, keys, ID token, userinfo. VERIFIER may be
 * NULL. Errors, besides those of provider_fetch(): ERR_CONFIG provider_refused_client,
 * ERR_INVALID_REQUEST provider_refused_code, ERR_UPSTREAM with provider_error, token_*, jws_*,
 * jwks_*.
 */
bool oidc_redeem(struct req *, const struct oidc *, const char *code, const char *redirect_uri,
    const char *nonce, const char *verifier, struct identity *, struct err *);

/*
 * Asks again who WHO is, by its refresh token: subject must be what it was. Fills claims (NULL: the
 * provider vouches, but says nothing new) and the tokens that replace those used; a new refresh
 * token also where it fails. Errors as oidc_redeem(): provider_refused_code says that the provider
 * does not vouch any more.
 */
bool oidc_renew(struct req *, const struct oidc *, struct identity *who, struct err *);

/* Whether TOKEN is a logout token of the provider; SUBJECT as struct identity has it. */
bool oidc_logout_token(struct req *, const struct oidc *, const char *token, const char **subject,
    const char **sid, const char **jti, struct err *);

/*
 * Whether a key of the set at JWKS_URL made the signature. A key that our copy of the set lacks may be
 * newer than the copy; WAIT: whoever asks is worth waiting for the answer that another worker gets.
 * ERR_UPSTREAM with jws_no_key or jws_signature, or as document_get().
 */
bool oidc_verify(struct req *, const char *jwks_url, int64_t deadline_ms, const struct jws *,
    bool wait, struct err *);

#endif
