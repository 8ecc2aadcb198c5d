/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parameters of the called tool headers repeat (`x-mcp-header`, rpc/param.h): learnt from the upstream's list of tools, compared
 * with what the client says, and written anew where the gateway speaks for it.
 */
#ifndef GATEHOUSE_MCP_MARKS_H
#define GATEHOUSE_MCP_MARKS_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct upstream_request;

enum {
	MARKS_BYTES = 256 * 1024, /* of all tools with marks */
	LIST_BYTES = 2 << 20      /* of all pages of tools */
};

/* Whether the tool's marks are needed, and neither there nor known: a page of the list is wanted. */
bool marks_lacks(struct call *);

/* A page of tools, as it came. Without a list, the client's headers go as they came. Whether another page is wanted. */
bool marks_listed(struct call *, const char *text, size_t n);

/* What the client said of its arguments must be true: what stands behind us may decide by it (protocol 1.5). False: the fault says how. */
bool marks_check(struct call *);

/* The headers that say what the message says. */
void marks_to_headers(struct upstream_request *, const struct call *);

/* The upstream refused the call's headers: what it was told of a tool is old. */
void marks_forget(struct call *);

#endif
