/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates (security §4): so many a minute, twice that in a burst, for each key. Counted in the
 * memory of this process, in a table of fixed size: where too many keys meet, the longest
 * unused is forgotten.
 */
#ifndef GATEHOUSE_OAUTH_RATE_H
#define GATEHOUSE_OAUTH_RATE_H

#include "http/http.h"

enum rate_kind { RATE_REGISTER, RATE_AUTHORIZE, RATE_TOKEN, RATE_REFRESH };

/*
 * Counts one request of the client's address (IPv6: its /64) and, where it is known, CLIENT_ID.
 * False with ERR_RATE and Retry-After in the response if that is one too many.
 */
bool rate_take(struct req *, struct resp *, enum rate_kind, const char *client_id, struct err *);

/*
 * Counts one fetch from HOST (of what a client named): of the client's address, and of the host,
 * whoever asks, so that we cannot be turned against it. HOST may be NULL: of the address alone.
 * At the rate of authorizations. ERR_UNAVAILABLE, reason fetch_rate.
 */
bool rate_take_fetch(struct req *, const char *host, struct err *);

/*
 * The rate of one grant, whoever asks, in two steps, because only a refresh that made new
 * tokens counts: rate_check_grant() refuses as rate_take() does, rate_count_grant() counts.
 */
bool rate_check_grant(struct req *, struct resp *, const char *grant_id, struct err *);
void rate_count_grant(struct req *, const char *grant_id);

#endif
