/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, HMAC-SHA-256, HKDF, and the only comparison that secrets may meet. */
#ifndef GATEHOUSE_BASE_HASH_H
#define GATEHOUSE_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_LEN = 32 };

void hash_sha256(unsigned char out[HASH_LEN], const void *p, size_t n);
void hash_hmac(unsigned char out[HASH_LEN], const void *key, size_t key_len, const void *p, size_t n);

/* HKDF-SHA-256 (RFC 5869) of N bytes, N at most 255 * 32. SALT may be empty. */
void hash_hkdf(void *out, size_t n, const void *key, size_t key_len, const void *salt,
    size_t salt_len, const void *info, size_t info_len);

/* CRC-32 (IEEE), for the checksum that tokens end with: against typing errors, not attackers. */
uint32_t hash_crc32(const void *p, size_t n);

/* Constant time in N. */
bool hash_equal(const void *a, const void *b, size_t n);

/* Constant time in the shorter; lengths are not secret. */
bool hash_equal_text(const char *a, const char *b);

/* 2 * N lower-case digits and a NUL. */
void hex_encode(char *out, const void *p, size_t n);

/* Decodes N digits (even); false for others. */
bool hex_decode(void *out, const char *s, size_t n);

#endif
