/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each write has a key of its own, so that no nonce can meet its like; the commitment, derived
 * beside it, lets a blob open under one key only (GCM alone does not promise that).
 */
#include "config.h"

#include "keys/seal.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/rand.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum {
	FORMAT = 1,
	SALT = 16,
	COMMITMENT = 32,
	NONCE = 12,
	TAG = 16,
	FIXED = SALT + COMMITMENT + NONCE + TAG, /* besides version, id and ciphertext */
	PLAIN_MAX = 64 * 1024 * 1024
};

struct derived {
	unsigned char key[KEY_LEN], commitment[COMMITMENT];
};

static void derive(
    struct derived *d, const unsigned char *key, const char *use, const unsigned char *salt)
{
	char info[64] = "gatehouse seal 1 ";

	memcpy(info + strlen(info), use, strlen(use));
	hash_hkdf(d, sizeof(*d), key, KEY_LEN, salt, SALT, info, strlen(info));
}

/* The list of parts with lengths before them, so that no two lists have one spelling. */
static void add_parts(struct buf *b, const char *const *parts)
{
	for (; parts && *parts; parts++) {
		uint64_t n = strlen(*parts);
		unsigned char prefix[8];

		for (int i = 0; i < 8; i++)
			prefix[i] = (unsigned char)(n >> 8 * (7 - i));
		buf_add(b, prefix, sizeof(prefix));
		buf_add(b, *parts, n);
	}
	if (b->over)
		abort();
}

/* What the tag covers besides the ciphertext: the blob's head, and its place. */
static void additional_data(
    struct buf *b, const unsigned char *head, size_t head_n, const char *const *place)
{
	buf_init(b, 1024 * 1024);
	buf_add(b, head, head_n);
	add_parts(b, place);
}

static void gcm_seal(unsigned char *out, const unsigned char *key, const unsigned char *nonce,
    const struct buf *aad, const void *p, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	if (!ctx || !EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) ||
	    !EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)aad->data, (int)aad->len) ||
	    (n && !EVP_EncryptUpdate(ctx, out, &len, p, (int)n)) ||
	    !EVP_EncryptFinal_ex(ctx, out + n, &len) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + n))
		abort();
	EVP_CIPHER_CTX_free(ctx);
}

static bool gcm_open(unsigned char *out, const unsigned char *key, const unsigned char *nonce,
    const struct buf *aad, const unsigned char *p, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char tag[TAG];
	int len;
	bool ok;

	memcpy(tag, p + n, TAG);
	if (!ctx)
		abort();
	ok = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) &&
	     EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)aad->data, (int)aad->len) &&
	     (!n || EVP_DecryptUpdate(ctx, out, &len, p, (int)n)) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
	     EVP_DecryptFinal_ex(ctx, out + n, &len) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static struct blob seal_under(const unsigned char *key, const char *id, const char *use,
    struct arena *a, const void *p, size_t n, const char *const *place)
{
	size_t id_n = strlen(id), head = 2 + id_n + SALT + COMMITMENT;
	unsigned char *out, *salt, *nonce;
	struct derived d;
	struct buf aad;

	if (n > PLAIN_MAX)
		abort();
	out = arena_alloc(a, 2 + id_n + FIXED + n);
	salt = out + 2 + id_n;
	nonce = out + head;
	out[0] = FORMAT;
	out[1] = (unsigned char)id_n;
	memcpy(out + 2, id, id_n);
	rand_bytes(salt, SALT);
	derive(&d, key, use, salt);
	memcpy(salt + SALT, d.commitment, COMMITMENT);
	rand_bytes(nonce, NONCE);
	additional_data(&aad, out, head, place);
	gcm_seal(nonce + NONCE, d.key, nonce, &aad, p, n);
	buf_release(&aad);
	OPENSSL_cleanse(&d, sizeof(d));
	return (struct blob){ .p = out, .n = 2 + id_n + FIXED + n };
}

static bool broken(struct err *e, const char *why)
{
	return err_reason(e, ERR_INTERNAL, "seal_broken", "internal error", "%s", why);
}

