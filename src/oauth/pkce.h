/* SPDX-License-Identifier: Apache-2.0 */
/* Proof key for code exchange (RFC 7636), method S256 alone. */
#ifndef GATEHOUSE_OAUTH_PKCE_H
#define GATEHOUSE_OAUTH_PKCE_H

#include <stdbool.h>

#include "base/b64.h"

enum { PKCE_CHALLENGE_TEXT = B64URL_LEN(32) + 1 };

/* 43 characters of base64url that spell 32 bytes. TEXT may be NULL. */
bool pkce_is_challenge(const char *text);

/* 43 to 128 unreserved characters (RFC 7636, 4.1). TEXT may be NULL. */
bool pkce_is_verifier(const char *text);

/* The S256 challenge of a verifier. */
void pkce_challenge(char out[PKCE_CHALLENGE_TEXT], const char *verifier);

#endif
