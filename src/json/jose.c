/* SPDX-License-Identifier: Apache-2.0 */
/* JWS and JWK over libcjose. See the header for what must not be included here. */
#include "config.h"

#include "json/jose.h"

#include "base/b64.h"
#include "base/buf.h"

#include <cjose/cjose.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_MAX = 2048,
	SIGNATURE_MAX = 1024,
	RSA_BITS_MIN = 2048, /* NIST SP 800-131A */
	RSA_BITS_MAX = 8192, /* what is larger only costs time */
	RSA_EXPONENT_MAX = 8,
	EC_SIZE_MAX = 66,
	TRIES_MAX = 4 /* keys tried for one signature: a set must not buy more of our time */
};

enum kty { KTY_RSA, KTY_EC };

static const struct algorithm {
	const char *name;
	enum kty kty;
	const char *crv; /* EC: the only curve */
	size_t size;     /* EC: bytes of a coordinate, and of each half of the signature */
} algorithms[] = {
	{ "RS256", KTY_RSA, NULL, 0 },
	{ "RS384", KTY_RSA, NULL, 0 },
	{ "RS512", KTY_RSA, NULL, 0 },
	{ "PS256", KTY_RSA, NULL, 0 },
	{ "PS384", KTY_RSA, NULL, 0 },
	{ "PS512", KTY_RSA, NULL, 0 },
	{ "ES256", KTY_EC, "P-256", 32 },
	{ "ES384", KTY_EC, "P-384", 48 },
	{ "ES512", KTY_EC, "P-521", 66 },
};

enum { ALGORITHMS = sizeof(algorithms) / sizeof(algorithms[0]) };

const char *const jose_algorithms[] = { "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
	"ES256", "ES384", "ES512", NULL };

static const struct algorithm *algorithm_find(const char *name)
{
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (!strcmp(algorithms[i].name, name))
			return &algorithms[i];
	return NULL;
}

static bool malformed(struct err *e, const char *detail)
{
	return err_reason(
	    e, ERR_SYNTAX, "jws_malformed", "the signed text is malformed", "%s", detail);
}

/*
 * Decodes N characters strictly; NULL if they are not base64url, or more than MAX bytes. In the
 * arena, NUL-terminated.
 */
static unsigned char *decode(struct arena *a, const char *s, size_t n, size_t max, size_t *len)
{
	unsigned char *out;

	if (n > B64URL_LEN(max))
		return NULL;
	out = arena_alloc(a, n + 1);
	if (!b64url_decode(out, len, s, n))
		return NULL;
	out[*len] = '\0';
	return out;
}

static bool is_object(struct span s, size_t max, struct err *why)
{
	const struct scan_limits limits = scan_limits_of(max);

	return scan_check(s.p, s.n, &limits, why) && scan_kind(s) == '{';
}

/* One part of the compact form as a JSON object. */
static bool read_part(struct arena *a, const char *s, size_t n, size_t max, struct span *out,
    const char *what, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	size_t len;
	unsigned char *text = decode(a, s, n, max, &len);

	if (!text)
		return malformed(e, what);
	*out = (struct span){ (const char *)text, len };
	if (is_object(*out, max, &why))
		return true;
	return err_reason(e, ERR_SYNTAX, "jws_malformed", "the signed text is malformed", "%s: %s",
	    what, why.code ? why.text : "no object");
}

/* A member that is absent or a string of at most JOSE_ID_MAX bytes. */
static bool read_string(struct arena *a, struct span object, const char *name, const char **out)
{
	struct span value = scan_member(object, name);

	*out = NULL;
	if (!value.p)
		return true;
	*out = scan_string(value, a);
	return *out && strlen(*out) <= JOSE_ID_MAX;
}

static bool read_header(struct jws *j, struct arena *a, struct span header, struct err *e)
{
	const char *alg;

	/*
	 * nothing is served that `crit` could name, and "b64": false would sign other bytes than we
	 * read
	 */
	if (scan_member(header, "crit").p || scan_member(header, "b64").p)
		return malformed(e, "the header has crit or b64");
	if (!read_string(a, header, "kid", &j->kid) || !read_string(a, header, "typ", &j->typ))
		return malformed(e, "kid or typ of the header is no string, or too long");
	if (!read_string(a, header, "alg", &alg) || !alg || !algorithm_find(alg))
		return err_reason(e, ERR_SYNTAX, "jws_algorithm",
		    "the signature's algorithm is not served",
		    "alg '%.32s': only RS, PS and ES with 256, 384 or 512 bits are (EdDSA is not)",
		    alg ? alg : "");
	j->alg = algorithm_find(alg)->name;
	return true;
}

