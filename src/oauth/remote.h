/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small documents at addresses that clients chose: metadata documents and key sets. On top of
 * fetch() come rates (an id costs a stranger nothing, a fetch costs us and whoever is fetched
 * from), a short memory of what failed, and how long something may be kept.
 */
#ifndef GATEHOUSE_OAUTH_REMOTE_H
#define GATEHOUSE_OAUTH_REMOTE_H

#include "http/http.h"
#include "net/fetch.h"

/*
 * Fetches a JSON document of at most F->max bytes; F->url and F->if_none_match are the caller's,
 * the rest is filled in. Status 200 with a JSON type, or 304 where a tag was asked for. An address
 * that failed is not tried again for some seconds by this process. IS_KEPT: a copy of the document is there,
 * whose time is over; then the rate of the host does not count, as anybody could use that up with
 * addresses that he invents, and the client's users could not sign in any more.
 *   ERR_UNAVAILABLE     may be there later: no answer, no secure connection, 5xx, 429, the budget,
 *                       a rate
 *   ERR_INVALID_CLIENT  will not: an address that is not allowed, another status or type, too large
 * The reason is that of fetch(), or fetch_rate, or fetch_status.
 */
bool remote_get(struct req *, struct fetch *, bool is_kept, struct err *);

/*
 * How many seconds the answer may be kept: what HTTP says, but at least a minute (an attempt takes
 * several requests) and at most MAX_S; a quarter of an hour where it says nothing.
 */
int64_t remote_keep_s(const struct fetch *, int64_t max_s);

/*
 * Whether a client may name this URL for us to fetch: https (http to loopback in development), a
 * host, no user information, no fragment.
 */
bool remote_url_is_sound(struct arena *, const char *url, bool development);

#endif
