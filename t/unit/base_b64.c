/* SPDX-License-Identifier: Apache-2.0 */
/* base64: RFC 4648 section 10's vectors, and each text that must be refused. */
#include "config.h"

#include "base/b64.h"

#include "tap.h"

static const struct {
	const char *bytes, *text, *padded, *name;
} vectors[] = {
	{ "", "", "", "nothing" },
	{ "f", "Zg", "Zg==", "one byte" },
	{ "fo", "Zm8", "Zm8=", "two bytes" },
	{ "foo", "Zm9v", "Zm9v", "three bytes" },
	{ "foob", "Zm9vYg", "Zm9vYg==", "four bytes" },
	{ "fooba", "Zm9vYmE", "Zm9vYmE=", "five bytes" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy", "six bytes" },
};

static const struct {
	const char *text;
	bool url, standard;
	const char *name;
} rows[] = {
	{ "-_-_", true, false, "the url alphabet's last two are not the standard's" },
	{ "+/+/", false, true, "the standard alphabet's last two are not the url's" },
	{ "Zg==", false, true, "padding is refused in base64url, right padding taken in base64" },
	{ "Zg=", false, false, "half of the padding is refused" },
	{ "Zm8==", false, false, "too much padding is refused" },
	{ "Zm9v====", false, false, "padding where none is due is refused" },
	{ "=", false, false, "padding alone is refused" },
	{ "====", false, false, "a block of padding is refused" },
	{ "Z", false, false, "a length no bytes can have is refused" },
	{ "Zm9vY", false, false, "a length of 4n + 1 is refused" },
	{ "Zh", false, false, "bits beyond the last byte are refused" },
	{ "Zm9", false, false, "bits beyond the second byte are refused" },
	{ "Zm 8", false, false, "a blank inside is refused" },
	{ "Zm8\n", false, false, "a newline is refused" },
	{ "Zm8\x80", false, false, "a byte past ASCII is refused" },
};

int main(void)
{
	unsigned char all[256], back[256];
	char name[200], text[B64URL_LEN(256) + 1];
	size_t len;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		size_t n = strlen(vectors[i].bytes);

		b64url_encode(text, vectors[i].bytes, n);
		snprintf(name, sizeof(name), "%s encodes as the RFC says", vectors[i].name);
		is_str(text, vectors[i].text, name);
		snprintf(name, sizeof(name), "%s: B64URL_LEN is its length", vectors[i].name);
		is_int(B64URL_LEN(n), strlen(text), name);
		snprintf(name, sizeof(name), "%s decodes", vectors[i].name);
		ok(b64url_decode(back, &len, text, strlen(text)) && len == n &&
		        !memcmp(back, vectors[i].bytes, n),
		    name);
		snprintf(name, sizeof(name), "%s decodes with padding", vectors[i].name);
		ok(b64_decode(back, &len, vectors[i].padded, strlen(vectors[i].padded)) &&
		        len == n && !memcmp(back, vectors[i].bytes, n),
		    name);
		b64_encode(text, vectors[i].bytes, n);
		snprintf(name, sizeof(name), "%s encodes with padding", vectors[i].name);
		is_str(text, vectors[i].padded, name);
		is_int(B64_LEN(n), strlen(text), "B64_LEN is its length");
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].text);

		ok(b64url_decode(back, &len, rows[i].text, n) == rows[i].url &&
		        b64_decode(back, &len, rows[i].text, n) == rows[i].standard,
		    rows[i].name);
	}
	for (size_t i = 0; i < 256; i++)
		all[i] = (unsigned char)(255 - i);
	b64url_encode(text, all, 256);
	ok(b64url_decode(back, &len, text, strlen(text)) && len == 256 && !memcmp(all, back, 256),
	    "all byte values come back");
	return done();
}