static bool is_zero(const unsigned char *p, size_t n)
{
	unsigned char any = 0;

	while (n--)
		any |= *p++;
	return !any;
}

/*
 * ECDSA: R and S, each of the curve's size, neither zero (CVE-2022-21449 was about implementations
 * that trust the latter).
 */
static bool signature_is_sound(const struct jws *j)
{
	const struct algorithm *alg = algorithm_find(j->alg);

	if (alg->kty == KTY_RSA)
		return j->signature_len >= RSA_BITS_MIN / 8;
	return j->signature_len == 2 * alg->size && !is_zero(j->signature, alg->size) &&
	       !is_zero(j->signature + alg->size, alg->size);
}

bool jws_read(struct jws *j, struct arena *a, const char *text, size_t n, struct err *e)
{
	const char *dot1, *dot2;
	struct span header;

	*j = (struct jws){ .text = NULL };
	if (n > JWS_MAX)
		return malformed(e, "too long");
	dot1 = memchr(text, '.', n);
	dot2 = dot1 ? memchr(dot1 + 1, '.', n - (size_t)(dot1 + 1 - text)) : NULL;
	if (!dot2)
		return malformed(e, "not three parts");
	j->text = arena_strndup(a, text, n);
	j->signature =
	    decode(a, dot2 + 1, n - (size_t)(dot2 + 1 - text), SIGNATURE_MAX, &j->signature_len);
	if (!j->signature)
		return malformed(e, "signature");
	return read_part(a, text, (size_t)(dot1 - text), HEADER_MAX, &header, "header", e) &&
	       read_header(j, a, header, e) &&
	       read_part(
		   a, dot1 + 1, (size_t)(dot2 - dot1 - 1), JWS_MAX, &j->payload, "payload", e);
}

/* --- keys --- */

struct jwk { /* a public key of a set, decoded */
	enum kty kty;
	const char *kid;
	const char *crv;
	unsigned char *n, *e; /* RSA */
	size_t n_len, e_len;
	unsigned char *x, *y; /* EC */
	size_t size;
};

static unsigned char *read_bytes(
    struct arena *a, struct span key, const char *name, size_t max, size_t *len)
{
	const char *text = scan_string(scan_member(key, name), a);

	return text ? decode(a, text, strlen(text), max, len) : NULL;
}

static bool read_rsa(struct jwk *k, struct arena *a, struct span key)
{
	size_t skip = 0, bits;

	k->kty = KTY_RSA;
	k->n = read_bytes(a, key, "n", RSA_BITS_MAX / 8 + 1, &k->n_len);
	k->e = read_bytes(a, key, "e", RSA_EXPONENT_MAX, &k->e_len);
	if (!k->n || !k->e)
		return false;
	while (skip < k->n_len && !k->n[skip]) /* some writers keep a sign byte */
		skip++;
	k->n += skip;
	k->n_len -= skip;
	bits = k->n_len * 8;
	for (unsigned top = k->n_len ? k->n[0] : 0x80; !(top & 0x80); top <<= 1)
		bits--;
	/* exponent 1 would make every signature right; an even one is no RSA */
	return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && (k->n[k->n_len - 1] & 1) &&
	       k->e_len && (k->e[k->e_len - 1] & 1) &&
	       !(is_zero(k->e, k->e_len - 1) && k->e[k->e_len - 1] == 1);
}

static bool read_ec(struct jwk *k, struct arena *a, struct span key)
{
	const char *crv = scan_string(scan_member(key, "crv"), a);
	size_t x_len, y_len;

	k->kty = KTY_EC;
	for (size_t i = 0; crv && i < ALGORITHMS; i++) {
		if (algorithms[i].kty == KTY_EC && !strcmp(algorithms[i].crv, crv)) {
			k->crv = algorithms[i].crv;
			k->size = algorithms[i].size;
		}
	}
	if (!k->crv)
		return false;
	k->x = read_bytes(a, key, "x", EC_SIZE_MAX, &x_len);
	k->y = read_bytes(a, key, "y", EC_SIZE_MAX, &y_len);
	return k->x && k->y && x_len == k->size &&
	       y_len == k->size; /* RFC 7518, 6.2.1.2: always full size */
}

