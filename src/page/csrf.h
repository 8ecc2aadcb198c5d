/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof that a form was filled in on a page that we sent to this very session, for this very
 * form.
 *
 * The token is a MAC under the session key of the ring over the session's cookie and the form's
 * name (for the consent page the authorization request). Nothing is stored. It ends with the
 * session.
 */
#ifndef GATEHOUSE_PAGE_CSRF_H
#define GATEHOUSE_PAGE_CSRF_H

#include <stdbool.h>

#include "base/b64.h"
#include "base/err.h"
#include "http/http.h"
#include "keys/ring.h"

enum { CSRF_TEXT = B64URL_LEN(32) + 1 };

/* SESSION is the value of the session cookie; FORM says what the form does and to what. */
void csrf_make(char out[CSRF_TEXT], const struct ring *, const char *session, const char *form);

/* TOKEN may be NULL. ERR_FORBIDDEN, reason csrf_token. Constant time, under any usable key. */
bool csrf_check(
    const struct ring *, const char *session, const char *form, const char *token, struct err *);

/*
 * What the browser says about where a POST comes from: an Origin must be ours ("null" is not), a
 * Sec-Fetch-Site must be same-origin. Absent headers prove nothing: the token decides.
 * ERR_FORBIDDEN, reason cross_site.
 */
bool csrf_check_source(const struct req *, struct err *);

#endif