/* Version, length and id; the id in ID. */
static bool read_head(struct blob b, char id[KEY_ID_MAX + 1])
{
	if (b.n < 2 || b.p[0] != FORMAT || b.p[1] > KEY_ID_MAX || b.n < 2u + b.p[1] + FIXED ||
	    b.n > PLAIN_MAX || memchr(b.p + 2, '\0', b.p[1]))
		return false;
	memcpy(id, b.p + 2, b.p[1]);
	id[b.p[1]] = '\0';
	return true;
}

/* The head was read. */
static bool open_under(const unsigned char *key, const char *use, struct arena *a, struct blob b,
    const char *const *place, struct blob *plain, struct err *e)
{
	const unsigned char *salt = b.p + 2 + b.p[1], *nonce = salt + SALT + COMMITMENT;
	size_t n = b.n - 2 - b.p[1] - FIXED;
	unsigned char *out = arena_alloc(a, n + 1);
	struct derived d;
	struct buf aad;
	bool ok;

	derive(&d, key, use, salt);
	additional_data(&aad, b.p, (size_t)(nonce - b.p), place);
	ok = hash_equal(d.commitment, salt + SALT, COMMITMENT) &&
	     gcm_open(out, d.key, nonce, &aad, nonce + NONCE, n);
	buf_release(&aad);
	OPENSSL_cleanse(&d, sizeof(d));
	if (!ok) {
		OPENSSL_cleanse(out, n); /* GCM has written before it judged */
		return broken(e, "changed, moved, or under another key");
	}
	*plain = (struct blob){ .p = out, .n = n };
	return true;
}

struct blob seal(const struct ring *r, enum purpose p, struct arena *a, const void *plain, size_t n,
    const char *const *place)
{
	const struct key *k = ring_primary(r, p);

	return seal_under(k->bytes, k->id, purpose_name(p), a, plain, n, place);
}

bool seal_open(const struct ring *r, enum purpose p, struct arena *a, struct blob b,
    const char *const *place, struct blob *plain, struct err *e)
{
	char id[KEY_ID_MAX + 1];
	const struct key *k;

	if (!read_head(b, id) || !*id)
		return broken(e, "malformed");
	k = ring_find(r, p, id);
	if (!k)
		return broken(e, "the key is unknown or retired");
	return open_under(k->bytes, purpose_name(p), a, b, place, plain, e);
}

const struct key *seal_key(const struct ring *r, enum purpose p, struct blob b)
{
	char id[KEY_ID_MAX + 1];

	return read_head(b, id) && *id ? ring_find(r, p, id) : NULL;
}

struct blob seal_with(const unsigned char key[KEY_LEN], struct arena *a, const void *p, size_t n,
    const char *const *place)
{
	return seal_under(key, "", "presented", a, p, n, place);
}

bool seal_open_with(const unsigned char key[KEY_LEN], struct arena *a, struct blob b,
    const char *const *place, struct blob *plain, struct err *e)
{
	char id[KEY_ID_MAX + 1];

	if (!read_head(b, id) || *id)
		return broken(e, "malformed");
	return open_under(key, "presented", a, b, place, plain, e);
}

static void mac_under(
    unsigned char out[32], const struct key *k, enum purpose p, const char *const *parts)
{
	char info[64] = "gatehouse mac 1 ";
	unsigned char key[KEY_LEN];
	struct buf b;

	memcpy(info + strlen(info), purpose_name(p), strlen(purpose_name(p)));
	hash_hkdf(key, sizeof(key), k->bytes, KEY_LEN, NULL, 0, info, strlen(info));
	buf_init(&b, 1024 * 1024);
	add_parts(&b, parts);
	hash_hmac(out, key, sizeof(key), buf_text(&b), b.len);
	buf_release(&b);
	OPENSSL_cleanse(key, sizeof(key));
}

void seal_mac(unsigned char out[32], const struct ring *r, enum purpose p, const char *const *parts)
{
	mac_under(out, ring_primary(r, p), p, parts);
}

bool seal_mac_verify(
    const unsigned char mac[32], const struct ring *r, enum purpose p, const char *const *parts)
{
	const struct key *k;
	unsigned char want[32];
	bool ok = false;

	for (size_t i = 0; (k = ring_at(r, p, i)); i++) {
		mac_under(want, k, p, parts);
		ok |= hash_equal(mac, want, sizeof(want));
	}
	OPENSSL_cleanse(want, sizeof(want));
	return ok;
}
