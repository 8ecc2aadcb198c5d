/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault (security: sealing): what a database reader must not have, under the vault key of the
 * ring. A blob opens only in the place it was sealed for: table, column, row, subject, upstream and
 * issuer are its additional data, so that nobody who can write to the database moves one user's
 * token to another.
 */
#ifndef GATEHOUSE_UPSTREAM_VAULT_H
#define GATEHOUSE_UPSTREAM_VAULT_H

#include "db/db.h"
#include "keys/seal.h"

struct vault_place {
	const char *table, *row;
	const char *subject; /* "" where nobody in particular owns it */
	const char *upstream, *issuer;
};

/* TEXT sealed, as a parameter; NULL stays null. In the arena. */
struct db_param vault_seal(const struct ring *, struct arena *, const struct vault_place *, const char *column,
    const char *text);

/*
 * Opens a cell (p NULL: null, and so is *TEXT). ERR_INTERNAL, reason seal_broken, for one that is not
 * where it belongs.
 */
bool vault_open(const struct ring *, struct arena *, const struct vault_place *, const char *column,
    struct db_param cell, const char **text, struct err *);

#endif