/*
 * The key, if it is a public one of a type and size served here. Whether the point is on its curve
 * libcjose checks.
 */
static bool jwk_read(struct jwk *k, struct arena *a, struct span key)
{
	const char *kty = scan_string(scan_member(key, "kty"), a);

	*k = (struct jwk){ .kid = NULL };
	if (!kty || !read_string(a, key, "kid", &k->kid))
		return false;
	if (!strcmp(kty, "RSA"))
		return read_rsa(k, a, key);
	return !strcmp(kty, "EC") && read_ec(k, a, key);
}

/* Whether the key's own words allow verifying with ALG (NULL: with any). */
static bool use_allows(struct span key, const char *alg)
{
	struct span use = scan_member(key, "use"), ops = scan_member(key, "key_ops");
	struct span own = scan_member(key, "alg"), op;
	bool verify = !ops.p;

	for (size_t pos = 0; scan_kind(ops) == '[' && scan_next(ops, &pos, NULL, &op);)
		verify |= scan_string_is(op, "verify");
	return verify && (!use.p || scan_string_is(use, "sig")) &&
	       (!own.p || !alg || scan_string_is(own, alg));
}

static bool fits(const struct jws *j, const struct algorithm *alg, const struct jwk *k)
{
	if (j->kid && (!k->kid || strcmp(j->kid, k->kid)))
		return false;
	if (k->kty != alg->kty)
		return false;
	if (k->kty ==
	    KTY_RSA) /* libcjose would copy by the key's length, whatever the signature's is */
		return j->signature_len == k->n_len;
	return k->crv == alg->crv;
}

static cjose_jwk_t *jwk_import(const struct jwk *k)
{
	cjose_jwk_rsa_keyspec rsa = { .n = k->n, .nlen = k->n_len, .e = k->e, .elen = k->e_len };
	cjose_jwk_ec_keyspec ec = { .x = k->x, .xlen = k->size, .y = k->y, .ylen = k->size };

	if (k->kty == KTY_RSA)
		return cjose_jwk_create_RSA_spec(&rsa, NULL);
	ec.crv = k->size == 32   ? CJOSE_JWK_EC_P_256
		 : k->size == 48 ? CJOSE_JWK_EC_P_384
				 : CJOSE_JWK_EC_P_521;
	return cjose_jwk_create_EC_spec(&ec, NULL);
}

static bool made_by(const struct jws *j, const struct jwk *k)
{
	cjose_jwk_t *key = jwk_import(k);
	cjose_jws_t *signed_text = key ? cjose_jws_import(j->text, strlen(j->text), NULL) : NULL;
	bool ok = signed_text && cjose_jws_verify(signed_text, key, NULL);

	cjose_jws_release(signed_text);
	cjose_jwk_release(key);
	/* a refusal leaves one, which another user of OpenSSL in this thread would find */
	ERR_clear_error();
	return ok;
}

/* The array of keys of a sound set. */
static bool read_set(struct span set, struct span *keys, struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (!is_object(set, JWKS_MAX, &why))
		return err_reason(e, ERR_SYNTAX, "jwks_malformed", "the key set is no JSON object",
		    "%s", why.text);
	*keys = scan_member(set, "keys");
	return scan_kind(*keys) == '[' || err_reason(e, ERR_SYNTAX, "jwks_malformed",
					      "the key set has no list of keys", "%s", "");
}

bool jws_verify(const struct jws *j, struct arena *a, const char *jwks, size_t n, struct err *e)
{
	const struct algorithm *alg = algorithm_find(j->alg);
	struct span keys, key;
	int tries = 0, seen = 0;

	if (!read_set((struct span){ jwks, n }, &keys, e))
		return false;
	for (size_t pos = 0; tries < TRIES_MAX && scan_next(keys, &pos, NULL, &key);) {
		struct jwk k;

		if (++seen > JWKS_KEYS_MAX)
			break;
		if (!use_allows(key, j->alg) || !jwk_read(&k, a, key) || !fits(j, alg, &k))
			continue;
		tries++;
		if (signature_is_sound(j) && made_by(j, &k))
			return true;
	}
	if (!tries)
		return err_reason(e, ERR_SYNTAX, "jws_no_key", "no key fits the signature",
		    "alg %s, kid '%.64s'", j->alg, j->kid ? j->kid : "");
	return err_reason(e, ERR_SYNTAX, "jws_signature", "the signature is wrong",
	    "alg %s, kid '%.64s'", j->alg, j->kid ? j->kid : "");
}

