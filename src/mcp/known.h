/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process knows of upstreams, and may forget at any time: which eras one speaks, the sessions that the gateway has
 * made for modern clients of legacy ones, which parameters of tools headers repeat, and lists that may be kept.
 * All of it is found by a hash of what it depends on, has an end, and is bounded together: what was not used for longest goes first.
 *
 * Lists and marks of a route are forgotten together, by every process, when its upstream says that a list has changed.
 * Thread-safe.
 */
#ifndef GATEHOUSE_MCP_KNOWN_H
#define GATEHOUSE_MCP_KNOWN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "db/db.h"
#include "json/scan.h"

enum {
	KNOWN_BYTES = 32 << 20,     /* of all */
	KNOWN_ENTRY_BYTES = 4 << 20 /* of one; a larger one is not kept */
};

enum known_kind {
	KNOWN_ERA,
	KNOWN_SESSION,
	KNOWN_TOLD,  /* a list of tools that was recorded */
	KNOWN_MARKS, /* of a route: known_changed() forgets it */
	KNOWN_LIST,  /* likewise */
};

struct known_key {
	unsigned char hash[HASH_LEN];
};

struct known;

/* DB: where other processes are told; NULL: there are none to tell. Ends the process if there is no thread. */
struct known *known_start(struct db *);
void known_stop(struct known *);

/* The key of these texts, ended by NULL, in their order; where one ends and the next begins counts. */
struct known_key known_key(enum known_kind, ...) __attribute__((sentinel));

/* The bytes that were kept under KEY, in the arena, with what is left of their time. An absent span: none. */
struct span known_get(struct known *, const struct known_key *, struct arena *, int64_t *left_ms);

/* How often lists of ROUTE (and of the few that share its slot) were forgotten: to be asked before the upstream is, for known_put(). */
uint64_t known_changes(struct known *, const char *route);

/*
 * Keeps N bytes for TTL_MS. A list, or marks, of which known_changes() has moved since CHANGES are not kept: the upstream may
 * have answered before it changed.
 */
void known_put(struct known *, enum known_kind, const struct known_key *, const char *route, const void *p, size_t n,
    int64_t ttl_ms, uint64_t changes);
void known_drop(struct known *, const struct known_key *);

/* An upstream said that a list of ROUTE has changed: it is forgotten here, and other processes are told soon. */
void known_changed(struct known *, const char *route);

/*
 * Tells other processes, and this one, once and soon, of something else: TEXT that is longer than any operationId. What comes faster
 * than a hundred times a second is lost.
 */
void known_tell(struct known *, const char *text);
/* Another process was told so. NULL: that may have been missed; all lists and marks are forgotten. */
void known_told(struct known *, const char *route);

#endif
