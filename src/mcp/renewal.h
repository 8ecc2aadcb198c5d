/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewals: what a call may have to wait for before its upstream's token can be used, or used again. Each is
 * PostgreSQL, the provider, PostgreSQL again, in a thread of its own kind: neither request threads nor the
 * relay wait for any of it. However many calls wait for one connection, one renewal runs in this process, and a
 * lease in the connection's row sees to it that one process asks the provider (security 3.5).
 *
 * At most RENEWALS run at a time, and of one upstream RENEWALS_OF_ONE, so that a provider that hangs
 * holds up nobody else's users; the others queue.
 */
#ifndef GATEHOUSE_MCP_RENEWAL_H
#define GATEHOUSE_MCP_RENEWAL_H

#include "http/http.h"
#include "mcp/relay.h"
#include "net/guard.h"

enum { RENEWALS = 16, RENEWALS_OF_ONE = 4 };

enum renewal_kind {
	RENEW,      /* a new access token for the generation at hand */
	RENEW_LOSE, /* the upstream refuses even a new one: the connection has to be made anew */
	RENEW_WANT, /* the upstream wants more rights: noted for the next authorization */
};

enum renewal_end {
	RENEWAL_FAILED = 0, /* for now: `err` says why; the connection stays as it was */
	RENEWAL_DONE,       /* `access` is the token of `generation` (RENEW) */
	RENEWAL_LOST,       /* the connection has to be made anew */
};

struct renewal_want { /* what is asked for; strings are copied */
	enum renewal_kind kind;
	const struct mcp_route *route;
	const char *connection_id;
	const char *subject; /* id-jag, where there may be no connection yet; else NULL */
	int generation;      /* of the token that does not serve; 0: there is none */
	const char *scope;   /* RENEW_WANT */
};

struct renewal { /* for the hook `resume` to read */
	enum renewal_end end;
	const char *access;
	int generation;
	struct err err;
};

struct renewals;

struct renewals *renewals_start(struct db *, struct relay *);

/*
 * In the relay's thread: the renewal that will answer, a running one of the same kind, connection and
 * generation, or a new one. The relay resumes all calls that wait for it (relay_call.waits_for), then it
 * ends. NULL when the process stops.
 */
const struct renewal *renewals_join(struct renewals *, const struct renewal_want *, struct req *,
    const struct guard *);

/* Waits for those that run (calls that wait for them go on in the relay), and takes no more. */
void renewals_stop(struct renewals *);
/* After the relay has stopped: it may still have asked. */
void renewals_free(struct renewals *);

#endif
