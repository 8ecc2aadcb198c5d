/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists that come again: most answers to a tools/list are what they were a moment ago, but for the id. What the policies made of
 * such an answer is remembered where it depends on its text alone (policy.h: is_steady), and one that is the same, byte for byte, is not
 * read again.
 *
 * For one thread: the relay's.
 */
#ifndef GATEHOUSE_MCP_REPEATS_H
#define GATEHOUSE_MCP_REPEATS_H

#include <stdbool.h>

#include "base/buf.h"
#include "json/scan.h"
#include "rpc/outcome.h"

enum {
	REPEATS_BYTES = 4 << 20,       /* of all; what was not asked for longest goes first */
	REPEATS_MAX = 256,             /* of them: each may be looked at for each list that comes */
	REPEATS_EACH_BYTES = 1 << 20,  /* of one answer and what became of it; a larger one is not remembered */
	REPEATS_MS = 10 * 60000        /* then one is read again, so that what is recorded hourly is */
};

struct repeats;

struct repeats *repeats_new(void);
void repeats_free(struct repeats *);

/* What an answer was. */
struct repeat {
	struct outcome outcome;
	struct rpc_answer answer; /* `id` means nothing */
};

/*
 * Whether TEXT, an answer that came for ROUTE, is one that was put, but for its id, which is ID now: byte for byte what the request
 * has. Then what it became is appended to OUT, and *WHAT says what it was.
 */
bool repeats_get(struct repeats *, const void *route, struct span text, struct span id, struct buf *out, struct repeat *what);

/* TEXT, a checked message whose id is ID, became BECAME, which has the same id. */
void repeats_put(
    struct repeats *, const void *route, struct span text, struct span id, struct span became, const struct repeat *what);

#endif
