/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail as a chain (security 3.11; sql/schema/0017-audit-chain.sql): each row's seal is
 * HMAC-SHA-256, under a key of the purpose `audit`, over its place, the seal before, and all that
 * the row holds. An edited, deleted or moved row breaks the chain at its place. A tail that was cut off does
 * not: for that there are anchors, "PLACE:SEAL" of the chain's end at some time, kept where who
 * writes to the database does not write.
 */
#ifndef GATEHOUSE_KEEPER_CHAIN_H
#define GATEHOUSE_KEEPER_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "db/db.h"
#include "keys/ring.h"

/* A row of gatehouse.audit as the statements of sql/stmt/audit.sql give it. */
struct audit_row {
	int64_t audit_id;
	/* event_id at program request_id actor action object client_id detail; NULL: SQL null */
	const char *text[9];
};

/* PREV is the seal before, zeros for the first place (1). */
void chain_seal(unsigned char out[HASH_LEN], const unsigned char key[KEY_LEN], int64_t place,
    const unsigned char prev[HASH_LEN], const struct audit_row *);

/* The audit row in columns FIRST... of a row of ROWS. */
struct audit_row chain_row(const struct db_rows *rows, size_t row, size_t first);

/* The end of a chain. */
struct chain_end {
	int64_t place; /* 0: empty */
	unsigned char seal[HASH_LEN];
};

/*
 * Seals what is committed, MAX rows at most; *N of them, END the chain's end then (if *N > 0).
 * Another sealer at work is no error: *N is 0.
 */
bool chain_extend(struct db *, const struct ring *, int max, int64_t *n, struct chain_end *, struct err *);

enum { CHAIN_ANCHOR_TEXT = 20 + 1 + 2 * HASH_LEN + 1 };
void chain_anchor_write(char out[CHAIN_ANCHOR_TEXT], const struct chain_end *);
/* The next anchor in N bytes of TEXT (a log, say) from *POS on: "PLACE:SEAL" with 64 lower-case digits. */
bool chain_anchor_find(const char *text, size_t n, size_t *pos, struct chain_end *);

#endif
