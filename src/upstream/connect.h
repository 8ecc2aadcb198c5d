/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoints under {b}/auth/connections/: a user's way to an upstream's authorization server, back from
 * it, and out of it again.
 *
 *   GET  {id}/connect     ticket -> session -> discovery -> registration -> attempt -> 302
 *   GET  {id}/callback    attempt -> issuer -> code -> tokens -> vault -> a page, or back to consent
 *   POST {id}/disconnect  session, CSRF token -> vault -> revocation at the provider -> the page of grants
 */
#ifndef GATEHOUSE_UPSTREAM_CONNECT_H
#define GATEHOUSE_UPSTREAM_CONNECT_H

#include "http/http.h"
#include "oauth/session.h"
#include "upstream/register.h"
#include "upstream/upstream.h"

/* The form of the page of grants that ends a connection: what its CSRF token is for. */
#define DISCONNECT_FORM "disconnect"

struct connect { /* one request: req.identity, so that the failure page knows what it is about */
	struct upstream up;
	const struct ring *ring;
	const char *id; /* the upstream's */
};

/* Handlers of the rows "{b}/auth/connections/ *" (without the blank). */
bool connect_get(struct req *, struct resp *, struct err *);
bool connect_post(struct req *, struct resp *, struct err *);

/* app.adopt, app.release, app.error_page of the program. */
bool connect_adopt(struct site *, struct err *);
void connect_release(struct site *);
bool connect_error_page(struct req *, struct resp *, const struct err *);

/* One file each; ID is in the struct, the upstream not yet found. */
bool ep_connection_begin(struct req *, struct resp *, struct connect *, struct err *);
bool ep_connection_callback(struct req *, struct resp *, struct connect *, struct err *);
bool ep_connection_end(struct req *, struct resp *, struct connect *, struct err *);

/* Finds the upstream and opens the ring. ERR_NOT_FOUND; OPERATION_ID may be NULL: any route. */
bool connect_find(struct req *, struct connect *, const char *operation_id, struct err *);

/* Writes the event NAME about the connection. */
void connect_event(struct req *, const struct connect *, const char *name, const char *outcome,
    const struct err *cause);

#endif
