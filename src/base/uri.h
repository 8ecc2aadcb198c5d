/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs, strictly (RFC 3986, ASCII only). The parser refuses what browsers and libcurl
 * disagree on: blanks, controls, backslashes, bytes past 0x7e, user information spelled to mislead.
 * Nothing is normalised: parts are spans of the text as given.
 */
#ifndef GATEHOUSE_BASE_URI_H
#define GATEHOUSE_BASE_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct uri {
	const char *scheme;   /* lower case */
	const char *userinfo; /* NULL: none */
	const char *host;     /* lower case; IPv6 with its brackets; NULL: no authority (a:b) */
	int port;             /* as written; the scheme's default when absent; 0 when unknown */
	bool has_port;
	const char *path;     /* raw, may be "" */
	const char *query;    /* raw without '?', NULL: none */
	const char *fragment; /* raw without '#', NULL: none */
};

/*
 * An absolute URI of at most 4096 bytes. The parts live in the arena. ERR_SYNTAX says what is
 * wrong.
 */
bool uri_parse(struct uri *, struct arena *, const char *text, struct err *);

/* "scheme://host[:port]" without a default port, in the arena. */
const char *uri_origin(const struct uri *, struct arena *);
bool uri_same_origin(const struct uri *, const struct uri *);

/* Whether a segment of the path is "." or "..", encoded or not, or an escape hides a NUL. */
bool uri_has_dot_segment(struct arena *, const char *path);

/* "127.0.0.1", "[::1]" and "localhost" exactly: no other spelling counts (protocol A9). */
bool uri_is_loopback(const char *host);

/*
 * Percent-decodes N bytes; with PLUS, '+' is a blank (forms). NULL for a broken escape or a
 * decoded NUL. In the arena.
 */
char *uri_decode(struct arena *, const char *s, size_t n, bool plus);

/* Everything but unreserved characters percent-encoded. In the arena. */
char *uri_encode(struct arena *, const char *s);

/*
 * BASE with NAME=VALUE appended to its query (VALUE encoded here; '?' or '&' as needed).
 * BASE has no fragment. In the arena.
 */
char *uri_add_query(struct arena *, const char *base, const char *name, const char *value);

#endif
