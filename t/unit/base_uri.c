/* SPDX-License-Identifier: Apache-2.0 */
/* URIs: what is parsed and how, what is refused, percent coding. */
#include "config.h"

#include "base/uri.h"

#include "tap.h"

#define BAD { .scheme = NULL }

static const struct {
	const char *text;
	struct uri want; /* no scheme: refused */
	const char *name;
} rows[] = {
	{ "https://h", { "https", NULL, "h", 443, false, "", NULL, NULL }, "an origin" },
	{ "HTTPS://HoSt/Path", { "https", NULL, "host", 443, false, "/Path", NULL, NULL },
	    "scheme and host are lower-cased, the path is not" },
	{ "http://h:8080/a?b#c", { "http", NULL, "h", 8080, true, "/a", "b", "c" }, "all parts" },
	{ "https://h:443/", { "https", NULL, "h", 443, true, "/", NULL, NULL }, "a default port" },
	{ "https://h?", { "https", NULL, "h", 443, false, "", "", NULL }, "an empty query" },
	{ "https://h#", { "https", NULL, "h", 443, false, "", NULL, "" }, "an empty fragment" },
	{ "http://[::FFFF:127.0.0.1]/", { "http", NULL, "[::ffff:127.0.0.1]", 80, false, "/", NULL, NULL },
	    "IPv4 inside of IPv6" },
	{ "http://[::1]:80/x", { "http", NULL, "[::1]", 80, true, "/x", NULL, NULL }, "IPv6" },
	{ "https://good@evil/", { "https", "good", "evil", 443, false, "/", NULL, NULL },
	    "the host is what follows user information" },
	{ "com.example.app:/cb", { "com.example.app", NULL, NULL, 0, false, "/cb", NULL, NULL },
	    "a private-use scheme" },
	{ "https://h/a%2Fb", { "https", NULL, "h", 443, false, "/a%2Fb", NULL, NULL },
	    "percent escapes stay" },
	{ "https://h/?a=b?c", { "https", NULL, "h", 443, false, "/", "a=b?c", NULL },
	    "a question mark in the query" },
	{ "", BAD, "nothing is refused" },
	{ "/a", BAD, "a path is refused" },
	{ "//h/a", BAD, "a network path is refused" },
	{ "h", BAD, "a word is refused" },
	{ "1https://h", BAD, "a scheme that begins with a digit is refused" },
	{ "https:/h", BAD, "https without an authority is refused" },
	{ "https://", BAD, "an empty host is refused" },
	{ "https://:80/", BAD, "a port without a host is refused" },
	{ "https://h:/", BAD, "a colon without a port is refused" },
	{ "https://h:0/", BAD, "port 0 is refused" },
	{ "https://h:65536/", BAD, "a port past 65535 is refused" },
	{ "https://h:99999999999999999999/", BAD, "a port past every integer is refused" },
	{ "https://h:8a/", BAD, "a port with a letter is refused" },
	{ "https://h\\evil/", BAD, "a backslash is refused" },
	{ "https://h/a b", BAD, "a blank is refused" },
	{ "https://h/\ta", BAD, "a tab is refused" },
	{ "https://h/\r\nX: y", BAD, "CR and LF are refused" },
	{ "https://h/\x7f", BAD, "DEL is refused" },
	{ "https://h\xc3\xa9/", BAD, "a byte past ASCII is refused" },
	{ "https://h/%", BAD, "a lone percent is refused" },
	{ "https://h/%4", BAD, "half an escape is refused" },
	{ "https://h/%zz", BAD, "an escape that is no hex is refused" },
	{ "https://h/<x>", BAD, "angle brackets are refused" },
	{ "https://%65vil/", BAD, "an escape in the host is refused" },
	{ "https://[::1/", BAD, "an open bracket is refused" },
	{ "https://a@b@c/", BAD, "a second @ is refused" },
	{ "https://[]/", BAD, "empty brackets are refused" },
	{ "https://[[::1]/", BAD, "two brackets are refused" },
	{ "https://[1:2]/", BAD, "brackets around what is no address are refused" },
	{ "https://[127.0.0.1]/", BAD, "an IPv4 address in brackets is refused" },
	{ "https://[fe80::1%25eth0]/", BAD, "an IPv6 zone is refused" },
	{ "https://[::1]x/", BAD, "text after the bracket is refused" },
};

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_uri(const struct uri *u, const struct uri *w)
{
	return same(u->scheme, w->scheme) && same(u->userinfo, w->userinfo) &&
	    same(u->host, w->host) && u->port == w->port && u->has_port == w->has_port &&
	    same(u->path, w->path) && same(u->query, w->query) && same(u->fragment, w->fragment);
}

