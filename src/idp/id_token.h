/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of a token that an identity provider signed (OpenID Connect Core, 3.1.3.7;
 * Back-Channel Logout, 2.6; protocol §2.10), besides its signature. No I/O.
 *
 * Reasons: token_type, token_issuer, token_subject, token_audience, token_times, token_nonce,
 * token_hash, token_event, token_id, token_client, token_resource, token_scope, token_binding,
 * token_details. All are ERR_UPSTREAM.
 */
#ifndef GATEHOUSE_IDP_ID_TOKEN_H
#define GATEHOUSE_IDP_ID_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/jose.h"

enum { SUBJECT_MAX = 255, TOKEN_SKEW_S = 60 /* clocks may differ by this */ };

struct token_want {
	const char *issuer, *client_id;
	int64_t now_s;            /* seconds since 1970 */
	const char *nonce;        /* NULL: none is asked for (a renewal) */
	const char *access_token; /* for at_hash; NULL: none came */
};

/* An ID token. *SUB is its subject, in the arena. */
bool id_token_check(
    const struct jws *, const struct token_want *, struct arena *, const char **sub, struct err *);

/*
 * A signed access token, of which only issuer, times, and AUDIENCE are looked at. OPTIONAL: it may
 * lack `aud`.
 */
bool access_token_check(const struct jws *, const struct token_want *, const char *audience,
    bool optional, struct arena *, const char **sub, struct err *);

/*
 * A logout token: *SUB and *SID are NULL where it has none, but never both. It serves until
 * LOGOUT_AGE_S after it was issued; within that time *JTI tells it from others of its issuer.
 */
bool logout_token_check(const struct jws *, const struct token_want *, struct arena *,
    const char **sub, const char **sid, const char **jti, struct err *);
enum { LOGOUT_AGE_S = 600 };

/* What an identity assertion authorization grant (ID-JAG) says. In the arena. */
struct id_jag {
	const char *sub, *audience, *client_id, *resource, *jti;
	const char *tenant, *scope; /* NULL: none */
	struct jwt_times times;     /* exp and iat are there; the database judges them */
	struct span details;        /* authorization_details, p NULL: none */
};

/*
 * Whether it is one, of this issuer, with all that it must have, and for anybody who presents it.
 * Whether it is for us, for this client and new, is the caller's to find out.
 */
bool id_jag_read(
    struct id_jag *, const struct jws *, const char *issuer, struct arena *, struct err *);

/* Whether all its authorization details are of TYPES (ended by NULL; NULL: none is). */
bool id_jag_details_are(const struct id_jag *, const char *const *types, struct err *);

#endif
