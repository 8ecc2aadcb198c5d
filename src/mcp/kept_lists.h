/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that an upstream allows to be kept (`cacheLists`; `ttlMs` and `cacheScope`, protocol 1.6), for the modern era. */
#ifndef GATEHOUSE_MCP_KEPT_LISTS_H
#define GATEHOUSE_MCP_KEPT_LISTS_H

#include <stddef.h>

#include "mcp/relay.h"

struct call;

/* HAVE: one that is still good answers the call. PASS: none; errand.keeps says whether the answer may be kept. */
enum relay_verdict kept_list_find(struct call *, struct err *);

/* Keeps the answer, N bytes as the upstream sent them, if it says that it may be. Any thread. */
void kept_list_put(const struct call *, const char *text, size_t n);

#endif
