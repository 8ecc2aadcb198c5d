/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are ours and not the upstream's, in the form that the client reads: a challenge (RFC 6750,
 * protocol 2.1), a JSON-RPC error with the request's id as it was spelled, or problem+json.
 */
#ifndef GATEHOUSE_MCP_ANSWER_H
#define GATEHOUSE_MCP_ANSWER_H

#include "mcp/call.h"

enum {
	RPC_SESSION_NOT_FOUND = -32001, /* what the SDKs answer and expect */
	RPC_CONNECT_REQUIRED = -32001,  /* modern era, which has no sessions: see RPC_URL_ELICITATION_REQUIRED */
};

/* Status, headers and body for the error; false if it is one that serve's own answer (problem+json) fits. */
bool answer_error(const struct call *, struct resp *, const struct err *);

#endif
