/* SPDX-License-Identifier: Apache-2.0 */
/* One scope: a request can only name it, or leave it out. */
#include "config.h"

#include "oauth/scope.h"

#include <string.h>

const char *scope_parse(const char *text, struct err *e)
{
	const size_t all = strlen(SCOPE_ALL);

	while (text && *text) {
		size_t n = strcspn(text, " ");

		if (n && (n != all || memcmp(text, SCOPE_ALL, n))) {
			err_set(e, ERR_INVALID_SCOPE, "the only scope here is " SCOPE_ALL,
			    "asked for '%.*s'", n > 64 ? 64 : (int)n, text);
			return NULL;
		}
		text += n + (text[n] == ' ');
	}
	return SCOPE_ALL;
}
