/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what a connect URL carries. A ticket says for whom, for which upstream and route, and where to
 * go back to; it lives for ten minutes. It is sealed text, so that none needs to be stored until it is
 * spent, and nobody reads a user's name in a URL.
 */
#ifndef GATEHOUSE_UPSTREAM_TICKET_H
#define GATEHOUSE_UPSTREAM_TICKET_H

#include "base/arena.h"
#include "base/err.h"
#include "keys/ring.h"

enum { TICKET_TTL_S = 600 };

struct ticket {
	const char *id;         /* a UUID: it is spent once */
	int64_t age_s;          /* since it was made, rounded up: nothing that came after it is older */
	const char *subject;    /* "": the shared connection; whoever holds the ticket may make it */
	const char *request_id; /* the consent page to go back to; "": none */
};

/* A new ticket (its id is made here), in the arena. */
const char *ticket_make(const struct ring *, struct arena *, const char *upstream_id, const char *operation_id,
    const char *subject, const char *request_id);

/* ERR_INVALID_REQUEST, reason ticket_unknown or ticket_expired. TEXT may be NULL. */
bool ticket_open(struct ticket *, const struct ring *, struct arena *, const char *upstream_id,
    const char *operation_id, const char *text, struct err *);

#endif
