/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWS and JWK. The texts are signed here with OpenSSL alone, so that any header can be signed
 * rightly: what is refused is refused for its content, not by accident.
 */
#include "config.h"

#include "json/jose.h"

#include "base/b64.h"
#include "base/buf.h"
#include "tap.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

static struct arena *a;
static EVP_PKEY *rsa, *rsa_small, *p256, *p384, *p521, *other;
static const char *rsa_pem, *p256_pem, *p384_pem, *p521_pem, *other_pem, *small_pem;

static const char *pem_of(EVP_PKEY *k)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	long n;

	PEM_write_bio_PKCS8PrivateKey(out, k, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(out, &p);
	p = arena_strndup(a, p, (size_t)n);
	BIO_free(out);
	return p;
}

static const char *b64(const void *p, size_t n)
{
	char *out = arena_alloc(a, B64URL_LEN(n) + 1);

	b64url_encode(out, p, n);
	return out;
}

/* R and S of a DER signature, SIZE bytes each. */
static size_t raw_of(unsigned char *out, const unsigned char *der, size_t n, int size)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);

	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, size);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + size, size);
	ECDSA_SIG_free(sig);
	return 2 * (size_t)size;
}

/* A compact JWS with exactly this header and payload, signed as ALG demands. */
static const char *sign(EVP_PKEY *k, const char *alg, const char *header, const char *payload)
{
	const char *input =
	    arena_printf(a, "%s.%s", b64(header, strlen(header)), b64(payload, strlen(payload)));
	const EVP_MD *md = alg[2] == '2'   ? EVP_sha256()
			   : alg[2] == '3' ? EVP_sha384()
					   : EVP_sha512();
	int size = EVP_PKEY_get_bits(k) == 256 ? 32 : EVP_PKEY_get_bits(k) == 384 ? 48 : 66;
	unsigned char sig[1024], raw[132];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	size_t n = sizeof(sig);

	EVP_DigestSignInit(ctx, &pctx, md, NULL, k);
	if (alg[0] == 'P') {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
	}
	EVP_DigestSign(ctx, sig, &n, (const unsigned char *)input, strlen(input));
	EVP_MD_CTX_free(ctx);
	if (alg[0] == 'E') {
		n = raw_of(raw, sig, n, size);
		memcpy(sig, raw, n);
	}
	return arena_printf(a, "%s.%s", input, b64(sig, n));
}

static const char *jwk(const char *pem, const char *kid)
{
	return jwk_public(a, pem, kid, NULL);
}

/* JWK with members taken away or added: EXTRA is put before the last brace. */
static const char *with(const char *key, const char *extra)
{
	return arena_printf(a, "%.*s%s}", (int)strlen(key) - 1, key, extra);
}

static const char *without(const char *key, const char *member)
{
	const char *at = strstr(key, member);

	return at ? arena_printf(a, "%.*s%s", (int)(at - key), key, at + strlen(member)) : key;
}

static const char *set(const char *k1, const char *k2)
{
	return arena_printf(a, "{\"keys\":[%s%s%s]}", k1, k2 ? "," : "", k2 ? k2 : "");
}

/* "ok", or the reason code of the refusal. */
static const char *verdict(const char *text, const char *jwks)
{
	struct err e = { .code = ERR_NONE };
	struct jws j;

	if (!jws_read(&j, a, text, strlen(text), &e) || !jws_verify(&j, a, jwks, strlen(jwks), &e))
		return err_reason_of(&e);
	return "ok";
}

static const char *checked(const char *jwks)
{
	struct err e = { .code = ERR_NONE };

	return jwks_check(a, jwks, strlen(jwks), true, &e) ? "ok" : err_reason_of(&e);
}

