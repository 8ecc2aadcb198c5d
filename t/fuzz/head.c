/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an upstream's answer, in lines: bounded, names in lower case, values without line breaks at their ends. */
#include "config.h"

#include "fuzz.h"

#include "mcp/head.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	struct head h = { .status = 0 };
	const char *p = (const char *)bytes, *end = p + n;

	while (p < end) {
		const char *feed = memchr(p, '\n', (size_t)(end - p));
		size_t line = feed ? (size_t)(feed - p) + 1 : (size_t)(end - p);

		if (head_line(&h, a, p, line) != HEAD_MORE)
			break;
		p += line;
	}
	must(h.status >= 0 && h.status <= 999);
	for (const struct head_field *f = h.fields; f; f = f->next) {
		must(*f->name && strlen(f->name) + strlen(f->value) < n);
		must(!strpbrk(f->name, ":ABCDEFGHIJKLMNOPQRSTUVWXYZ") && !strchr(f->value, '\n'));
		must(head_get(&h, f->name));
	}
	head_is_stream(&h);
	arena_free(a);
	return 0;
}
