/* SPDX-License-Identifier: Apache-2.0 */
/* Strict URI parsing and percent coding. */
#include "config.h"

#include "base/uri.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <string.h>

enum { URI_MAX = 4096 };

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_unreserved(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("-._~", c));
}

static char *lower(struct arena *a, const char *s, size_t n)
{
	char *p = arena_strndup(a, s, n);

	for (char *q = p; *q; q++)
		if (*q >= 'A' && *q <= 'Z')
			*q = (char)(*q | 0x20);
	return p;
}

/* The characters that RFC 3986 lets stand in a URI, and whole percent escapes. */
static bool check_characters(const char *s, struct err *e)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		if (i >= URI_MAX)
			return err_set(e, ERR_SYNTAX, "URI is too long", "over %d bytes", URI_MAX);
		if (s[i] == '%' && !(is_hex(s[i + 1]) && is_hex(s[i + 2])))
			return err_set(e, ERR_SYNTAX, "URI has a broken percent escape", "");
		if (!is_unreserved(s[i]) && !strchr("%:/?#[]@!$&'()*+,;=", s[i]))
			return err_set(e, ERR_SYNTAX, "URI has a character that must be encoded",
			    "byte 0x%02x at %zu", (unsigned)(unsigned char)s[i], i);
	}
	return i > 0 || err_set(e, ERR_SYNTAX, "URI is empty", "");
}

static bool parse_port(struct uri *u, const char *s, size_t n, struct err *e)
{
	int port = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s[i]) || (port = port * 10 + s[i] - '0') > 65535)
			return err_set(e, ERR_SYNTAX, "URI has a bad port", "");
	}
	if (n == 0 || port == 0)
		return err_set(e, ERR_SYNTAX, "URI has a bad port", "");
	u->port = port;
	u->has_port = true;
	return true;
}

static bool no_host(struct err *e)
{
	return err_set(e, ERR_SYNTAX, "URI has no valid host", "");
}

/*
 * An IPv6 address in brackets, as RFC 4291 spells it: without a zone, for nobody agrees on those.
 */
static bool check_ipv6(const char *s, size_t n, struct err *e)
{
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	if (n < 4 || n - 2 >= sizeof(text))
		return no_host(e);
	memcpy(text, s + 1, n - 2);
	text[n - 2] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 || no_host(e);
}

static bool check_host(const char *s, size_t n, struct err *e)
{
	if (n == 0 || n > 255)
		return no_host(e);
	if (s[0] == '[')
		return check_ipv6(s, n, e);
	for (size_t i = 0; i < n; i++)
		if (!is_alpha(s[i]) && !is_digit(s[i]) && s[i] != '-' && s[i] != '.' && s[i] != '_')
			return no_host(e);
	return true;
}

static bool parse_authority(struct uri *u, struct arena *a, const char *s, size_t n, struct err *e)
{
	const char *at, *port, *end = s + n;

	at = memchr(s, '@', n);
	if (at) {
		/* some take the first for the end of the user, some the last */
		if (memchr(at + 1, '@', (size_t)(end - at - 1)))
			return no_host(e);
		u->userinfo = arena_strndup(a, s, (size_t)(at - s));
		s = at + 1;
	}
	if (s < end && *s == '[') {
		const char *close = memchr(s, ']', (size_t)(end - s));

		if (!close || (close + 1 < end && close[1] != ':'))
			return no_host(e);
		port = close + 1 < end ? close + 1 : NULL;
	} else {
		port = memchr(s, ':', (size_t)(end - s));
	}
	n = (size_t)((port ? port : end) - s);
	if (!check_host(s, n, e))
		return false;
	u->host = lower(a, s, n);
	return !port || parse_port(u, port + 1, (size_t)(end - port - 1), e);
}

