/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: the edges of RFC 3629's table, and every scalar value both ways. */
#include "config.h"

#include "base/utf8.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	size_t n, length;
	const char *name;
} rows[] = {
	{ "", 0, 0, "nothing is no character" },
	{ "\0", 1, 1, "NUL is a character" },
	{ "\x7f", 1, 1, "the last of one byte" },
	{ "\x80", 1, 0, "a continuation alone" },
	{ "\xbf", 1, 0, "the last continuation alone" },
	{ "\xc0\x80", 2, 0, "NUL spelled overlong" },
	{ "\xc1\xbf", 2, 0, "an overlong two" },
	{ "\xc2\x80", 2, 2, "the first of two bytes" },
	{ "\xdf\xbf", 2, 2, "the last of two bytes" },
	{ "\xc2", 1, 0, "two bytes cut after one" },
	{ "\xc2\x41", 2, 0, "two bytes without continuation" },
	{ "\xc2\xc2", 2, 0, "two first bytes" },
	{ "\xe0\x9f\xbf", 3, 0, "an overlong three" },
	{ "\xe0\xa0\x80", 3, 3, "the first of three bytes" },
	{ "\xed\x9f\xbf", 3, 3, "the last before the surrogates" },
	{ "\xed\xa0\x80", 3, 0, "the first surrogate" },
	{ "\xed\xbf\xbf", 3, 0, "the last surrogate" },
	{ "\xee\x80\x80", 3, 3, "the first after the surrogates" },
	{ "\xef\xbf\xbf", 3, 3, "the last of three bytes" },
	{ "\xe2\x82", 2, 0, "three bytes cut after two" },
	{ "\xe2\x82\x41", 3, 0, "three bytes without the last continuation" },
	{ "\xf0\x8f\xbf\xbf", 4, 0, "an overlong four" },
	{ "\xf0\x90\x80\x80", 4, 4, "the first of four bytes" },
	{ "\xf4\x8f\xbf\xbf", 4, 4, "the last of all" },
	{ "\xf4\x90\x80\x80", 4, 0, "one past the last" },
	{ "\xf5\x80\x80\x80", 4, 0, "a first byte past the last" },
	{ "\xf0\x9f\x98", 3, 0, "four bytes cut after three" },
	{ "\xf8\x88\x80\x80\x80", 5, 0, "five bytes" },
	{ "\xff", 1, 0, "0xff" },
};

/* Texts at random of good characters and a few bytes that are none: what is passed in pieces is judged as one by one. */
static bool pieces_are_judged(void)
{
	static const char *kinds[] = { "a", "z", "\x7f", "\n", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\x80", "\xc3" };
	unsigned seed = 20261127;
	char text[80];

	for (int i = 0; i < 100000; i++) {
		size_t n = 0, end = (size_t)rand_r(&seed) % 70, at = 0, len = 1;
		unsigned few = 1 + (unsigned)rand_r(&seed) % 9;

		while (n < end) {
			const char *kind = kinds[(unsigned)rand_r(&seed) % 8 ? (unsigned)rand_r(&seed) % 4 : (unsigned)rand_r(&seed) % few];

			memcpy(text + n, kind, strlen(kind));
			n += strlen(kind);
		}
		for (; at < n && len; at += len)
			len = utf8_length(text + at, n - at);
		if (utf8_is_valid(text, n) != (len != 0))
			return false;
	}
	return true;
}

int main(void)
{
	bool good = true;
	char c[4];
	size_t len;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		is_int(utf8_length(rows[i].text, rows[i].n), rows[i].length, rows[i].name);
	for (uint32_t u = 0; u <= 0x10ffff; u++) {
		if (u == 0xd800)
			u = 0xe000;
		size_t n = utf8_encode(c, u);
		good = good && utf8_length(c, n) == n && utf8_decode(c, &len) == u && len == n;
	}
	ok(good, "every scalar value comes back");
	ok(utf8_is_valid("", 0) && utf8_is_valid("a\xc3\xa9z", 4), "a text of valid characters");
	ok(utf8_is_valid("0123456789\xc3\xa9", 12), "behind a long plain text");
	ok(!utf8_is_valid("01234567\xc3", 9) && !utf8_is_valid("0123456\xff" "89abcdef", 16), "a wrong byte behind or in a long plain text");
	ok(!utf8_is_valid("a\xc3\xa9\xc3", 4), "a text cut inside a character");
	ok(pieces_are_judged(), "100,000 texts at random are judged as their characters are, one by one");
	return done();
}
