/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing anew what is kept under an older key, while programs read and write it. Nothing is held and nothing is
 * remembered: rows are read a page at a time and put back where they are still what they were, so that a
 * run that was killed is simply repeated.
 */
#ifndef GATEHOUSE_BIN_REENCRYPT_H
#define GATEHOUSE_BIN_REENCRYPT_H

#include "db/db.h"
#include "keys/ring.h"

struct reencrypted {
	int64_t rows;   /* that were looked at, in all passes */
	int64_t cells;  /* that were put back under the primary key */
	int64_t broken; /* that do not open: a line on standard error names each */
};

/* Whether anything that is kept is sealed for this purpose. */
bool reencrypt_is_for(enum purpose);

/* Until a pass over all tables of the purpose finds nothing to do. The ring has the purpose open. */
bool reencrypt(struct db *, const struct ring *, enum purpose, struct reencrypted *, struct err *);

#endif
