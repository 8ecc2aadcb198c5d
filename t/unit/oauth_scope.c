/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: one, named or meant. */
#include "config.h"

#include "oauth/scope.h"

#include "tap.h"

static const struct {
	const char *text, *want, *name;
} rows[] = {
	{ NULL, "mcp:tools", "no scope means all" },
	{ "", "mcp:tools", "so does an empty one" },
	{ " ", "mcp:tools", "so do blanks" },
	{ "mcp:tools", "mcp:tools", "the one scope is known" },
	{ "mcp:tools mcp:tools", "mcp:tools", "twice is once" },
	{ " mcp:tools ", "mcp:tools", "blanks around it do not count" },
	{ "mcp:tool", NULL, "a prefix of it is unknown" },
	{ "mcp:toolsx", NULL, "so is a longer one" },
	{ "MCP:TOOLS", NULL, "scopes are case-sensitive" },
	{ "mcp:tools openid", NULL, "one unknown scope is one too many" },
	{ "mcp:tools\topenid", NULL, "a tab separates nothing" },
	{ "offline_access", NULL, "offline_access is not in the catalogue" },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { .code = ERR_NONE };

		is_str(scope_parse(rows[i].text, &e), rows[i].want, rows[i].name);
		is_int(e.code, rows[i].want ? ERR_NONE : ERR_INVALID_SCOPE, "and the error says so");
	}
	return done();
}
