/* SPDX-License-Identifier: Apache-2.0 */
/* Masking: wherever a credential is cut into pieces, and never a byte too much or too late. */
#include "config.h"

#include "mcp/mask.h"

#include "tap.h"

static struct upstream_secret two = { "secret-2", NULL };
static struct upstream_secret one = { "secret-one", &two };

static const struct {
	const char *text, *masked, *name;
} rows[] = {
	{ "nothing here", "nothing here", "text without a credential passes" },
	{ "secret-one", "**********", "a credential alone" },
	{ "a secret-one b secret-2 c", "a ********** b ******** c", "two of them" },
	{ "secret-onesecret-one", "********************", "one behind the other" },
	{ "ssecret-one", "s**********", "a false start before it" },
	{ "secret-secret-2", "secret-********", "a beginning that becomes another" },
	{ "secret-on", "secret-on", "a beginning that ends there" },
	{ "secret-", "secret-", "of both" },
	{ "", "", "nothing" },
};

/* Feeds TEXT in pieces of N; the whole in OUT. */
static void feed(char *out, const char *text, size_t n)
{
	struct mask m;
	const char *piece;
	size_t len = strlen(text), used = 0, got;

	mask_init(&m, &one);
	for (size_t i = 0; i < len; i += n) {
		got = mask_feed(&m, text + i, len - i < n ? len - i : n, &piece);
		memcpy(out + used, piece, got);
		used += got;
	}
	got = mask_feed(&m, NULL, 0, &piece);
	if (got)
		memcpy(out + used, piece, got);
	out[used + got] = '\0';
	mask_release(&m);
}

int main(void)
{
	struct mask m;
	const char *out;
	char text[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool same = true;

		for (size_t n = 1; n <= 12; n++) {
			feed(text, rows[i].text, n);
			same = same && !strcmp(text, rows[i].masked);
		}
		ok(same, rows[i].name);
	}
	mask_init(&m, &one);
	is_int(mask_feed(&m, "data: {}\n\n", 10, &out), 10, "the end of an event is not held back");
	is_int(mask_feed(&m, "x secr", 6, &out), 2, "what may become a credential is");
	is_int(mask_feed(&m, "eta", 3, &out), 7, "until it cannot");
	mask_release(&m);
	mask_init(&m, NULL);
	is_int(mask_feed(&m, rows[1].text, 10, &out), 10, "without credentials");
	ok(out == rows[1].text, "nothing is copied");
	mask_release(&m);
	ok(mask_finds(&one, "/mcp?k=secret-2&x"), "a text that holds one is known");
	ok(!mask_finds(&one, "/mcp?k=secret-"), "and one that does not");
	return done();
}
