/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirect URIs: which may be registered, and which of a request is a registered one.
 * A code goes to whoever answers at that URI, so that the comparison is of bytes.
 */
#ifndef GATEHOUSE_OAUTH_REDIRECT_H
#define GATEHOUSE_OAUTH_REDIRECT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum redirect_use {
	REDIRECT_ANY = 0, /* the client did not say what it is */
	REDIRECT_WEB,     /* application_type web: https, and not to this very computer */
	REDIRECT_NATIVE,
};

/*
 * Whether a client may register URI: absolute, no fragment, no user information, no "*", no dot
 * segments; https, or http to 127.0.0.1, [::1] or localhost, or a private-use scheme with a '.'
 * (RFC 8252, 7.1). ERR_INVALID_REDIRECT_URI says what is wrong.
 */
bool redirect_check(const char *uri, enum redirect_use, struct arena *, struct err *);

/*
 * Whether URI is what was registered: the same bytes, or, where it is http to one of the three
 * spellings of loopback, the same bytes but for the port (RFC 8252, 7.3). The spellings do not
 * stand for each other.
 */
bool redirect_matches(const char *registered, const char *uri);

/* Whether it goes to the computer of whoever is asked (http to loopback). */
bool redirect_is_loopback(const char *uri);

#endif