bool uri_parse(struct uri *u, struct arena *a, const char *text, struct err *e)
{
	const char *s = text;
	size_t n;

	*u = (struct uri){ .path = "" };
	if (!check_characters(text, e))
		return false;
	if (!is_alpha(*s))
		return err_set(e, ERR_SYNTAX, "URI is not absolute", "");
	for (n = 1; is_alpha(s[n]) || is_digit(s[n]) || (s[n] && strchr("+-.", s[n])); n++)
		;
	if (s[n] != ':')
		return err_set(e, ERR_SYNTAX, "URI is not absolute", "");
	u->scheme = lower(a, s, n);
	u->port = !strcmp(u->scheme, "https") ? 443 : !strcmp(u->scheme, "http") ? 80 : 0;
	s += n + 1;
	if (s[0] == '/' && s[1] == '/') {
		s += 2;
		n = strcspn(s, "/?#");
		if (!parse_authority(u, a, s, n, e))
			return false;
		s += n;
	} else if (u->port) {
		return err_set(e, ERR_SYNTAX, "URI has no host", "");
	}
	n = strcspn(s, "?#");
	u->path = arena_strndup(a, s, n);
	s += n;
	if (*s == '?') {
		n = strcspn(++s, "#");
		u->query = arena_strndup(a, s, n);
		s += n;
	}
	if (*s == '#')
		u->fragment = arena_strdup(a, s + 1);
	return true;
}

static bool default_port(const struct uri *u)
{
	return (u->port == 443 && !strcmp(u->scheme, "https")) ||
	       (u->port == 80 && !strcmp(u->scheme, "http"));
}

const char *uri_origin(const struct uri *u, struct arena *a)
{
	char port[INT_TEXT];

	if (!u->host)
		return arena_printf(a, "%s:", u->scheme);
	if (!u->port || default_port(u))
		return arena_join(a, u->scheme, "://", u->host, NULL);
	int_text(port, u->port);
	return arena_join(a, u->scheme, "://", u->host, ":", port, NULL);
}

bool uri_same_origin(const struct uri *x, const struct uri *y)
{
	return x->host && y->host && !strcmp(x->scheme, y->scheme) && !strcmp(x->host, y->host) &&
	       x->port == y->port;
}

bool uri_is_loopback(const char *host)
{
	return host &&
	       (!strcmp(host, "127.0.0.1") || !strcmp(host, "[::1]") || !strcmp(host, "localhost"));
}

static int nibble(char c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

char *uri_decode(struct arena *a, const char *s, size_t n, bool plus)
{
	char *out = arena_alloc(a, n + 1), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%') {
			if (i + 2 >= n || !is_hex(s[i + 1]) || !is_hex(s[i + 2]))
				return NULL;
			*p = (char)(nibble(s[i + 1]) << 4 | nibble(s[i + 2]));
			i += 2;
		} else {
			*p = plus && s[i] == '+' ? ' ' : s[i];
		}
		if (!*p++)
			return NULL;
	}
	*p = '\0';
	return out;
}

char *uri_encode(struct arena *a, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, strlen(s) * 3 + 1), *p = out;

	for (; *s; s++) {
		if (is_unreserved(*s)) {
			*p++ = *s;
		} else {
			*p++ = '%';
			*p++ = digits[(unsigned char)*s >> 4];
			*p++ = digits[*s & 15];
		}
	}
	return out;
}

char *uri_add_query(struct arena *a, const char *base, const char *name, const char *value)
{
	const char *mark = strchr(base, '?');
	const char *join = !mark                                              ? "?"
			   : mark[1] == '\0' || base[strlen(base) - 1] == '&' ? ""
									      : "&";

	return arena_printf(a, "%s%s%s=%s", base, join, name, uri_encode(a, value));
}

bool uri_has_dot_segment(struct arena *a, const char *path)
{
	const char *plain = uri_decode(a, path, strlen(path), false);

	for (const char *s = plain; s && *s;) {
		size_t n = strcspn(s, "/");

		if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return true;
		s += n + (s[n] == '/');
	}
	return !plain;
}
