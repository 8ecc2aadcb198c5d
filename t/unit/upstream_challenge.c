/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of WWW-Authenticate headers as servers write them. */
#include "config.h"

#include "upstream/challenge.h"

#include "tap.h"

#define PRM "https://up.example/prm"

static const struct {
	const char *header;
	bool found;
	const char *metadata, *scope, *error;
	const char *name;
} rows[] = {
	{ NULL, false, NULL, NULL, NULL, "no header has no challenge" },
	{ "", false, NULL, NULL, NULL, "nor has an empty one" },
	{ "Bearer", true, NULL, NULL, NULL, "a scheme alone is a challenge" },
	{ "Bearer resource_metadata=\"" PRM "\"", true, PRM, NULL, NULL, "a parameter is read" },
	{ "bEARER Resource_Metadata = \"" PRM "\" , SCOPE=read", true, PRM, "read", NULL,
	    "names have no case, and blanks mean nothing" },
	{ "Bearer scope=\"a, b=\\\"c\\\"\", error=\"x\"", true, NULL, "a, b=\"c\"", "x",
	    "a comma, an equals sign and an escape in quotes are text" },
	{ "Basic realm=\"x, Bearer scope=y\", Bearer scope=\"z\"", true, NULL, "z", NULL,
	    "what stands in another scheme's quotes is no challenge" },
	{ "Negotiate abc==, Bearer scope=z", true, NULL, "z", NULL, "token68 is passed over" },
	{ "DPoP scope=\"a\", resource_metadata=\"b\"", false, NULL, NULL, NULL,
	    "another scheme's parameters do not count" },
	{ "Bearer scope=a, DPoP error=b", true, NULL, "a", NULL, "nor do those that follow" },
	{ "Bearer realm=x, Bearer scope=a, Bearer scope=b", true, NULL, "a", NULL,
	    "of several the first that says something counts" },
	{ "Bearer scope=\"open", true, NULL, NULL, NULL, "a quote that does not end says nothing" },
	{ ",, ,Bearer error=e", true, NULL, NULL, "e", "empty elements are passed over" },
	{ "Bearer scope=", true, NULL, NULL, NULL, "a parameter without a value says nothing" },
	{ "\"Bearer\" scope=a", false, NULL, NULL, NULL, "a scheme has no quotes" },
};

int main(void)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct challenge c;

		ok(challenge_read(&c, a, rows[i].header) == rows[i].found, rows[i].name);
		is_str(c.resource_metadata, rows[i].metadata, "... its metadata");
		is_str(c.scope, rows[i].scope, "... its scope");
		is_str(c.error, rows[i].error, "... its error");
	}
	arena_free(a);
	return done();
}
