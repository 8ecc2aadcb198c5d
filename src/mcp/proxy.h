/* SPDX-License-Identifier: Apache-2.0 */
/* An MCP route, as a row of mcp.fcgi's table: who may call, the call, and how errors are told. */
#ifndef GATEHOUSE_MCP_PROXY_H
#define GATEHOUSE_MCP_PROXY_H

#include "http/http.h"
#include "mcp/call.h"

/* The route at the request's path; NULL: none. */
const struct mcp_route *proxy_route(const struct req *);

/* identify: the Origin, then the token (RFC 6750), unless it is a preflight or the route is public. */
bool proxy_identify(struct req *, struct err *);

/* handler: answers, or hands the request to the relay. */
bool proxy_call(struct req *, struct resp *, struct err *);

/* error */
bool proxy_error(struct req *, struct resp *, const struct err *);

#endif
