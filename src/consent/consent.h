/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person decides: the consent page, where an authorization request is approved or cancelled,
 * and the page of grants, where an approval is taken back.
 */
#ifndef GATEHOUSE_CONSENT_CONSENT_H
#define GATEHOUSE_CONSENT_CONSENT_H

#include "http/http.h"

/*
 * {b}/oauth/setup?request=UUID. Shown only to the browser and the session that the request began
 * with (protocol 6, A23 and A27); asked at every authorization, whoever the client.
 */
bool pg_consent_show(struct req *, struct resp *, struct err *);
/*
 * Its form: request, csrf, decision = approve | cancel, which end in a 303 to the client; or
 * continue, which leads to the upstream's sign-in and back here.
 */
bool pg_consent_decide(struct req *, struct resp *, struct err *);

/* {b}/oauth/grants: what the person who is signed in has granted. */
bool pg_grants_show(struct req *, struct resp *, struct err *);
/* Its form: grant, csrf. Ends in a 303 to the page. */
bool pg_grants_revoke(struct req *, struct resp *, struct err *);

#endif
