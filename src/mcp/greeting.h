/* SPDX-License-Identifier: Apache-2.0 */
/* What an upstream is: which era it speaks, and the session that the gateway has at a legacy one for a modern client. */
#ifndef GATEHOUSE_MCP_GREETING_H
#define GATEHOUSE_MCP_GREETING_H

#include <stdbool.h>

#include "base/err.h"
#include "json/scan.h"

struct call;

enum { GREETING_BYTES = 256 * 1024 }; /* of an answer to discover or initialize */

/* Whether N bytes are JSON that can be read. */
bool greeting_is_sound(const char *text, size_t n);
/* The result of an errand's answer, within TEXT; absent: it brought none. */
struct span greeting_result_in(const struct call *, const char *text, size_t n);

/* Sets errand.upstream, if that is known. */
void greeting_recall_era(struct call *);
void greeting_forget_era(struct call *);
/* The answer to server/discover: errand.upstream, and the greeting of a modern one. */
void greeting_discovered(struct call *, const char *text, size_t n);
/* Whether a refusal of this status says something of the upstream: missing rights, rates and outages do not. */
bool greeting_says_era(int status);

/* Sets the session of the errand, if there is one. */
void greeting_recall_session(struct call *);
void greeting_keep_session(struct call *);
/* The upstream does not know the errand's session: it is over. */
void greeting_forget_session(struct call *);
/* The answer to initialize: the greeting and the revision. False: it is none. */
bool greeting_initialized(struct call *, const char *text, size_t n, struct err *);

#endif
