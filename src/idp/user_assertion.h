/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The assertion that a user's sign-in left (its ID token), long after: for calls that act in the user's
 * name elsewhere (id-jag). Where its time is over the provider gives a newer one for its refresh token.
 */
#ifndef GATEHOUSE_IDP_USER_ASSERTION_H
#define GATEHOUSE_IDP_USER_ASSERTION_H

#include "http/http.h"

enum user_assertion {
	USER_ASSERTION_FAILED = 0, /* for now: the error says why */
	USER_ASSERTION_FOUND,
	USER_ASSERTION_NONE, /* the user has to sign in again */
	USER_ASSERTION_BUSY, /* another is renewing it in this moment: ask again */
};

/*
 * The ID token of SUBJECT's newest sign-in at the provider in force. REFUSED (may be NULL) is one that was given
 * before, and does not serve. The request needs arena, app, site, project, log and request_id only.
 * What the provider gives is committed before it is used.
 */
enum user_assertion user_assertion_get(struct req *, const char *subject, const char *refused,
    const char **id_token, struct err *);

#endif
