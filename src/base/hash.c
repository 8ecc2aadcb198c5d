/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's digests behind plain functions. A failure of theirs ends the process. */
#include "config.h"

#define OPENSSL_SUPPRESS_DEPRECATED /* see hash_sha256() */

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

/* Of a token, with every call: OpenSSL 3's newer functions take longer to get ready than to do it. */
void hash_sha256(unsigned char out[HASH_LEN], const void *p, size_t n)
{
	SHA256_CTX c;

	if (!SHA256_Init(&c) || !SHA256_Update(&c, p, n) || !SHA256_Final(out, &c))
		abort();
	OPENSSL_cleanse(&c, sizeof(c));
}

void hash_hmac(unsigned char out[HASH_LEN], const void *key, size_t key_len, const void *p, size_t n)
{
	unsigned len = HASH_LEN;

	if (!HMAC(EVP_sha256(), key, (int)key_len, p, n, out, &len))
		abort();
}

void hash_hkdf(void *out, size_t n, const void *key, size_t key_len, const void *salt,
    size_t salt_len, const void *info, size_t info_len)
{
	unsigned char prk[HASH_LEN], t[HASH_LEN], zero[HASH_LEN] = { 0 };
	unsigned char block[HASH_LEN + 512 + 1];
	unsigned char *p = out;
	size_t have = 0;

	if (info_len > 512 || n > 255 * HASH_LEN)
		abort();
	hash_hmac(prk, salt_len ? salt : zero, salt_len ? salt_len : HASH_LEN, key, key_len);
	for (unsigned char i = 1; n; i++) {
		size_t take = n < HASH_LEN ? n : HASH_LEN;

		memcpy(block, t, have);
		if (info_len)
			memcpy(block + have, info, info_len);
		block[have + info_len] = i;
		hash_hmac(t, prk, sizeof(prk), block, have + info_len + 1);
		have = HASH_LEN;
		memcpy(p, t, take);
		p += take;
		n -= take;
	}
	OPENSSL_cleanse(prk, sizeof(prk));
	OPENSSL_cleanse(t, sizeof(t));
}

uint32_t hash_crc32(const void *p, size_t n)
{
	/* what four bits become */
	static const uint32_t of[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const unsigned char *s = p;
	uint32_t crc = 0xffffffffu;

	while (n--) {
		crc ^= *s++;
		crc = crc >> 4 ^ of[crc & 15];
		crc = crc >> 4 ^ of[crc & 15];
	}
	return ~crc;
}

bool hash_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

bool hash_equal_text(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	return n == m && hash_equal(a, b, n);
}

void hex_encode(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = p;

	while (n--) {
		*out++ = digits[*s >> 4];
		*out++ = digits[*s++ & 15];
	}
	*out = '\0';
}

/* What a hex digit stands for, and 16 more, so that 0 is none. */
static const unsigned char digit_of[256] = {
	['0'] = 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
	['A'] = 26, 27, 28, 29, 30, 31,
	['a'] = 26, 27, 28, 29, 30, 31,
};

bool hex_decode(void *out, const char *s, size_t n)
{
	unsigned char *p = out;

	if (n % 2)
		return false;
	for (; n; n -= 2, s += 2) {
		unsigned hi = digit_of[(unsigned char)s[0]], lo = digit_of[(unsigned char)s[1]];

		if (!hi || !lo)
			return false;
		*p++ = (unsigned char)((hi & 15) << 4 | (lo & 15));
	}
	return true;
}