static bool bad_set(struct err *e, const char *text)
{
	return err_reason(e, ERR_SYNTAX, "jwks_malformed", text, "%s", "");
}

/* Members of secret and private keys (RFC 7518, 6.2.2, 6.3.2, 6.4). */
static bool is_private(struct span key)
{
	static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", NULL };

	for (const char *const *m = members; *m; m++)
		if (scan_member(key, *m).p)
			return true;
	return scan_string_is(scan_member(key, "kty"), "oct");
}

bool jwks_check(struct arena *a, const char *jwks, size_t n, bool usable, struct err *e)
{
	struct span keys, key;
	int seen = 0, good = 0;

	if (!read_set((struct span){ jwks, n }, &keys, e))
		return false;
	for (size_t pos = 0; scan_next(keys, &pos, NULL, &key);) {
		cjose_jwk_t *imported;
		struct jwk k;

		if (scan_kind(key) != '{')
			return bad_set(e, "a key of the set is no object");
		if (is_private(key))
			return bad_set(e, "the key set holds a private or secret key");
		if (++seen > JWKS_KEYS_MAX)
			return bad_set(e, "the key set has too many keys");
		if (!use_allows(key, NULL) || !jwk_read(&k, a, key))
			continue; /* a key for something else: a set may have them (RFC 7517, 5) */
		imported = jwk_import(&k);
		ERR_clear_error();
		good += imported != NULL;
		cjose_jwk_release(imported);
	}
	return good || !usable ||
	       bad_set(e, "the key set has no key that can verify a signature served here");
}

/* --- times --- */

static bool read_time(struct span claims, const char *name, bool *is_there, int64_t *out)
{
	struct span s = scan_member(claims, name);
	int64_t n = 0;
	size_t i = 0;

	*is_there = s.p != NULL;
	for (; i < s.n && i < 15 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (s.p[i] - '0');
	*out = n;
	if (i < s.n && i > 0 && s.p[i] == '.')
		while (++i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
			;
	return i == s.n;
}

bool jwt_times_read(struct jwt_times *t, struct span claims)
{
	return read_time(claims, "exp", &t->has_exp, &t->exp) &&
	       read_time(claims, "iat", &t->has_iat, &t->iat) &&
	       read_time(claims, "nbf", &t->has_nbf, &t->nbf);
}

/* --- private keys --- */

/* A number of the key, as bytes that the caller wipes; LEN 0 if the key has none. */
struct number {
	unsigned char bytes[RSA_BITS_MAX / 8];
	size_t len;
};

static void number_get(const EVP_PKEY *pkey, const char *name, size_t size, struct number *out)
{
	BIGNUM *bn = NULL;

	out->len = 0;
	if (EVP_PKEY_get_bn_param(pkey, name, &bn) &&
	    (size_t)BN_num_bytes(bn) <= sizeof(out->bytes)) {
		int len = size ? (int)size : BN_num_bytes(bn);

		out->len = BN_bn2binpad(bn, out->bytes, len) == len ? (size_t)len : 0;
	}
	BN_clear_free(bn);
}

static cjose_jwk_t *rsa_of(const EVP_PKEY *pkey, struct number *t)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };

	for (size_t i = 0; i < 8; i++)
		number_get(pkey, names[i], 0, &t[i]);

	cjose_jwk_rsa_keyspec spec = { .n = t[0].bytes,
		.nlen = t[0].len,
		.e = t[1].bytes,
		.elen = t[1].len,
		.d = t[2].bytes,
		.dlen = t[2].len,
		.p = t[3].bytes,
		.plen = t[3].len,
		.q = t[4].bytes,
		.qlen = t[4].len,
		.dp = t[5].bytes,
		.dplen = t[5].len,
		.dq = t[6].bytes,
		.dqlen = t[6].len,
		.qi = t[7].bytes,
		.qilen = t[7].len };

	return cjose_jwk_create_RSA_spec(&spec, NULL);
}