static void parsing(struct arena *a)
{
	static char longest[5000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = { .code = ERR_NONE };
		struct uri u;

		if (rows[i].want.scheme)
			ok(uri_parse(&u, a, rows[i].text, &e) && same_uri(&u, &rows[i].want),
			    rows[i].name);
		else
			ok(!uri_parse(&u, a, rows[i].text, &e) && e.code == ERR_SYNTAX, rows[i].name);
	}
	memset(longest, 'a', 4096);
	memcpy(longest, "https://h/", 10);
	ok(uri_parse(&(struct uri){ 0 }, a, longest, NULL), "4096 bytes are taken");
	longest[4096] = 'a';
	ok(!uri_parse(&(struct uri){ 0 }, a, longest, NULL), "4097 bytes are refused");
}

static const char *origin(struct arena *a, const char *text)
{
	struct uri u;

	return uri_parse(&u, a, text, NULL) ? uri_origin(&u, a) : NULL;
}

static bool same_origin(struct arena *a, const char *x, const char *y)
{
	struct uri u, v;

	return uri_parse(&u, a, x, NULL) && uri_parse(&v, a, y, NULL) && uri_same_origin(&u, &v);
}

static void origins(struct arena *a)
{
	is_str(origin(a, "https://H:443/x"), "https://h", "an origin leaves a default port out");
	is_str(origin(a, "http://h:443"), "http://h:443", "another scheme's port stays");
	is_str(origin(a, "http://u:p@[::1]:9/"), "http://[::1]:9", "an origin has no user");
	ok(same_origin(a, "https://h/a", "https://H:443/b"), "path and case do not matter");
	ok(!same_origin(a, "https://h/", "http://h/"), "the scheme matters");
	ok(!same_origin(a, "https://h/", "https://h:8443/"), "the port matters");
	ok(!same_origin(a, "a:/x", "a:/x"), "without a host no two are the same");
	ok(uri_is_loopback("127.0.0.1") && uri_is_loopback("[::1]") && uri_is_loopback("localhost"),
	    "the three loopback hosts");
	ok(!uri_is_loopback("127.0.0.1.evil.example") && !uri_is_loopback("127.1") &&
	        !uri_is_loopback("2130706433") && !uri_is_loopback("::1") && !uri_is_loopback(NULL),
	    "no other spelling is one (protocol A9)");
}

static void coding(struct arena *a)
{
	is_str(uri_decode(a, "a%20b+c", 7, false), "a b+c", "a plus stays outside forms");
	is_str(uri_decode(a, "a%20b+c", 7, true), "a b c", "a plus is a blank in forms");
	is_str(uri_decode(a, "%e2%82%AC", 9, false), "\xe2\x82\xac", "escapes of either case");
	ok(!uri_decode(a, "a%00", 4, false), "a decoded NUL is refused");
	ok(!uri_decode(a, "a\0b", 3, false), "a raw NUL is refused");
	ok(!uri_decode(a, "%2", 2, false) && !uri_decode(a, "%", 1, false), "a cut escape is refused");
	ok(!uri_decode(a, "%20", 2, false), "an escape that passes the end is refused");
	ok(!uri_decode(a, "%g0", 3, false), "a broken escape is refused");
	is_str(uri_encode(a, "a-._~/?&=+ \xc3\xa9"), "a-._~%2F%3F%26%3D%2B%20%C3%A9",
	    "everything but unreserved is encoded");
	is_str(uri_add_query(a, "https://h", "a", "b&c"), "https://h?a=b%26c", "a first pair");
	is_str(uri_add_query(a, "https://h?x=y", "a", "b"), "https://h?x=y&a=b", "a second pair");
	is_str(uri_add_query(a, "https://h?", "a", "b"), "https://h?a=b", "after a bare mark");
	is_str(uri_add_query(a, "https://h?x&", "a", "b"), "https://h?x&a=b", "after a bare join");
}

int main(void)
{
	struct arena *a = arena_new();

	parsing(a);
	origins(a);
	coding(a);
	arena_free(a);
	return done();
}
