/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session ids: foreign ones never open; what is sealed from the input opens to the same; capabilities of any
 * shape only ever declare.
 */
#include "config.h"

#include "fuzz.h"

#include "mcp/session.h"

#include <string.h>

static struct ring *new_ring(void)
{
	char text[] = "k primary q1ZtMG8zR2hTd1lYbFB4UkV2Q2pLbkZ1T2lBZUh5ZDk\n";
	struct ring *r = ring_new();

	must(!ring_parse(r, KEY_SESSION, text, strlen(text)));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct session_place place = { "user", "client", "op", "/mcp" };
	static struct ring *ring;
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n);
	const struct scan_limits limits = scan_limits_of(65536);
	struct session s = { .upstream_id = text, .version = "" }, back;

	if (!ring)
		ring = new_ring(); /* kept for all inputs */
	must(!session_open(&back, text, &place, ring, a, NULL));
	if (scan_check(text, n, &limits, NULL))
		session_declare(&s, (struct span){ text, n });
	if (session_id_is_good(text)) {
		must(session_open(&back, session_seal(&s, &place, ring, a), &place, ring, a, NULL));
		must(!strcmp(back.upstream_id, text) && back.roots == s.roots && back.elicitation_url == s.elicitation_url);
	}
	arena_free(a);
	return 0;
}
