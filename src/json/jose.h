/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed JSON (JWS, RFC 7515, compact form) and public keys (JWK, RFC 7517), as text in and text
 * out.
 *
 * libcjose does the cryptography and sees only what was found sound here: it alone would take a
 * header with two "alg" members, split an ECDSA signature of any even length, or accept a key too
 * short. What a header says about keys (jwk, jku, x5u, x5c) is never used; keys are those of the
 * set that the caller gives.
 *
 * Signatures: RS, PS and ES with 256, 384 and 512 bits; no EdDSA, which the libcjose of Debian
 * lacks. An algorithm belongs to one type of key and one curve.
 *
 * This file includes no header of json-c, nor may jose.c: jansson, under libcjose, has functions of
 * the same names.
 */
#ifndef GATEHOUSE_JSON_JOSE_H
#define GATEHOUSE_JSON_JOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/scan.h"

enum {
	JWS_MAX = 32 * 1024,  /* bytes of a compact JWS: an ID token may name hundreds of groups */
	JWKS_MAX = 64 * 1024, /* bytes of a key set (security: limits) */
	JWKS_KEYS_MAX = 32,   /* keys in a set */
	JOSE_ID_MAX = 255,    /* bytes of a kid */
};

/* The names of the algorithms served, ended by NULL: for metadata documents. */
extern const char *const jose_algorithms[];

/* What a JWS says of itself. Nothing of it is proved before jws_verify(). */
struct jws {                 /* strings live in the arena */
	const char *text;    /* the compact form */
	const char *alg;     /* one of jose_algorithms */
	const char *kid;     /* NULL: none */
	const char *typ;     /* NULL: none */
	struct span payload; /* a JSON object that passed scan_check() */
	const unsigned char *signature;
	size_t signature_len;
};

/*
 * Takes the N bytes of TEXT apart. False with ERR_SYNTAX; the reason is
 *   jws_malformed  not three parts of strict base64url, header or payload no sound JSON object, too
 *                  large, `crit` or `b64` in the header
 *   jws_algorithm  no `alg`, or one not served ("none" and HMAC among them)
 */
bool jws_read(struct jws *, struct arena *, const char *text, size_t n, struct err *);

/*
 * Whether a key of the set JWKS ({"keys": [...]}, N bytes, foreign text) made the signature. With a
 * kid, only keys of this kid are tried; of them, and without one of all, only those that fit the
 * algorithm and do not exclude it by their `use`, `key_ops` or `alg`. ERR_SYNTAX with reason
 *   jwks_malformed  the set is no sound one
 *   jws_no_key      no key fits: a newer set may have one
 *   jws_signature   the signature is wrong
 */
bool jws_verify(const struct jws *, struct arena *, const char *jwks, size_t n, struct err *);

/*
 * Whether JWKS is a set that a client may publish: an object with `keys`, a list of at most
 * JWKS_KEYS_MAX objects, none of them a secret or a private key; with USABLE, at least one that can
 * verify a signature here. ERR_SYNTAX, jwks_malformed; the text says why.
 */
bool jwks_check(struct arena *, const char *jwks, size_t n, bool usable, struct err *);

/* Seconds since 1970; a fraction is cut off. Whether they fit the time of day is the caller's to judge. */
struct jwt_times {
	int64_t exp, iat, nbf; /* 0 where it is not there */
	bool has_exp, has_iat, has_nbf;
};

/* Reads exp, iat and nbf of CLAIMS. False if one is there and is no time: a sign, an exponent, a text. */
bool jwt_times_read(struct jwt_times *, struct span claims);

/*
 * Signs PAYLOAD with a private key in PEM (RSA, or EC on P-256, P-384 or P-521). KID and TYP may be
 * NULL. The compact form, in the arena; NULL with ERR_INTERNAL if key and ALG do not fit.
 */
const char *jws_sign(struct arena *, const char *pem, const char *alg, const char *kid,
    const char *typ, const char *payload, struct err *);

/*
 * The public half of a private key in PEM, as a JWK with kid, use and (for EC) alg; NULL with
 * ERR_INTERNAL.
 */
const char *jwk_public(struct arena *, const char *pem, const char *kid, struct err *);

#endif
