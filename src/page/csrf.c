/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of forms, and where a POST comes from. */
#include "config.h"

#include "page/csrf.h"

#include <string.h>

#include "base/hash.h"
#include "keys/seal.h"

/* The cookie itself goes no further than its hash. */
static void session_digest(char out[2 * HASH_LEN + 1], const char *session)
{
	unsigned char hash[HASH_LEN];

	hash_sha256(hash, session, strlen(session));
	hex_encode(out, hash, sizeof(hash));
}

void csrf_make(char out[CSRF_TEXT], const struct ring *ring, const char *session, const char *form)
{
	char digest[2 * HASH_LEN + 1];
	const char *const parts[] = { "csrf", digest, form, NULL };
	unsigned char mac[32];

	session_digest(digest, session);
	seal_mac(mac, ring, KEY_SESSION, parts);
	b64url_encode(out, mac, sizeof(mac));
}

bool csrf_check(const struct ring *ring, const char *session, const char *form, const char *token,
    struct err *e)
{
	char digest[2 * HASH_LEN + 1];
	const char *const parts[] = { "csrf", digest, form, NULL };
	unsigned char mac[CSRF_TEXT];
	size_t n;

	session_digest(digest, session);
	if (token && strlen(token) == CSRF_TEXT - 1 &&
	    b64url_decode(mac, &n, token, CSRF_TEXT - 1) &&
	    seal_mac_verify(mac, ring, KEY_SESSION, parts))
		return true;
	return err_reason(e, ERR_FORBIDDEN, "csrf_token",
	    "this answer does not come from the page that was shown to you", "%s form token",
	    token ? "wrong" : "no");
}

bool csrf_check_source(const struct req *r, struct err *e)
{
	const char *origin = req_header(r, "Origin"), *site = req_header(r, "Sec-Fetch-Site");

	if ((!origin || !strcmp(origin, r->origin->text)) &&
	    (!site || !strcmp(site, "same-origin")))
		return true;
	return err_reason(e, ERR_FORBIDDEN, "cross_site", "this answer comes from another web site",
	    "Origin '%.80s', Sec-Fetch-Site '%.20s'", origin ? origin : "", site ? site : "");
}
