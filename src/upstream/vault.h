/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault (security: sealing): what a database reader must not have, under the vault key of the
 * ring. A blob opens only in the place it was sealed for: table, column, row, subject, upstream,
 * issuer, and where it may be sent are its additional data, so that nobody who can write to the
 * database moves one user's token to another, or has it sent to a server of theirs.
 */
#ifndef GATEHOUSE_UPSTREAM_VAULT_H
#define GATEHOUSE_UPSTREAM_VAULT_H

#include "db/db.h"
#include "keys/seal.h"

#define VAULT_CHANGED "vault_changed" /* a reason: see vault_open() */

struct vault_place {
	const char *table, *row;
	const char *subject; /* "" where nobody in particular owns it */
	const char *upstream, *issuer;
	/* where it goes; NULL: the row does not say */
	const char *resource, *token_endpoint, *revocation_endpoint;
};

/* TEXT sealed, as a parameter; NULL stays null. In the arena. */
struct db_param vault_seal(const struct ring *, struct arena *, const struct vault_place *, const char *column,
    const char *text);

/*
 * Opens a cell (p NULL: null, and so is *TEXT). ERR_INTERNAL, reason vault_changed, for one that is
 * not where it belongs, or whose row was changed; as seal_open() for one under an unknown key.
 */
bool vault_open(const struct ring *, struct arena *, const struct vault_place *, const char *column,
    struct db_param cell, const char **text, struct err *);

#endif
