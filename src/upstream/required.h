/* SPDX-License-Identifier: Apache-2.0 */
/* Connect-required (gatehouse(7), CONNECTIONS): what a client is told that has to send its user to a browser. */
#ifndef GATEHOUSE_UPSTREAM_REQUIRED_H
#define GATEHOUSE_UPSTREAM_REQUIRED_H

#include "upstream/upstream.h"

enum required_state {
	REQUIRED_NOT = 0,
	REQUIRED_CONNECT,   /* never connected */
	REQUIRED_RECONSENT, /* the authorization ended, or does not reach far enough */
	REQUIRED_ADMIN,     /* a shared connection that nobody has made yet */
};

/* "authenticating", "reconsent_required", "admin_connect_required" */
const char *required_name(enum required_state);

/* "Connect Linear to continue.", in the arena. */
const char *required_message(const struct upstream *, enum required_state);

/* Where the user goes. TICKET: ticket_make(). In the arena. */
const char *required_url(const struct upstream *, const char *ticket);

/*
 * The `data` of the error (protocol 1.9): state and URL, and the elicitation for clients that open pages. URL
 * is "" where users can do nothing.
 */
struct json_object *required_data(const struct upstream *, enum required_state, const char *url);

#endif
