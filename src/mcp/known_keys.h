/* SPDX-License-Identifier: Apache-2.0 */
/* By which keys a call finds what is known (known.h) of its upstream: what each kind of it depends on, and who shares it. */
#ifndef GATEHOUSE_MCP_KNOWN_KEYS_H
#define GATEHOUSE_MCP_KNOWN_KEYS_H

#include <stdbool.h>

#include "mcp/known.h"

struct call;

/* The era that the upstream speaks: everybody's who sends the same of forwardHeaders. The same holds for the other two. */
struct known_key known_era_key(const struct call *);
/* The question for it: one credential's, so that nobody waits for what another's refused credential takes. */
struct known_key known_discovery_key(const struct call *);
/* The session of a modern client at a legacy upstream: one user's, client's and credential's. */
struct known_key known_session_key(const struct call *);
/* The marks of the upstream's tools, as this credential sees them. */
struct known_key known_marks_key(const struct call *);

/* A list that answers the call: under SHARED where it is everybody's, else under OWN. False: the answer to such a request is never kept. */
bool known_list_keys(const struct call *, struct known_key *shared, struct known_key *own);

#endif