static void algorithms(void)
{
	static const struct {
		const char *alg;
		EVP_PKEY **key;
		const char **pem;
	} rows[] = {
		{ "RS256", &rsa, &rsa_pem },
		{ "RS384", &rsa, &rsa_pem },
		{ "RS512", &rsa, &rsa_pem },
		{ "PS256", &rsa, &rsa_pem },
		{ "PS384", &rsa, &rsa_pem },
		{ "PS512", &rsa, &rsa_pem },
		{ "ES256", &p256, &p256_pem },
		{ "ES384", &p384, &p384_pem },
		{ "ES512", &p521, &p521_pem },
	};

	for (size_t i = 0; i < 9; i++) {
		const char *header = arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"k\"}", rows[i].alg);
		const char *keys = set(jwk(*rows[i].pem, "k"), NULL), *ours;
		struct err e = { .code = ERR_NONE };

		is_str(verdict(sign(*rows[i].key, rows[i].alg, header, "{}"), keys), "ok",
		    arena_printf(a, "%s by OpenSSL is verified", rows[i].alg));
		ours = jws_sign(a, *rows[i].pem, rows[i].alg, "k", "JWT", "{\"a\":1}", &e);
		is_str(ours ? verdict(ours, keys) : e.detail, "ok",
		    arena_printf(a, "%s by us is verified", rows[i].alg));
		is_str(jose_algorithms[i], rows[i].alg,
		    "the algorithm is in the list that is advertised");
	}
	ok(!jose_algorithms[9], "the list of algorithms ends");
	ok(!jws_sign(a, p384_pem, "ES256", "k", NULL, "{}", NULL),
	    "a P-384 key does not sign ES256");
	ok(!jws_sign(a, rsa_pem, "ES256", "k", NULL, "{}", NULL), "an RSA key does not sign ES256");
	ok(!jws_sign(a, p256_pem, "HS256", "k", NULL, "{}", NULL), "HS256 is not signed");
	ok(!jws_sign(a, "nonsense", "ES256", "k", NULL, "{}", NULL),
	    "what is no key does not sign");
}

/* One in 256 signatures has a half that begins with a zero byte. */
static void short_halves(void)
{
	const char *keys = set(jwk(p256_pem, "k"), NULL);
	int good = 0;

	for (int i = 0; i < 600; i++) {
		const char *text = jws_sign(a, p256_pem, "ES256", "k", NULL, "{}", NULL);

		good += text && !strcmp(verdict(text, keys), "ok");
	}
	is_int(good, 600, "ES256 signatures with leading zeros are written and read at full size");
}

static const char *replace_signature(const char *text, const void *sig, size_t n)
{
	return arena_printf(a, "%.*s.%s", (int)(strrchr(text, '.') - text), text, b64(sig, n));
}

