/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The age of claims (product: claimsMaxAgeSeconds). A grant may live for years; what the identity
 * provider said of its user may not. At a refresh past that age the provider is asked again.
 */
#ifndef GATEHOUSE_OAUTH_RENEWAL_H
#define GATEHOUSE_OAUTH_RENEWAL_H

#include "http/http.h"

/*
 * Renews what the refresh token TOKEN's grant knows of its user, if that is too old. True: the
 * refresh may go on (where the provider vouches no more, the grant has ended, and the refresh will
 * say so). ERR_UNAVAILABLE while the provider cannot be asked, or as db_call().
 */
bool renewal_of_refresh(struct req *, const char *token, struct err *);

#endif
