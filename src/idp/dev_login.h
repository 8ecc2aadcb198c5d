/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign-in for development, without a provider: everybody on this computer is `dev-browser-user`.
 */
#ifndef GATEHOUSE_IDP_DEV_LOGIN_H
#define GATEHOUSE_IDP_DEV_LOGIN_H

#include "http/http.h"
#include "idp/identity.h"

#define DEV_LOGIN_SUBJECT "dev-browser-user"

/*
 * Who signs in. ERR_FORBIDDEN, unless all of this holds (product §4): the policy in force
 * points to dev-login, every public origin is loopback, the peer is loopback, no Forwarded or
 * X-Forwarded-* header and no Via header is present: one of these says that somebody else's
 * request was passed on by a neighbour.
 */
bool dev_login(struct req *, struct identity *, struct err *);

#endif
