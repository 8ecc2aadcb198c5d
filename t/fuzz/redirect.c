/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirect URIs. The input is a registered one, a line break, and one that a request has. The oracle:
 * what is accepted is the same bytes, or http to the same spelling of loopback with the same rest,
 * so that only the port differs; and a registration that passes is one that every parser reads alike.
 */
#include "config.h"

#include "base/uri.h"
#include "oauth/redirect.h"

#include <string.h>

#include "fuzz.h"

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void check_accepted(struct arena *a, const char *registered, const char *uri)
{
	struct uri x, y;

	if (!strcmp(registered, uri))
		return;
	must(uri_parse(&x, a, registered, NULL) && uri_parse(&y, a, uri, NULL));
	must(!strcmp(x.scheme, "http") && !strcmp(y.scheme, "http"));
	must(!strncmp(registered, "http://", 7) && !strncmp(uri, "http://", 7));
	must(uri_is_loopback(x.host) && same(x.host, y.host));
	must(!x.userinfo && !y.userinfo && !x.fragment && !y.fragment);
	must(same(x.path, y.path) && same(x.query, y.query));
	must(x.port != y.port || x.has_port != y.has_port);
}

static void check_registered(struct arena *a, const char *uri)
{
	struct uri u;

	must(uri_parse(&u, a, uri, NULL));
	must(!u.fragment && !u.userinfo && !strpbrk(uri, "*\\ \t\r\n"));
	must(!strcmp(u.scheme, "https") || (!strcmp(u.scheme, "http") && uri_is_loopback(u.host)) ||
	    strchr(u.scheme, '.'));
	must(redirect_matches(uri, uri));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	const uint8_t *line = n ? memchr(bytes, '\n', n) : NULL;
	size_t first = line ? (size_t)(line - bytes) : n;
	const char *registered = arena_strndup(a, (const char *)bytes, first);
	const char *uri = line ? arena_strndup(a, (const char *)line + 1, n - first - 1) : registered;

	if (redirect_check(registered, REDIRECT_ANY, a, NULL)) {
		check_registered(a, registered);
		if (redirect_matches(registered, uri))
			check_accepted(a, registered, uri);
	}
	arena_free(a);
	return 0;
}
