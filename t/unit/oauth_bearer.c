/* SPDX-License-Identifier: Apache-2.0 */
/* The Authorization header: exactly one token, or none. */
#include "config.h"

#include "oauth/bearer.h"

#include "tap.h"

static const struct {
	const char *header, *token;
	enum err_code code;
	const char *reason, *name;
} rows[] = {
	{ "Bearer abc", "abc", ERR_NONE, NULL, "a token" },
	{ "bEaReR abc", "abc", ERR_NONE, NULL, "the scheme in any case" },
	{ "Bearer   abc  ", "abc", ERR_NONE, NULL, "blanks around it" },
	{ NULL, NULL, ERR_INVALID_TOKEN, "missing_token", "no header" },
	{ "", NULL, ERR_INVALID_TOKEN, "missing_token", "an empty header" },
	{ "Basic abc", NULL, ERR_INVALID_TOKEN, "missing_token", "another scheme" },
	{ "Bearerabc", NULL, ERR_INVALID_TOKEN, "missing_token", "a scheme that only begins so" },
	{ "Bearer", NULL, ERR_INVALID_REQUEST, "malformed_token", "the scheme alone" },
	{ "Bearer  ", NULL, ERR_INVALID_REQUEST, "malformed_token", "with blanks" },
	{ "Bearer a b", NULL, ERR_INVALID_REQUEST, "malformed_token", "a blank inside" },
	{ "Bearer a\tb", NULL, ERR_INVALID_REQUEST, "malformed_token", "a tab inside" },
	{ "Bearer a,b", NULL, ERR_INVALID_REQUEST, "malformed_token", "a comma inside" },
	{ "Bearer a, Bearer b", NULL, ERR_INVALID_REQUEST, "malformed_token", "two headers joined" },
	{ "Bearer 0123456789012", "0123456789012", ERR_NONE, NULL, "20 bytes, where 20 are allowed" },
	{ "Bearer 01234567890123", NULL, ERR_INVALID_REQUEST, "malformed_token", "21 bytes" },
};

int main(void)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { .code = ERR_NONE };

		is_str(bearer_parse(a, rows[i].header, 20, &e), rows[i].token, rows[i].name);
		is_int(e.code, rows[i].code, rows[i].name);
		if (rows[i].reason)
			is_str(err_reason_of(&e), rows[i].reason, rows[i].name);
	}
	arena_free(a);
	return done();
}
