/* SPDX-License-Identifier: Apache-2.0 */
/* base64url without padding (RFC 4648 section 5), strict; and standard base64 for Basic. */
#ifndef GATEHOUSE_BASE_B64_H
#define GATEHOUSE_BASE_B64_H

#include <stdbool.h>
#include <stddef.h>

/* Characters that N bytes encode to, without the NUL. */
#define B64URL_LEN(n) (((n) * 4 + 2) / 3)

/* Writes B64URL_LEN(n) characters and a NUL at OUT. */
void b64url_encode(char *out, const void *bytes, size_t n);

/*
 * Decodes N characters into OUT (room for at least N * 3 / 4 bytes), their number in *LEN.
 * False for a character outside the alphabet, padding, an impossible length, or bits set
 * beyond the last byte (so that each value has exactly one spelling).
 */
bool b64url_decode(void *out, size_t *len, const char *s, size_t n);

/* The standard alphabet with padding: writes B64_LEN(n) characters and a NUL at OUT. */
#define B64_LEN(n) (((n) + 2) / 3 * 4)
void b64_encode(char *out, const void *bytes, size_t n);

/* The standard alphabet; padding optional, but right where it is present. */
bool b64_decode(void *out, size_t *len, const char *s, size_t n);

#endif
