/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route's policies, one after the other: on the way up each one's three hooks, on the way back the inbound ones
 * before the outbound ones. What the hooks are for is said in policy/policy.h. edit.h runs those that read answers.
 */
#ifndef GATEHOUSE_MCP_CHAIN_H
#define GATEHOUSE_MCP_CHAIN_H

#include "mcp/call.h"
#include "policy/policy.h"

/* The I-th use of the route, inbound before outbound; NULL past the end. */
const struct policy_use *chain_use(const struct mcp_route *, size_t i);

/* What the policies of a route want of its answers. */
struct chain_wants {
	enum policy_reading reading; /* the most that one of them reads */
	enum policy_pace pace;       /* the slowest of those that read */
	bool steady;                 /* all that read are: policy.h, is_steady */
};
struct chain_wants chain_wants(const struct mcp_route *);

/* The way up: request thread. Changes the request's body where a policy does. False: refused, c->fault says how. */
bool chain_up(struct call *, struct err *);

/* The head of the answer, in c->relay.resp. */
bool chain_response(struct call *, struct err *);

/* The end, for those calls that went through chain_up(), to its end or not. */
void chain_over(struct call *, const struct policy_over *);

#endif
