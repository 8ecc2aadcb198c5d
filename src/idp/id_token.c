/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of signed tokens, one check a function. */
#include "config.h"

#include "idp/id_token.h"

#include "base/b64.h"
#include "base/hash.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define LOGOUT_EVENT "http://schemas.openid.net/event/backchannel-logout"

static bool refuse(struct err *e, const char *reason, const char *detail)
{
	return err_reason(e, ERR_UPSTREAM, reason,
	    "the sign-in provider's answer cannot be trusted", "%s", detail);
}

/* No typ, "JWT", or ALLOWED (RFC 7519, 5.1). */
static bool check_type(const struct jws *j, const char *allowed, struct err *e)
{
	const char *typ = j->typ;

	if (typ && !strncasecmp(typ, "application/", 12))
		typ += 12;
	return !typ || !strcasecmp(typ, "JWT") || (allowed && !strcasecmp(typ, allowed)) ||
	       refuse(e, "token_type", "typ is that of another kind of token");
}

/* The same bytes: issuers are not normalised. */
static bool check_issuer(struct span claims, const struct token_want *want, struct err *e)
{
	return scan_string_is(scan_member(claims, "iss"), want->issuer) ||
	       refuse(e, "token_issuer", "iss is missing, or another issuer");
}

/* A name that can be kept, shown in a log, and be part of another. NULL if it is none. */
static const char *read_name(struct span claims, const char *name, struct arena *a)
{
	const char *s = scan_string(scan_member(claims, name), a);

	if (!s || !*s || strlen(s) > SUBJECT_MAX)
		return NULL;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	return s;
}

static bool check_subject(struct span claims, struct arena *a, const char **sub, struct err *e)
{
	*sub = read_name(claims, "sub", a);
	return *sub ||
	       refuse(e, "token_subject", "sub is missing, empty, too long, or no plain text");
}

/* Whether `aud` names AUDIENCE; *N is how many it names. Anything in it but texts is an error. */
static bool has_audience(struct span claims, const char *audience, size_t *n)
{
	struct span aud = scan_member(claims, "aud"), one;
	bool found = false;

	*n = 1;
	if (scan_kind(aud) == '"')
		return scan_string_is(aud, audience);
	*n = 0;
	if (scan_kind(aud) != '[')
		return false;
	for (size_t pos = 0; scan_next(aud, &pos, NULL, &one); ++*n) {
		if (scan_kind(one) != '"')
			return false;
		found |= scan_string_is(one, audience);
	}
	return found;
}

static bool check_audience(struct span claims, const char *client_id, struct err *e)
{
	struct span azp = scan_member(claims, "azp");
	size_t n;

	if (!has_audience(claims, client_id, &n))
		return refuse(e, "token_audience", "aud does not name our client id");
	if (azp.p ? !scan_string_is(azp, client_id) : n > 1)
		return refuse(e, "token_audience", "azp is missing, or another client's");
	return true;
}

static bool check_times(struct span claims, int64_t now, bool exp_required, struct err *e)
{
	struct jwt_times t;

	if (!jwt_times_read(&t, claims))
		return refuse(e, "token_times", "one of exp, iat and nbf is no time");
	if (exp_required && !t.has_exp)
		return refuse(e, "token_times", "exp is missing");
	if (t.has_exp && t.exp <= now - TOKEN_SKEW_S)
		return refuse(e, "token_times", "it has expired");
	if (!t.has_iat)
		return refuse(e, "token_times", "iat is missing");
	if (t.iat > now + TOKEN_SKEW_S)
		return refuse(e, "token_times", "it was issued in the future");
	if (t.has_exp && t.exp < t.iat)
		return refuse(e, "token_times", "it expired before it was issued");
	return !t.has_nbf || t.nbf <= now + TOKEN_SKEW_S ||
	       refuse(e, "token_times", "nbf is in the future");
}