static void headers(void)
{
	/* the header as signed, and what is said of it; all signatures are right */
	static const struct {
		const char *header, *want, *name;
	} rows[] = {
		{ "{\"alg\":\"ES256\",\"kid\":\"k\"}", "ok", "a plain header passes" },
		{ "{\"alg\":\"ES256\"}", "ok", "without a kid the fitting key is tried" },
		{ "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\",\"x\":[1,{}]}", "ok",
		    "unknown members are ignored" },
		{ "{\"alg\":\"ES256\",\"kid\":\"../../k\"}", "jws_no_key",
		    "a kid that is a path is only a name" },
		{ "{\"alg\":\"ES256\",\"kid\":\"https://evil.example/k\"}", "jws_no_key",
		    "a kid that is a URL is only a name" },
		{ "{\"alg\":\"ES256\",\"kid\":\"K\"}", "jws_no_key", "kids are compared exactly" },
		{ "{\"alg\":\"ES256\",\"kid\":\"\"}", "jws_no_key", "an empty kid is one" },
		{ "{\"alg\":\"ES256\",\"kid\":7}", "jws_malformed",
		    "a kid that is no string is refused" },
		{ "{\"alg\":\"ES256\",\"kid\":\"a\\u0000\"}", "jws_malformed",
		    "a kid with NUL is refused" },
		{ "{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "jws_malformed",
		    "alg twice is refused" },
		{ "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}", "jws_malformed",
		    "alg twice, once escaped, is refused" },
		{ "{\"alg\":\"none\"}", "jws_algorithm", "none is refused" },
		{ "{\"alg\":\"NONE\"}", "jws_algorithm", "NONE is refused" },
		{ "{\"alg\":\"\"}", "jws_algorithm", "an empty alg is refused" },
		{ "{\"alg\":null}", "jws_algorithm", "alg null is refused" },
		{ "{\"alg\":[\"ES256\"]}", "jws_algorithm", "an alg that is a list is refused" },
		{ "{\"kid\":\"k\"}", "jws_algorithm", "no alg is refused" },
		{ "{\"alg\":\"es256\"}", "jws_algorithm", "algorithms are compared exactly" },
		{ "{\"alg\":\"HS256\"}", "jws_algorithm", "HS256 is refused" },
		{ "{\"alg\":\"EdDSA\"}", "jws_algorithm", "EdDSA is refused" },
		{ "{\"alg\":\"ES256K\"}", "jws_algorithm", "ES256K is refused" },
		{ "{\"alg\":\"ES384\",\"kid\":\"k\"}", "jws_no_key",
		    "ES384 is not tried with a P-256 key" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k\"}", "jws_no_key",
		    "RS256 is not tried with an EC key" },
		{ "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", "jws_malformed", "crit is refused" },
		{ "{\"alg\":\"ES256\",\"crit\":[]}", "jws_malformed", "an empty crit is refused" },
		{ "{\"alg\":\"ES256\",\"b64\":false}", "jws_malformed", "b64 is refused" },
		{ "{\"alg\":\"ES256\"} ", "ok", "blanks after the header are JSON" },
		{ "{\"alg\":\"ES256\"}{", "jws_malformed", "bytes after the header are refused" },
		{ "[\"ES256\"]", "jws_malformed", "a header that is a list is refused" },
		{ "\"ES256\"", "jws_malformed", "a header that is a string is refused" },
		{ "{\"alg\":\"ES256\",\"x\":\"\xc3\"}", "jws_malformed",
		    "invalid UTF-8 in the header is refused" },
		{ "\xef\xbb\xbf{\"alg\":\"ES256\"}", "jws_malformed",
		    "a byte order mark is refused" },
	};
	const char *keys = set(jwk(p256_pem, "k"), NULL), *text, *header;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(verdict(sign(p256, "ES256", rows[i].header, "{}"), keys), rows[i].want,
		    rows[i].name);

	header = arena_printf(a,
	    "{\"alg\":\"ES256\",\"jwk\":%s,\"jku\":\"http://127.0.0.1:1/\",\"x5u\":\"http://"
	    "127.0.0.1:1/\"}",
	    jwk(other_pem, "k"));
	text = sign(other, "ES256", header, "{}");
	is_str(verdict(text, keys), "jws_signature", "a key in the header is not used");
	is_str(verdict(sign(p256, "ES256", header, "{}"), keys), "ok",
	    "a key in the header does not hinder");
	header = arena_printf(a, "{\"alg\":\"ES256\",\"kid\":\"%0300d\"}", 0);
	is_str(verdict(sign(p256, "ES256", header, "{}"), keys), "jws_malformed",
	    "a kid over its limit is refused");
	header = arena_printf(a, "{\"alg\":\"ES256\",\"x\":\"%03000d\"}", 0);
	is_str(verdict(sign(p256, "ES256", header, "{}"), keys), "jws_malformed",
	    "a header over its limit is refused");
}

static void payloads(void)
{
	static const struct {
		const char *payload, *want, *name;
	} rows[] = {
		{ "{\"sub\":\"a\"}", "ok", "an object passes" },
		{ "[]", "jws_malformed", "a payload that is a list is refused" },
		{ "", "jws_malformed", "an empty payload is refused" },
		{ "{\"sub\":\"a\",\"sub\":\"b\"}", "jws_malformed", "a claim twice is refused" },
		{ "{\"sub\":\"a\"}x", "jws_malformed", "bytes after the payload are refused" },
		{ "{\"sub\":\"a\xff\"}", "jws_malformed",
		    "invalid UTF-8 in the payload is refused" },
		{ "{\"exp\":NaN}", "jws_malformed", "NaN is refused" },
	};
	const char *keys = set(jwk(p256_pem, "k"), NULL), *big;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(verdict(sign(p256, "ES256", "{\"alg\":\"ES256\"}", rows[i].payload), keys),
		    rows[i].want, rows[i].name);
	big = arena_printf(a, "{\"a\":\"%0*d\"}", JWS_MAX, 0);
	is_str(verdict(sign(p256, "ES256", "{\"alg\":\"ES256\"}", big), keys), "jws_malformed",
	    "a text over its limit is refused");
}

