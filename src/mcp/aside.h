/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a legacy upstream is told beside a call, or after it: that nobody waits for the answer any more, that a session is over,
 * what the user said to a request in the call's stream. It goes in threads of its own, with the call's credential, and nobody waits
 * for it: what an upstream does not take within seconds, or what comes faster than it takes it, is lost.
 */
#ifndef GATEHOUSE_MCP_ASIDE_H
#define GATEHOUSE_MCP_ASIDE_H

#include <stdbool.h>

struct call;
struct asides;

struct asides *asides_start(void);
/* Says what there is, for at most a few seconds. */
void asides_stop(struct asides *);

/* From any thread that has the call: posts BODY, a message, in the session of the call's errand. */
void aside_post(const struct call *, const char *body);

/* The same at the call's end: BODY (NULL: nothing), then the session's end (SESSION). */
void aside_close(const struct call *, const char *body, bool session);

#endif