static bool check_nonce(struct span claims, const char *nonce, struct arena *a, struct err *e)
{
	const char *got = scan_string(scan_member(claims, "nonce"), a);

	return (got && hash_equal_text(got, nonce)) ||
	       refuse(e, "token_nonce", "nonce is missing, or that of another sign-in");
}

/* The left half of the access token's digest, of the size that the algorithm's name says (3.1.3.6). */
static bool check_hash(
    const struct jws *j, const char *access_token, struct arena *a, struct err *e)
{
	struct span claim = scan_member(j->payload, "at_hash");
	const char *bits = j->alg + 2, *got = scan_string(claim, a);
	const EVP_MD *md = !strcmp(bits, "256")   ? EVP_sha256()
			   : !strcmp(bits, "384") ? EVP_sha384()
						  : EVP_sha512();
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[B64URL_LEN(EVP_MAX_MD_SIZE) + 1];
	unsigned n = 0;

	if (!claim.p)
		return true;
	if (access_token && got &&
	    EVP_Digest(access_token, strlen(access_token), digest, &n, md, NULL)) {
		b64url_encode(text, digest, n / 2);
		if (hash_equal_text(got, text))
			return true;
	}
	return refuse(e, "token_hash", "at_hash is not that of the access token");
}

bool id_token_check(const struct jws *j, const struct token_want *want, struct arena *a,
    const char **sub, struct err *e)
{
	/* a logout token is no proof of a sign-in (Back-Channel Logout, 2.4) */
	if (scan_member(j->payload, "events").p)
		return refuse(e, "token_type", "it has events");
	return check_type(j, NULL, e) && check_issuer(j->payload, want, e) &&
	       check_subject(j->payload, a, sub, e) &&
	       check_audience(j->payload, want->client_id, e) &&
	       check_times(j->payload, want->now_s, true, e) &&
	       (!want->nonce || check_nonce(j->payload, want->nonce, a, e)) &&
	       check_hash(j, want->access_token, a, e);
}

bool access_token_check(const struct jws *j, const struct token_want *want, const char *audience,
    bool optional, struct arena *a, const char **sub, struct err *e)
{
	size_t n;

	if (!check_type(j, "at+jwt", e) || !check_issuer(j->payload, want, e) ||
	    !check_subject(j->payload, a, sub, e) || !check_times(j->payload, want->now_s, true, e))
		return false;
	if (optional && !scan_member(j->payload, "aud").p)
		return true;
	return has_audience(j->payload, audience, &n) ||
	       refuse(e, "token_audience", "the access token is not for the audience");
}

static bool check_event(struct span claims, struct err *e)
{
	if (scan_member(claims, "nonce").p)
		return refuse(e, "token_event", "a logout token has no nonce");
	return scan_kind(scan_member(scan_member(claims, "events"), LOGOUT_EVENT)) == '{' ||
	       refuse(e, "token_event", "it does not say that somebody signed out");
}

bool logout_token_check(const struct jws *j, const struct token_want *want, struct arena *a,
    const char **sub, const char **sid, const char **jti, struct err *e)
{
	struct span has_sub = scan_member(j->payload, "sub"),
		    has_sid = scan_member(j->payload, "sid");
	struct jwt_times times;

	*sub = read_name(j->payload, "sub", a);
	*sid = read_name(j->payload, "sid", a);
	if (!check_type(j, "logout+jwt", e) || !check_issuer(j->payload, want, e) ||
	    !check_audience(j->payload, want->client_id, e) ||
	    !check_times(j->payload, want->now_s, false, e) || !check_event(j->payload, e))
		return false;
	/* older ones have no exp: an age bounds how long one serves who has a copy */
	if (!jwt_times_read(&times, j->payload) || times.iat < want->now_s - LOGOUT_AGE_S)
		return refuse(e, "token_times", "it is too old");
	*jti = read_name(j->payload, "jti", a);
	if (!*jti)
		return refuse(e, "token_id", "jti is missing, empty, too long, or no plain text");
	if ((has_sub.p && !*sub) || (has_sid.p && !*sid) || (!*sub && !*sid))
		return refuse(e, "token_subject", "sub and sid are missing, or no plain texts");
	return true;
}

