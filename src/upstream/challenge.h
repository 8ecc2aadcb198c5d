/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an upstream's WWW-Authenticate says (RFC 9110, 11.6.1; protocol 3.1): a list of challenges,
 * each a list of parameters, whose commas cannot be told apart without reading all of it.
 */
#ifndef GATEHOUSE_UPSTREAM_CHALLENGE_H
#define GATEHOUSE_UPSTREAM_CHALLENGE_H

#include <stdbool.h>

#include "base/arena.h"

struct challenge { /* of the scheme Bearer; members are NULL where it has none */
	const char *error, *scope, *resource_metadata;
};

/*
 * Reads the header (all lines joined by ", "; NULL: none). Of several Bearer challenges the first that
 * says something of each kind counts. False if there is no Bearer challenge. A header that is
 * malformed counts up to the fault. In the arena.
 */
bool challenge_read(struct challenge *, struct arena *, const char *header);

#endif
