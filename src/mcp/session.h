/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session ids (Mcp-Session-Id, protocol 4.2). The client never sees the upstream's: it gets one
 * that holds it sealed, bound to the user, the client and the route, with what the client declared at
 * `initialize`. So no process needs to remember a session, and another user's id opens nothing.
 * A session is no authentication: the token is checked on every request.
 */
#ifndef GATEHOUSE_MCP_SESSION_H
#define GATEHOUSE_MCP_SESSION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/scan.h"
#include "keys/ring.h"

enum {
	SESSION_UPSTREAM_MAX = 512, /* of the upstream's id; a longer one is refused (502) */
	SESSION_ID_MAX = 1024       /* of ours */
};

/* Whose session it is. Members of a public route's are "". */
struct session_place {
	const char *subject, *client_id, *operation_id, *path;
};

struct session {
	const char *upstream_id;
	const char *version;   /* the protocol version that the client asked for; "" unknown */
	bool elicitation_form; /* what the client can do for a server that asks the user */
	bool elicitation_url;
	bool sampling;
	bool roots;
	bool bridged;          /* the upstream has none: the gateway answered `initialize` itself (rpc/bridge.h) */
};

/* Visible ASCII (protocol 4.2) of at most SESSION_UPSTREAM_MAX bytes. */
bool session_id_is_good(const char *upstream_id);

/* Notes what the capabilities object of `initialize` declares. */
void session_declare(struct session *, struct span capabilities);

/* The id that the client gets. In the arena. */
const char *session_seal(
    const struct session *, const struct session_place *, const struct ring *, struct arena *);

/* Opens an id of ours. ERR_NOT_FOUND, reason "unknown_session", for any other, and for another's. */
bool session_open(struct session *, const char *id, const struct session_place *, const struct ring *,
    struct arena *, struct err *);

#endif
