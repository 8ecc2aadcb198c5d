/* SPDX-License-Identifier: Apache-2.0 */
/* base64 in its two alphabets, one decoder for both. */
#include "config.h"

#include "base/b64.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* Returns the end of what was written, which has no NUL yet. */
static char *encode(char *out, const void *bytes, size_t n, const char *alphabet)
{
	const unsigned char *p = bytes;
	unsigned acc = 0, bits = 0;

	while (n--) {
		acc = acc << 8 | *p++;
		bits += 8;
		while (bits >= 6) {
			bits -= 6;
			*out++ = alphabet[acc >> bits & 0x3f];
		}
	}
	if (bits)
		*out++ = alphabet[acc << (6 - bits) & 0x3f];
	return out;
}

void b64url_encode(char *out, const void *bytes, size_t n)
{
	*encode(out, bytes, n, LETTERS "-_") = '\0';
}

void b64_encode(char *out, const void *bytes, size_t n)
{
	char *end = encode(out, bytes, n, LETTERS "+/");

	while ((end - out) % 4)
		*end++ = '=';
	*end = '\0';
}

static int value_of(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == c62 ? 62 : c == c63 ? 63 : -1;
}

static bool decode(unsigned char *out, size_t *len, const char *s, size_t n, char c62, char c63)
{
	unsigned acc = 0, bits = 0;
	size_t used = 0;

	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int v = value_of(s[i], c62, c63);

		if (v < 0)
			return false;
		acc = acc << 6 | (unsigned)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[used++] = (unsigned char)(acc >> bits);
		}
	}
	*len = used;
	return (acc & ((1u << bits) - 1)) == 0;
}

bool b64url_decode(void *out, size_t *len, const char *s, size_t n)
{
	return decode(out, len, s, n, '-', '_');
}

bool b64_decode(void *out, size_t *len, const char *s, size_t n)
{
	if (n && n % 4 == 0 && s[n - 1] == '=')
		n -= s[n - 2] == '=' ? 2 : 1;
	return decode(out, len, s, n, '+', '/');
}
