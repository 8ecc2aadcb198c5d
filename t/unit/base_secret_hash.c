/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of secrets in configuration: what is made opens, what is malformed never does. */
#include "config.h"

#include "base/secret_hash.h"

#include "tap.h"

#include <string.h>

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	const char *text, *name;
	bool valid;
} rows[] = {
	{ "pbkdf2-sha256$600000$c2FsdHNhbHQ$" HASH, "a salt of 8 bytes will do", true },
	{ "pbkdf2-sha256$10000$c2FsdHNhbHQ$" HASH, "10,000 rounds will do", true },
	{ "pbkdf2-sha256$9999$c2FsdHNhbHQ$" HASH, "9,999 rounds are too few", false },
	{ "pbkdf2-sha256$10000001$c2FsdHNhbHQ$" HASH, "over 10,000,000 rounds are too many", false },
	{ "pbkdf2-sha256$99999999999999999999$c2FsdHNhbHQ$" HASH, "a number without end is refused", false },
	{ "pbkdf2-sha256$0600000$c2FsdHNhbHQ$" HASH, "one spelling of a number only", false },
	{ "pbkdf2-sha256$600000$c2FsdA$" HASH, "a salt of 4 bytes is too short", false },
	{ "pbkdf2-sha256$600000$" HASH "AAAAAA$" HASH, "a salt of 36 bytes is too long", false },
	{ "pbkdf2-sha256$600000$c2FsdHNhbHQ$AAAA", "a short hash is refused", false },
	{ "pbkdf2-sha256$600000$c2FsdHNhbHQ$" HASH "AAAA", "a long hash is refused", false },
	{ "pbkdf2-sha256$600000$c2FsdHNhbHQ$" HASH "$", "something behind it is refused", false },
	{ "pbkdf2-sha256$600000$c2FsdHNhbHQ", "a missing part is refused", false },
	{ "pbkdf2-sha512$600000$c2FsdHNhbHQ$" HASH, "another scheme is refused", false },
	{ "", "nothing is refused", false },
	{ NULL, "absence is refused", false },
};

int main(void)
{
	char a[SECRET_HASH_TEXT], b[SECRET_HASH_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ok(secret_hash_is_valid(rows[i].text) == rows[i].valid, rows[i].name);
		ok(!secret_hash_matches(rows[i].text, ""), "... and no secret has it");
	}
	secret_hash_make(a, "s3cret");
	secret_hash_make(b, "s3cret");
	ok(secret_hash_is_valid(a), "what is made is valid");
	ok(strcmp(a, b) != 0, "two hashes of one secret differ");
	ok(secret_hash_matches(a, "s3cret") && secret_hash_matches(b, "s3cret"), "both match it");
	ok(!secret_hash_matches(a, "s3cre") && !secret_hash_matches(a, ""), "and nothing else");
	ok(secret_hash_matches("pbkdf2-sha256$80000$TmFDbE5hQ2w$Q9X5TYm7APo3Dt8GKWvPSYeqRflNEgQlbgcO4aAyBjo", "Password"),
	    "a hash that another program made matches");
	return done();
}
