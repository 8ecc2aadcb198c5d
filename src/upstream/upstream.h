/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upstream as its sign-in sees it, for the length of one request: the token exchange's options, the
 * route, and how documents of the upstream and of its authorization server are fetched.
 *
 * Errors of this folder fall in three buckets, which pages show apart: ERR_CONFIG (ours), ERR_UPSTREAM
 * with a reason upstream_oauth_... (how the upstream's sign-in is set up), ERR_UPSTREAM with any other
 * reason (what it answered).
 */
#ifndef GATEHOUSE_UPSTREAM_UPSTREAM_H
#define GATEHOUSE_UPSTREAM_UPSTREAM_H

#include "conf/project.h"
#include "json/json.h"
#include "net/fetch.h"

struct upstream {
	struct arena *arena;
	const struct project *project;
	const struct guard *guard;
	const struct exchange_conf *conf;
	const struct mcp_route *route;
	const struct origin *origin; /* of ours: whose callback is registered */
	int patience_ms;  /* for an answer; 0: limits.fetchMs */
	const char *html; /* the page with which the upstream answered in place of what was asked; NULL: none */
};

/* The token exchange with this id and the route of OPERATION_ID that uses it; false if there is none. */
bool upstream_find(struct upstream *, const char *id, const char *operation_id);

/* "{o}{b}/auth/connections/{id}/NAME", in the arena. */
const char *upstream_url(const struct upstream *, const char *name);

/*
 * The address and the content of the document by which an authorization server that reads such documents
 * knows us (protocol 3.4). The address is the client id.
 */
const char *upstream_document_url(const struct upstream *);
struct json_object *upstream_document(const struct upstream *);

/*
 * Makes the request of F, whose url (and form or json, headers) are the caller's. A page among the
 * answers is kept in `html`. Errors as fetch().
 */
bool upstream_fetch(struct upstream *, struct fetch *, struct err *);

/* The answer as a JSON object; ERR_UPSTREAM, reason upstream_malformed, if it is none. */
struct json_object *upstream_json(struct upstream *, const struct fetch *, struct err *);

/*
 * Whether a resource is the upstream, or one above it at its origin (protocol 3.2). A token for another is
 * not sent to it.
 */
bool upstream_is_resource(const struct upstream *, const char *resource);

/*
 * Whether a browser, or a secret, may be sent to an endpoint: https (http to loopback in development
 * alone), a host, no user information, no fragment.
 */
bool upstream_endpoint_is_sound(const struct upstream *, const char *url);

#endif
