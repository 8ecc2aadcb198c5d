/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process counts by itself: windows of rate limits in mode async, and corrections of quotas. A thread, begun
 * with the first count, exchanges both with the database a few times a second, in batches, so that no call
 * waits for it and all processes agree soon. The table of windows has a fixed size; what has no place in it is for the
 * database to count. One per process.
 */
#ifndef GATEHOUSE_POLICY_COUNTERS_H
#define GATEHOUSE_POLICY_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct db;

/* The key of what POLICY counts together: by what ("user"), and whom. */
void counters_key(unsigned char out[HASH_LEN], const char *policy, const char *by, const char *whom);

/* Allows counting, with this database. Not called in plain CGI, where a process has one call. */
void counters_open(struct db *);
/* Hands over what is left, 2 s at most. */
void counters_close(void);

enum counters_answer {
	COUNTERS_NONE = 0, /* not open, no thread, or no place: ask the database */
	COUNTERS_TAKEN,
	COUNTERS_FULL, /* WAIT_MS says how long */
};

/* Counts COST of KEY if there is room for ALLOWED in each window of LENGTH_MS. */
enum counters_answer counters_take(const unsigned char key[HASH_LEN], int64_t length_ms, int64_t cost, int64_t allowed,
    int64_t *wait_ms);
/* Gives back what counters_take() took. */
void counters_give_back(const unsigned char key[HASH_LEN], int64_t length_ms, int64_t cost);

/* Whether the last exchange failed: what the others count is not known. */
bool counters_are_away(void);

/*
 * N more (below 0: less) of a quota's KEY in the period that began at STARTS_AT, as quota_take() said. Waits for DB
 * where counting is not open; else for nothing: without a thread it is lost, which is logged once.
 */
void counters_settle(struct db *db, const unsigned char key[HASH_LEN], const char *starts_at, int64_t n);

#endif
