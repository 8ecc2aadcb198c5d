/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of events in one piece, as another program left it. */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "event/packed.h"

#include <string.h>

enum { FIELDS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n), *at = text;
	const char *fields[FIELDS] = { NULL }, *end = text + strlen(text);
	size_t most = packed_count(text), records = 0;
	int64_t us;

	while (packed_next(&at, &us, fields, FIELDS)) {
		must(++records <= most && at > text && at <= end);
		for (size_t i = 0; i < FIELDS; i++)
			must(!fields[i] || (fields[i] >= text && fields[i] + strlen(fields[i]) < at));
	}
	must(!at || !*at);
	arena_free(a);
	return 0;
}
