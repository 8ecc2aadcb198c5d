/* SPDX-License-Identifier: Apache-2.0 */
/* URIs: parts hold no byte that the grammar excludes, an origin parses to itself, coding is undone. */
#include "config.h"

#include "fuzz.h"

#include "base/uri.h"

#include <string.h>

static bool is_plain(const char *s)
{
	for (; s && *s; s++)
		if (*s <= ' ' || *s == '\\' || *s == 0x7f)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n), *decoded;
	struct uri u, again;

	if (uri_parse(&u, a, text, NULL)) {
		must(is_plain(u.scheme) && is_plain(u.host) && is_plain(u.path) && is_plain(u.query));
		must(!u.host || (*u.host && !strpbrk(u.host, "/?#@\\ABCXYZ")));
		must(!strpbrk(u.path, "?#") && (!u.query || !strchr(u.query, '#')));
		if (u.host) {
			must(uri_parse(&again, a, uri_origin(&u, a), NULL));
			must(u.port == 0 || uri_same_origin(&u, &again));
			must(!again.userinfo && !*again.path);
		}
		if (strlen(text) < 1000 && u.host && !u.fragment)
			must(uri_parse(&again, a, uri_add_query(a, text, "n", text), NULL) &&
			    again.query && !strcmp(again.host, u.host));
	}
	decoded = uri_decode(a, uri_encode(a, text), strlen(uri_encode(a, text)), false);
	must(decoded && !strcmp(decoded, text));
	uri_decode(a, (const char *)bytes, n, true);
	arena_free(a);
	return 0;
}
