/* SPDX-License-Identifier: Apache-2.0 */
/* Registering and matching redirect URIs. */
#include "config.h"

#include "oauth/redirect.h"

#include "base/uri.h"

#include <stdlib.h>
#include <string.h>

enum { REDIRECT_MAX = 2048, PORT_DIGITS = 5, PORT_MAX = 65535 };

static bool refuse(struct err *e, const char *text)
{
	return err_set(e, ERR_INVALID_REDIRECT_URI, text, "");
}

/* Schemes that a browser would act on itself; none has a '.', but this is the list that matters. */
static bool is_dangerous(const char *scheme)
{
	static const char *const list[] = { "javascript", "data", "file", "vbscript", "blob",
		"about", "filesystem", "view-source", NULL };

	for (const char *const *p = list; *p; p++)
		if (!strcmp(*p, scheme))
			return true;
	return false;
}

static bool check_scheme(const struct uri *u, enum redirect_use use, struct err *e)
{
	bool loopback = uri_is_loopback(u->host);

	if (!strcmp(u->scheme, "https"))
		return use != REDIRECT_WEB || !loopback ||
		       refuse(e, "a redirect URI of a web application must not go to localhost");
	if (use == REDIRECT_WEB)
		return refuse(e, "a redirect URI of a web application must be https");
	if (!strcmp(u->scheme, "http"))
		return loopback ||
		       refuse(
			   e, "a redirect URI may be http only to 127.0.0.1, [::1] or localhost");
	if (is_dangerous(u->scheme) || !strchr(u->scheme, '.'))
		return refuse(e,
		    "a redirect URI must be https, http to loopback, or have a private-use "
		    "scheme with a '.' in its name");
	return true;
}

bool redirect_check(const char *uri, enum redirect_use use, struct arena *a, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct uri u;

	if (strlen(uri) > REDIRECT_MAX)
		return refuse(e, "a redirect URI is too long");
	if (!uri_parse(&u, a, uri, &why))
		return err_set(
		    e, ERR_INVALID_REDIRECT_URI, "a redirect URI is malformed", "%s", why.text);
	if (u.fragment)
		return refuse(e, "a redirect URI must not have a fragment");
	if (u.userinfo)
		return refuse(e, "a redirect URI must not have user information");
	if (strchr(uri, '*'))
		return refuse(e, "a redirect URI must not have a wildcard");
	if (uri_has_dot_segment(a, u.path))
		return refuse(
		    e, "a redirect URI must not have dot segments or encoded NULs in its path");
	return check_scheme(&u, use, e);
}

/* The number of bytes of URI up to its port, if it is http to loopback; else 0. */
static size_t loopback_prefix(const char *uri)
{
	static const char *const prefixes[] = { "http://127.0.0.1", "http://[::1]",
		"http://localhost", NULL };

	for (const char *const *p = prefixes; *p; p++)
		if (!strncmp(uri, *p, strlen(*p)))
			return strlen(*p);
	return 0;
}

/*
 * What follows the port, if URI (after its loopback prefix) has a valid one or none; NULL if
 * something else follows there: "http://127.0.0.1.evil.example",
 * "http://localhost:80@evil.example".
 */
static const char *after_port(const char *rest)
{
	if (*rest == ':') {
		size_t n = strspn(++rest, "0123456789");

		if (n == 0 || n > PORT_DIGITS || rest[0] == '0' ||
		    strtol(rest, NULL, 10) > PORT_MAX)
			return NULL;
		rest += n;
	}
	return *rest == '/' || *rest == '?' || *rest == '\0' ? rest : NULL;
}

bool redirect_matches(const char *registered, const char *uri)
{
	size_t n = loopback_prefix(registered);
	const char *want, *got;

	if (!strcmp(registered, uri))
		return true;
	if (!n || strncmp(registered, uri, n))
		return false;
	want = after_port(registered + n);
	got = after_port(uri + n);
	return want && got && !strcmp(want, got);
}

bool redirect_is_loopback(const char *uri)
{
	size_t n = loopback_prefix(uri);

	return n && after_port(uri + n);
}
