/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one blocking fetch: small documents (client metadata, key sets) and, later, forms to token
 * endpoints. A whole answer or an error; what holds for every connection that leaves (the guard at
 * socket open, the trust store, no proxy, no redirect) is in net/transfer.
 *
 * It holds a request thread, so there is a budget: at most half of the program's threads may be in
 * a fetch, and of these half for one host. Past it nobody waits: ERR_UNAVAILABLE.
 */
#ifndef GATEHOUSE_NET_FETCH_H
#define GATEHOUSE_NET_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/guard.h"

struct fetch {
	/* asked */
	const char *url;
	const struct guard *guard;
	const char
	    *upstream; /* whose rules of the guard apply; NULL: a stranger chose the URL, none do */
	const char *accept;         /* NULL: application/json */
	const char *form;           /* a form to POST; NULL: GET */
	const char *json;           /* a JSON text to POST in its place */
	size_t json_len;            /* its length, where it is known; 0: it is not */
	const char *const *headers; /* more of them, "Name: value", ended by NULL; NULL: none */
	const char *if_none_match;  /* an entity tag of an earlier answer; NULL: none */
	size_t max;                 /* bytes of the body */
	int connect_ms, total_ms;   /* from name to last byte */
	/* a handle of the caller's, NULL at first, whose connection is used again; what is sent may then arrive twice. Ended by
	 * fetch_close(). NULL: a new connection for this fetch alone */
	void **kept;

	/* answered; strings live in the arena */
	int status; /* any: a redirect is an answer like others, and is not followed */
	const char *content_type; /* lower case, without parameters; "" when none */
	const char *etag;         /* NULL: none, or not fit to be sent back */
	const char *challenge; /* WWW-Authenticate, all its lines joined by ", "; NULL: none */
	int64_t retry_after_s; /* Retry-After, at most a day; -1: none */
	int64_t fresh_s;  /* how long HTTP lets us keep it (RFC 9111, 4.2); -1: it does not say */
	const char *body; /* NUL-terminated */
	size_t body_len;
};

/* Before the first fetch: how many request threads the program has. */
void fetch_start(int threads);

/*
 * Makes the request. True with an answer of any status that came whole. False with
 *   ERR_UNAVAILABLE  fetch_busy: the budget is used up
 *   ERR_UPSTREAM     fetch_url: not https, or no sound URL; fetch_address: the guard refused where
 *                    it
 *                    leads; fetch_unreachable; fetch_tls; fetch_timeout; fetch_too_large;
 *                    fetch_malformed: no sound HTTP, or an encoding that was not asked for
 */
bool fetch(struct fetch *, struct arena *, struct err *);

void fetch_close(void *kept); /* NULL: nothing */

/*
 * Whether the answer is a JSON document: status 200, application/json or application/...+json.
 * ERR_UPSTREAM, reason fetch_status or fetch_type.
 */
bool fetch_is_json(const struct fetch *, struct err *);

#endif