/* --- identity assertion authorization grants --- */

/* Their type is always said: an ID token has the same issuer, subject and client. */
static bool check_grant_type(const struct jws *j, struct err *e)
{
	const char *typ = j->typ;

	if (typ && !strncasecmp(typ, "application/", 12))
		typ += 12;
	return (typ && !strcasecmp(typ, "oauth-id-jag+jwt")) ||
	       refuse(e, "token_type", "typ is not oauth-id-jag+jwt");
}

/*
 * A text, or a list of exactly one: with a second audience, that one could present it here; a second
 * resource would want a second token.
 */
static const char *read_sole(struct span claims, const char *name, struct arena *a)
{
	struct span s = scan_member(claims, name), one = s, more;
	size_t pos = 0;
	const char *text;

	if (scan_kind(s) == '[' &&
	    (!scan_next(s, &pos, NULL, &one) || scan_next(s, &pos, NULL, &more)))
		return NULL;
	text = scan_string(one, a);
	return text && *text ? text : NULL;
}

/* A claim that is absent, or a text. */
static bool read_optional(struct span claims, const char *name, struct arena *a, const char **out)
{
	struct span s = scan_member(claims, name);

	*out = s.p ? scan_string(s, a) : NULL;
	return !s.p || *out;
}

static bool read_tenant(struct span claims, struct arena *a, const char **tenant, struct err *e)
{
	*tenant = read_name(claims, "tenant", a);
	/* what follows it in a subject begins with a bar */
	return (*tenant ? !strchr(*tenant, '|') : !scan_member(claims, "tenant").p) ||
	       refuse(e, "token_subject", "tenant is empty, too long, or no plain text");
}

bool id_jag_read(struct id_jag *g, const struct jws *j, const char *issuer, struct arena *a,
    struct err *e)
{
	const struct token_want want = { .issuer = issuer };
	struct span claims = j->payload;

	*g = (struct id_jag){ .details = scan_member(claims, "authorization_details") };
	if (!check_grant_type(j, e) || !check_issuer(claims, &want, e) ||
	    !check_subject(claims, a, &g->sub, e) || !read_tenant(claims, a, &g->tenant, e))
		return false;
	if (!(g->audience = read_sole(claims, "aud", a)))
		return refuse(e, "token_audience", "aud is not one text");
	if (!(g->client_id = scan_string(scan_member(claims, "client_id"), a)))
		return refuse(e, "token_client", "client_id is missing, or no text");
	if (!(g->resource = read_sole(claims, "resource", a)))
		return refuse(e, "token_resource", "resource is not one text");
	if (!read_optional(claims, "scope", a, &g->scope))
		return refuse(e, "token_scope", "scope is no text");
	if (!(g->jti = read_name(claims, "jti", a)))
		return refuse(e, "token_id", "jti is missing, empty, too long, or no plain text");
	if (!jwt_times_read(&g->times, claims) || !g->times.has_exp || !g->times.has_iat)
		return refuse(e, "token_times", "exp or iat is missing, or no time");
	/* it is for whoever proves to have a key, and that we do not ask for */
	return !scan_member(claims, "cnf").p ||
	       refuse(e, "token_binding", "it is bound to a key (cnf)");
}

bool id_jag_details_are(const struct id_jag *g, const char *const *types, struct err *e)
{
	struct span one;

	if (!g->details.p)
		return true;
	if (scan_kind(g->details) != '[')
		return refuse(e, "token_details", "authorization_details is no list");
	for (size_t pos = 0; scan_next(g->details, &pos, NULL, &one);) {
		const char *const *t = types;
		struct span type = scan_kind(one) == '{' ? scan_member(one, "type")
							 : (struct span){ NULL, 0 };

		while (t && *t && !scan_string_is(type, *t))
			t++;
		if (!t || !*t)
			return refuse(e, "token_details",
			    "authorization_details has a type that is not allowed");
	}
	return true;
}
