/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of what passes (product: MCP route; protocol 4.5, 4.6), in both directions. They are
 * lists of what is allowed: a header that nobody has thought of stays behind.
 */
#ifndef GATEHOUSE_MCP_HEADERS_H
#define GATEHOUSE_MCP_HEADERS_H

#include <curl/curl.h>

#include "http/http.h"
#include "mcp/head.h"
#include "policy/upstream_request.h"

/* Copies what the client's request may tell the upstream of this route. */
void headers_to_upstream(struct upstream_request *, const struct req *, const struct mcp_route *);

/* Copies what the upstream's answer may tell the client; SECRETS are never repeated in one. */
void headers_to_client(
    struct resp *, const struct head *, bool is_stream, const struct upstream_secret *secrets);

/*
 * The headers for a transfer. What libcurl would add by itself (Accept, User-Agent, Expect) is suppressed where it
 * is not in the request. The list lives as long as the request's arena.
 */
struct curl_slist *headers_of(const struct upstream_request *);

#endif