static const char *hmac_with_public_key(void)
{
	const char *input = arena_printf(a, "%s.%s", b64("{\"alg\":\"HS256\"}", 15), b64("{}", 2));
	const char *key = set(jwk(rsa_pem, "k"), NULL);
	unsigned char mac[32];
	unsigned n;

	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)input, strlen(input), mac,
	    &n);
	return arena_printf(a, "%s.%s", input, b64(mac, n));
}

static void signatures(void)
{
	const char *keys = set(jwk(p256_pem, "k"), NULL), *rsa_keys = set(jwk(rsa_pem, "k"), NULL);
	const char *good = sign(p256, "ES256", "{\"alg\":\"ES256\"}", "{\"a\":1}"),
		   *dot = strrchr(good, '.') + 1;
	const char *first = strchr(good, '.'),
		   *good_rsa = sign(rsa, "RS256", "{\"alg\":\"RS256\"}", "{}");
	unsigned char raw[1024], padded[1024], zero[1024] = { 0 };
	size_t n;
	char *changed;
	int passed = 0;

	is_str(verdict(good, keys), "ok", "the text to change is right");
	b64url_decode(raw, &n, dot, strlen(dot));
	is_str(verdict(replace_signature(good, zero, 64), keys), "jws_signature",
	    "a signature of zeros is refused");
	memcpy(padded, raw, 64);
	memset(padded, 0, 32);
	is_str(verdict(replace_signature(good, padded, 64), keys), "jws_signature",
	    "R zero is refused");
	memcpy(padded, raw, 32);
	memset(padded + 32, 0, 32);
	is_str(verdict(replace_signature(good, padded, 64), keys), "jws_signature",
	    "S zero is refused");
	memset(padded, 0, sizeof(padded));
	memcpy(padded + 1, raw, 32);
	memcpy(padded + 34, raw + 32, 32);
	is_str(verdict(replace_signature(good, padded, 66), keys), "jws_signature",
	    "padded halves are refused");
	is_str(verdict(replace_signature(good, raw, 63), keys), "jws_signature",
	    "a short signature is refused");
	is_str(verdict(replace_signature(good, raw, 0), keys), "jws_signature",
	    "an empty signature is refused");
	is_str(verdict(arena_printf(a, "%s=", good), keys), "jws_malformed", "padding is refused");
	is_str(verdict(arena_printf(a, "%s.", good), keys), "jws_malformed",
	    "a fourth part is refused");
	is_str(verdict(arena_printf(a, " %s", good), keys), "jws_malformed",
	    "a blank before is refused");
	is_str(verdict(arena_printf(a, "%s\n", good), keys), "jws_malformed",
	    "a newline after is refused");
	is_str(verdict(arena_printf(a, "%.*s", (int)(dot - good - 1), good), keys), "jws_malformed",
	    "two parts are refused");
	is_str(verdict("", keys), "jws_malformed", "nothing is refused");
	is_str(verdict("..", keys), "jws_malformed", "two dots are refused");
	is_str(verdict(arena_printf(
			   a, "%.*s.%s.%s", (int)(first - good), good, b64("{\"a\":2}", 7), dot),
		   keys),
	    "jws_signature", "another payload under the signature is refused");
	is_str(verdict(arena_printf(a, "%s.%.*s", b64("{\"alg\":\"ES256\" }", 16),
			   (int)strlen(first + 1), first + 1),
		   keys),
	    "jws_signature", "another header over the signature is refused");
	is_str(verdict(hmac_with_public_key(), rsa_keys), "jws_algorithm",
	    "an HMAC under the public key is refused");
	is_str(verdict(good_rsa, rsa_keys), "ok", "the RSA text to change is right");
	dot = strrchr(good_rsa, '.') + 1;
	b64url_decode(raw, &n, dot, strlen(dot));
	is_str(verdict(replace_signature(good_rsa, raw, 255), rsa_keys), "jws_no_key",
	    "a short RSA signature is refused");
	is_str(verdict(replace_signature(good_rsa, zero, 256), rsa_keys), "jws_signature",
	    "an RSA signature of zeros is refused");
	is_str(verdict(replace_signature(good_rsa, zero, 512), rsa_keys), "jws_no_key",
	    "a long RSA signature is refused");
	is_str(verdict(sign(rsa, "RS256", "{\"alg\":\"PS256\"}", "{}"), rsa_keys), "jws_signature",
	    "an RS256 signature is no PS256 one");
	is_str(verdict(sign(rsa, "RS256", "{\"alg\":\"RS512\"}", "{}"), rsa_keys), "jws_signature",
	    "an RS256 signature is no RS512 one");

	changed = arena_strdup(a, good); /* one bit of each character in turn */
	for (size_t i = 0; i < strlen(good); i++) {
		changed[i] ^= 1;
		passed += !strcmp(verdict(changed, keys), "ok");
		changed[i] ^= 1;
	}
	is_int(passed, 0, "no change of a single character passes");
}

