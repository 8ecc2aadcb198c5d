/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Browsers at an MCP route (protocol 2.11, 4.8): pages of `allowedOrigins` may call it, of any
 * origin where corsPolicy is `anything-goes`; another Origin is refused, whatever it asks for, which also ends DNS
 * rebinding. A request without Origin comes from no browser.
 */
#ifndef GATEHOUSE_MCP_CORS_H
#define GATEHOUSE_MCP_CORS_H

#include "http/http.h"

/* ERR_FORBIDDEN, reason "origin_not_allowed". "null" is never allowed: a sandboxed page of anybody's has it. */
bool cors_check(const struct req *, const struct mcp_route *, struct err *);

/* Sets the headers that let an allowed page read the answer, an error's included. */
void cors_set(const struct req *, struct resp *, const struct mcp_route *);

/* Answers a preflight. */
bool cors_preflight(const struct req *, struct resp *, const struct mcp_route *);

#endif
