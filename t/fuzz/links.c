/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are blotted out: not a byte more or less, however the bytes come in, and none that is good. */
#include "config.h"

#include "fuzz.h"

#include "mcp/links.h"

#include <stdlib.h>
#include <string.h>

static void feed(char *out, const char *p, size_t n, size_t step, bool sse)
{
	struct links l;

	links_init(&l, sse);
	for (size_t at = 0; at < n; at += step) {
		size_t part = n - at < step ? n - at : step;

		memcpy(out + at, links_feed(&l, p + at, part), part);
	}
	links_release(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *p = (const char *)bytes;
	char *whole = malloc(n + 1), *parts = malloc(n + 1);

	for (int sse = 0; n && sse < 2; sse++) {
		feed(whole, p, n, n, sse);
		for (size_t i = 0; i < n; i++)
			must(whole[i] == p[i] || (whole[i] == '-' && p[i] != '\n'));
		for (size_t step = 1; step < 8; step++) {
			feed(parts, p, n, step, sse);
			must(!memcmp(whole, parts, n));
		}
		/* what came out is left alone */
		feed(parts, whole, n, n, sse);
		must(!memcmp(whole, parts, n));
	}
	free(whole);
	free(parts);
	return 0;
}