static void key_choice(void)
{
	const char *text = sign(p256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"k\"}", "{}");
	const char *bare = sign(p256, "ES256", "{\"alg\":\"ES256\"}", "{}");
	const char *key = jwk(p256_pem, "k"),
		   *plain = without(without(key, ",\"use\":\"sig\""), ",\"alg\":\"ES256\"");
	struct {
		const char *text, *jwks, *want, *name;
	} rows[] = {
		{ text, set(plain, NULL), "ok", "a key that says nothing of its use is tried" },
		{ text, set(jwk(rsa_pem, "k"), key), "ok",
		    "of two keys with one kid, the one that fits is tried" },
		{ text, set(jwk(other_pem, "k"), key), "ok",
		    "of two keys with one kid that fit, both are tried" },
		{ text, set(jwk(p256_pem, "other"), NULL), "jws_no_key",
		    "a right key of another kid is not tried" },
		{ text, set(without(key, ",\"kid\":\"k\""), NULL), "jws_no_key",
		    "a key without kid does not serve a kid" },
		{ bare, set(without(key, ",\"kid\":\"k\""), NULL), "ok",
		    "a key without kid serves a text without" },
		{ text, set(with(plain, ",\"use\":\"enc\""), NULL), "jws_no_key",
		    "a key for encryption is not tried" },
		{ text, set(with(plain, ",\"use\":7"), NULL), "jws_no_key",
		    "a key of a use that is no string is not tried" },
		{ text, set(with(plain, ",\"alg\":\"ES384\""), NULL), "jws_no_key",
		    "a key of another algorithm is not tried" },
		{ text, set(with(plain, ",\"key_ops\":[\"verify\"]"), NULL), "ok",
		    "a key for verifying is tried" },
		{ text, set(with(plain, ",\"key_ops\":[\"sign\",\"verify\"]"), NULL), "ok",
		    "a key for verifying too is tried" },
		{ text, set(with(plain, ",\"key_ops\":[\"encrypt\"]"), NULL), "jws_no_key",
		    "a key for something else is not tried" },
		{ text, set(with(plain, ",\"key_ops\":\"verify\""), NULL), "jws_no_key",
		    "key_ops that is no list allows nothing" },
		{ text, "{\"keys\":[]}", "jws_no_key", "an empty set has no key" },
		{ text, "{\"keys\":[7,null,\"k\",[]]}", "jws_no_key",
		    "what is no key is passed over" },
		{ text, "{\"keys\":{}}", "jwks_malformed", "keys that are no list are refused" },
		{ text, "{}", "jwks_malformed", "a set without keys is refused" },
		{ text, "[]", "jwks_malformed", "a list is no set" },
		{ text, "", "jwks_malformed", "nothing is no set" },
		{ text, "{\"keys\":[],\"keys\":[]}", "jwks_malformed", "keys twice is refused" },
		{ text, set("{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"k\"}", NULL), "jws_no_key",
		    "a secret is no key here" },
		{ text,
		    set("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\",\"kid\":"
			"\"k\"}",
			NULL),
		    "jws_no_key", "coordinates of another size are refused" },
		{ text,
		    set("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
			"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\",\"kid\":\"k\"}",
			NULL),
		    "jws_signature", "a point that is not on the curve verifies nothing" },
		{ text,
		    set("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\",\"kid\":\"k\"}", NULL),
		    "jws_no_key", "a key of an unknown type is passed over" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(verdict(rows[i].text, rows[i].jwks), rows[i].want, rows[i].name);
}

static void weak_keys(void)
{
	const char *text = sign(rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"k\"}", "{}");
	const char *key = jwk(rsa_pem, "k"), *at = strstr(key, "\"e\":\"AQAB\"");
	const char *one, *even;

	ok(at != NULL, "the key has the usual exponent");
	one = arena_printf(a, "%.*s\"e\":\"AQ\"%s", (int)(at - key), key, at + 10);
	even = arena_printf(a, "%.*s\"e\":\"Ag\"%s", (int)(at - key), key, at + 10);
	is_str(
	    verdict(text, set(one, NULL)), "jws_no_key", "an RSA key with exponent 1 is not used");
	is_str(verdict(text, set(even, NULL)), "jws_no_key",
	    "an RSA key with an even exponent is not used");
	is_str(verdict(sign(rsa_small, "RS256", "{\"alg\":\"RS256\",\"kid\":\"k\"}", "{}"),
		   set(jwk(small_pem, "k"), NULL)),
	    "jws_no_key", "an RSA key of 1024 bits is not used");
	is_str(verdict(text, set(arena_printf(a,
				     "{\"kty\":\"RSA\",\"kid\":\"k\",\"e\":\"AQAB\",\"n\":\"%s\"}",
				     b64("", 0)),
				 NULL)),
	    "jws_no_key", "an RSA key without a modulus is not used");
}

static void registration(void)
{
	const char *key = jwk(p256_pem, "k");
	struct buf many;
	struct {
		const char *jwks, *want, *name;
	} rows[] = {
		{ set(key, NULL), "ok", "a set with an EC key may be registered" },
		{ set(jwk(rsa_pem, NULL), NULL), "ok", "a set with an RSA key may be registered" },
		{ set(key, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}"), "ok",
		    "a key of an unknown type beside is no harm" },
		{ set("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", NULL),
		    "jwks_malformed", "a set without a usable key is refused" },
		{ "{\"keys\":[]}", "jwks_malformed", "an empty set is refused" },
		{ set(with(key, ",\"d\":\"AAAA\""), NULL), "jwks_malformed",
		    "a private EC key is refused" },
		{ set(key, with(jwk(rsa_pem, NULL), ",\"p\":\"AAAA\"")), "jwks_malformed",
		    "a private RSA key beside a public one is refused" },
		{ set(key, "{\"kty\":\"oct\",\"k\":\"AAAA\"}"), "jwks_malformed",
		    "a secret is refused" },
		{ set(key, "7"), "jwks_malformed", "a key that is no object is refused" },
		{ set(jwk(small_pem, NULL), NULL), "jwks_malformed",
		    "a set with only a short key is refused" },
		{ set("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		      "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
		      "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}",
		      NULL),
		    "jwks_malformed", "a set with only a point off the curve is refused" },
		{ "{\"keys\":null}", "jwks_malformed", "keys null is refused" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(checked(rows[i].jwks), rows[i].want, rows[i].name);
	buf_init(&many, 1 << 20);
	for (int i = 0; i <= JWKS_KEYS_MAX; i++)
		buf_printf(&many, "%s%s", i ? "," : "", key);
	is_str(checked(set(buf_text(&many), NULL)), "jwks_malformed",
	    "a set with too many keys is refused");
	buf_release(&many);
	ok(!strstr(key, "\"d\""), "a public half holds no private member");
	ok(strstr(key, "\"use\":\"sig\"") && strstr(key, "\"alg\":\"ES256\"") &&
		strstr(key, "\"kid\":\"k\""),
	    "a public half says what it is for");
}

int main(void)
{
	a = arena_new();
	rsa = EVP_RSA_gen(2048);
	rsa_small = EVP_RSA_gen(1024);
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	p521 = EVP_EC_gen("P-521");
	other = EVP_EC_gen("P-256");
	rsa_pem = pem_of(rsa);
	small_pem = pem_of(rsa_small);
	p256_pem = pem_of(p256);
	p384_pem = pem_of(p384);
	p521_pem = pem_of(p521);
	other_pem = pem_of(other);

	algorithms();
	short_halves();
	headers();
	payloads();
	signatures();
	key_choice();
	weak_keys();
	registration();

	EVP_PKEY_free(rsa);
	EVP_PKEY_free(rsa_small);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(p521);
	EVP_PKEY_free(other);
	arena_free(a);
	return done();
}
