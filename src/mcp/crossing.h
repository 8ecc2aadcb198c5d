/* SPDX-License-Identifier: Apache-2.0 */
/* A call between the eras: what rpc/bridge.h says of its messages, done. */
#ifndef GATEHOUSE_MCP_CROSSING_H
#define GATEHOUSE_MCP_CROSSING_H

#include "base/buf.h"
#include "mcp/relay.h"
#include "rpc/bridge.h"

struct call;

/* Which way the call's messages have to be carried: errand.bridge. False: the upstream's era is not known yet. */
bool crossing_choose(struct call *);
void crossing_begin(struct call *, enum bridge_way);

/* The call in the upstream's language: PASS (it is the transfer at hand), HAVE or REFUSE. */
enum relay_verdict crossing_up(struct call *, struct err *);
/* Answers server/discover or initialize from the upstream's greeting. */
enum relay_verdict crossing_hello(struct call *, struct err *);
enum relay_verdict crossing_refuse_batch(struct call *, struct err *);

/* A client has cancelled a request, at this process or another: what other processes told, known_tell(). False: it is something else. */
bool crossing_told(struct relay *, const char *text);

/* A message or batch as the upstream sent it becomes, in place, what the client reads. Any thread. */
bool crossing_down(struct call *, struct buf *text, struct err *);

#endif
