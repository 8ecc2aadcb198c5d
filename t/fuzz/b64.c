/* SPDX-License-Identifier: Apache-2.0 */
/* base64: each value has one spelling, and what is encoded comes back. */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "base/b64.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	const char *text = (const char *)bytes;
	char *room = xmalloc(n * 3 / 4), *spelled;
	size_t len;

	if (b64url_decode(room, &len, text, n)) {
		must(len <= n * 3 / 4);
		spelled = arena_alloc(a, B64URL_LEN(len) + 1);
		b64url_encode(spelled, room, len);
		must(B64URL_LEN(len) == n && !memcmp(spelled, text, n));
	}
	if (b64_decode(room, &len, text, n))
		must(len <= n * 3 / 4);
	free(room);
	spelled = arena_alloc(a, B64URL_LEN(n) + 1);
	b64url_encode(spelled, bytes, n);
	room = xmalloc(n);
	must(b64url_decode(room, &len, spelled, strlen(spelled)) && len == n && !memcmp(room, bytes, n));
	free(room);
	arena_free(a);
	return 0;
}
