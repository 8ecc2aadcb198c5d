/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upstream's token of a call: out of the vault, renewed before it expires and when the upstream answers
 * 401. A call is sent again for that one reason, and once (security 3.4). Unsealed tokens are not kept
 * between calls: a disconnected user's next call already goes without.
 */
#ifndef GATEHOUSE_MCP_CREDENTIAL_H
#define GATEHOUSE_MCP_CREDENTIAL_H

#include "mcp/call.h"

/*
 * In a request thread, after the policies: finds the connection and puts its token on the request. Nothing
 * to do on a route without token exchange. False with reason connect_required (call.required says what is
 * missing), or as db_call() and seal_open().
 */
bool credential_find(struct call *, struct err *);

/* Hooks of the relay: before the first transfer, and when what the call waited for is there. */
enum relay_verdict credential_begin(struct relay_call *, struct err *);
enum relay_verdict credential_resume(struct relay_call *, const void *key, struct err *);

/*
 * What the head of an answer means for the token: PASS (nothing), PARK (a renewal was asked for) or
 * REFUSE.
 */
enum relay_verdict credential_judge(struct call *, const struct head *, struct err *);

#endif
