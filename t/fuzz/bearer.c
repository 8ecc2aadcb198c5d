/* SPDX-License-Identifier: Apache-2.0 */
/* The Authorization header: what comes out is one token, a part of what went in. */
#include "config.h"

#include "fuzz.h"

#include "oauth/bearer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n);
	struct err e = { .code = ERR_NONE };
	const char *token = bearer_parse(a, text, 512, &e);

	must((token == NULL) == (e.code != ERR_NONE));
	if (token)
		must(*token && !strpbrk(token, " ,\t") && strstr(text, token) && strlen(text) <= 512);
	arena_free(a);
	return 0;
}