static cjose_jwk_t *ec_of(const EVP_PKEY *pkey, struct number *t)
{
	cjose_jwk_ec_curve crv = CJOSE_JWK_EC_INVALID;
	int bits = EVP_PKEY_get_bits(pkey);
	size_t size = bits == 256 ? 32 : bits == 384 ? 48 : 66;
	char group[32] = "";

	EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL);
	if (!strcmp(group, "prime256v1"))
		crv = CJOSE_JWK_EC_P_256;
	else if (!strcmp(group, "secp384r1"))
		crv = CJOSE_JWK_EC_P_384;
	else if (!strcmp(group, "secp521r1"))
		crv = CJOSE_JWK_EC_P_521;
	else
		return NULL;
	number_get(pkey, OSSL_PKEY_PARAM_EC_PUB_X, size, &t[0]);
	number_get(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size, &t[1]);
	number_get(pkey, OSSL_PKEY_PARAM_PRIV_KEY, size, &t[2]);

	cjose_jwk_ec_keyspec spec = { .crv = crv,
		.x = t[0].bytes,
		.xlen = t[0].len,
		.y = t[1].bytes,
		.ylen = t[1].len,
		.d = t[2].bytes,
		.dlen = t[2].len };

	return cjose_jwk_create_EC_spec(&spec, NULL);
}

/*
 * The key of a PEM text; *ALG names the algorithm of an EC key, NULL for RSA. The caller releases
 * it.
 */
static cjose_jwk_t *key_of_pem(const char *pem, const char *kid, const char **alg, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
	struct number *numbers = xcalloc(8, sizeof(*numbers));
	cjose_jwk_t *key = NULL;

	*alg = NULL;
	if (pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA) {
		key = rsa_of(pkey, numbers);
	} else if (pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC) {
		key = ec_of(pkey, numbers);
		*alg = numbers[0].len == 32 ? "ES256" : numbers[0].len == 48 ? "ES384" : "ES512";
	}
	explicit_bzero(numbers, 8 * sizeof(*numbers));
	free(numbers);
	EVP_PKEY_free(pkey);
	BIO_free(in);
	ERR_clear_error();
	if (!key)
		err_set(e, ERR_INTERNAL, "the signing key is not usable",
		    "neither RSA nor EC on a NIST curve");
	else if (kid)
		cjose_jwk_set_kid(key, kid, strlen(kid), NULL);
	return key;
}

static const char *sign_with(
    struct arena *a, const cjose_jwk_t *key, cjose_header_t *header, const char *payload)
{
	const unsigned char *bytes = (const unsigned char *)payload;
	cjose_jws_t *made = cjose_jws_sign(key, header, bytes, strlen(payload), NULL);
	const char *text = NULL, *out = NULL;

	if (made && cjose_jws_export(made, &text, NULL)) /* the text belongs to the JWS */
		out = arena_strdup(a, text);
	cjose_jws_release(made);
	return out;
}

const char *jws_sign(struct arena *a, const char *pem, const char *alg, const char *kid,
    const char *typ, const char *payload, struct err *e)
{
	const struct algorithm *want = algorithm_find(alg);
	const char *own, *out = NULL;
	cjose_jwk_t *key = key_of_pem(pem, kid, &own, e);
	cjose_header_t *header;

	if (!key)
		return NULL;
	header = cjose_header_new(NULL);
	/* libcjose would sign ES256 with a P-384 key */
	if (want && header && (want->kty == KTY_EC ? own && !strcmp(own, alg) : !own) &&
	    cjose_header_set(header, "alg", alg, NULL) &&
	    (!typ || cjose_header_set(header, "typ", typ, NULL)) &&
	    (!kid || cjose_header_set(header, "kid", kid, NULL)))
		out = sign_with(a, key, header, payload);
	cjose_header_release(header);
	cjose_jwk_release(key);
	ERR_clear_error();
	if (!out)
		err_set(e, ERR_INTERNAL, "signing failed", "alg '%s'", alg);
	return out;
}

const char *jwk_public(struct arena *a, const char *pem, const char *kid, struct err *e)
{
	const char *alg, *out = NULL;
	cjose_jwk_t *key = key_of_pem(pem, kid, &alg, e);
	char *text = key ? cjose_jwk_to_json(key, false, NULL) : NULL;

	if (text) /* libcjose writes neither use nor alg */
		out = alg ? arena_printf(a, "%.*s,\"use\":\"sig\",\"alg\":\"%s\"}",
				(int)strlen(text) - 1, text, alg)
			  : arena_printf(a, "%.*s,\"use\":\"sig\"}", (int)strlen(text) - 1, text);
	else if (key)
		err_set(e, ERR_INTERNAL, "the signing key is not usable", "no public half");
	free(text);
	cjose_jwk_release(key);
	return out;
}
