/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments and results of tools, prompts and resources, for the events of routes that record them (recordArguments,
 * recordResults): arguments as the upstream got them, results as the client did, when all policies have had their turn. Of a call that was
 * refused nothing is recorded, as a policy may have refused it for what it held.
 */
#ifndef GATEHOUSE_MCP_CONTENTS_H
#define GATEHOUSE_MCP_CONTENTS_H

#include <stddef.h>

struct call;

enum { CONTENTS_MAX = 64 * 1024 }; /* an answer, or an event of a stream, that is longer is not recorded */

/* Before the answer's body. Nothing, on other routes. */
void contents_begin(struct call *);
/* A piece of it, as the client gets it; and its end. */
void contents_feed(struct call *, const char *p, size_t n);
void contents_end(struct call *);

/* Of message I, JSON, perhaps cut (EVENT_BODY_MAX); NULL: none. */
const char *contents_arguments(const struct call *, size_t i);
const char *contents_result(const struct call *, size_t i);

#endif
