/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at an MCP route, from its arrival to its event. It lies in the request's arena and
 * belongs to one thread at a time: a request thread until it is submitted, the relay after.
 */
#ifndef GATEHOUSE_MCP_CALL_H
#define GATEHOUSE_MCP_CALL_H

#include "http/http.h"
#include "mcp/edit.h"
#include "mcp/errand.h"
#include "mcp/links.h"
#include "mcp/mask.h"
#include "mcp/relay.h"
#include "mcp/renewal.h"
#include "mcp/session.h"
#include "mcp/workers.h"
#include "oauth/bearer.h"
#include "policy/policy.h"
#include "policy/upstream_request.h"
#include "rpc/era.h"
#include "rpc/outcome.h"
#include "rpc/rpc.h"
#include "upstream/required.h"

#include <string.h>

/* What mcp.fcgi keeps for all calls: app.own. */
struct mcp {
	struct relay *relay;
	struct renewals *renewals;
	struct bearer_cache *cache; /* NULL: every token is asked of the database */
	struct known *known;
	/* where policies that are not quick read answers: those that compute, and those that may wait for a network */
	struct workers *compute, *wait;
	struct asides *asides;
	struct flight *flights; /* the relay's hooks' */
};

/* What is made of a project, anew with each that comes into force. */
struct mcp_site {
	const struct guard *guard;
	struct route_row row; /* of every MCP route */
	struct repeats *repeats;
	struct arena *arena;  /* all of this lies in it */
};

static inline const struct mcp_site *mcp_site_of(const struct req *r)
{
	return r->site->own;
}

/* The connection whose token the call carries; connection_id NULL: none. See credential.h. */
struct credential {
	const char *connection_id, *requested_scope;
	int generation;
	bool expired, renew_first; /* the token's time is over, or nearly */
	bool renewed;              /* after a 401: once */
};

struct call {
	struct relay_call relay; /* first: the relay's hooks get this */
	struct req *req;
	struct mcp *mcp;
	const struct mcp_route *route;
	const char *upstream; /* its id: the token exchange's, else the operationId */

	const struct bearer *who; /* NULL: nobody, on a public route */
	const struct ring *ring;

	struct rpc_body body;   /* of a POST; n is 0 until it was read */
	struct rpc_fault fault; /* code is not 0: why it was refused */
	enum era era;
	const char *version; /* in effect; NULL: not known */

	const char *session_id; /* as the client sent it; NULL: none */
	struct session session;

	struct credential credential;
	enum required_state required; /* why the user has to go to a browser first */

	void **states; /* policy_state(): one per use; NULL until the policies had their turn */
	void *no_state;
	bool refused; /* by policy_refuse(): `fault` is for every request of the body */
	int retry_after_s;

	struct upstream_request upstream_request;
	bool rewritten; /* the body, by a policy: the client's headers may tell of what it was */
	struct errand errand;
	struct edit *edit; /* of a stream that policies read; NULL: nothing is edited */

	/* on the way back, where policies read the answer */
	enum policy_pace pace;
	bool withheld;       /* its body, since nobody can read it */
	bool may_repeat;     /* it is a list that may be taken for read: repeats.h */
	struct work work;    /* that a worker does, while the transfer waits */
	struct span kept;    /* the whole answer, and what became of it */
	struct buf changed;
	struct err *changed_err;
	bool changed_ok;
	struct links links;
	struct mask mask;
	struct rpc_scan scan;
	struct contents *contents; /* what is recorded of the answer; NULL: nothing */
	struct call_trace *traces; /* tracing_of(): one per message of the body, at least one */
	struct event_tool *tools; /* that the answer listed, the first of them */
	size_t tools_n;
	struct rpc_scan *guard; /* of an answer that passes unread: it must not be a list; NULL: it may be, or is read */
	struct rpc_answer *answers; /* one per message of the body, where its answer was seen */
	uint64_t *ids;              /* rpc_id_hash() of each request's id; 0: no request */
	bool submitted;            /* to the relay, which writes the event */
};

/* Its first message; body.n is not 0. */
static inline const struct rpc_msg *call_message(const struct call *c)
{
	return &c->body.msgs[0];
}

/* Whether its first message has that method. */
static inline bool call_is(const struct call *c, const char *method)
{
	return c->body.n && c->body.msgs[0].method && !strcmp(c->body.msgs[0].method, method);
}

/* Whether its first message is a request for one of the four lists. */
static inline bool call_asks_for_list(const struct call *c)
{
	return c->body.n && c->body.msgs[0].kind == RPC_REQUEST &&
	    (call_is(c, "tools/list") || call_is(c, "prompts/list") || call_is(c, "resources/list") ||
		call_is(c, "resources/templates/list"));
}

/* Whose sessions the call may use. */
struct session_place call_place(const struct call *);

#endif
