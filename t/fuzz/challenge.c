/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate of upstreams: what comes out is never longer than what went in. */
#include "config.h"

#include "fuzz.h"

#include "upstream/challenge.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n);
	struct challenge c;
	bool found = challenge_read(&c, a, text);

	must(found || (!c.error && !c.scope && !c.resource_metadata));
	must(!c.error || strlen(c.error) < strlen(text));
	must(!c.scope || strlen(c.scope) < strlen(text));
	must(!c.resource_metadata || strlen(c.resource_metadata) < strlen(text));
	arena_free(a);
	return 0;
}
