/* SPDX-License-Identifier: Apache-2.0 */
/* What identity providers signed for one use, as the database remembers it (sql/fn/statement.sql). */
#ifndef GATEHOUSE_OAUTH_STATEMENT_H
#define GATEHOUSE_OAUTH_STATEMENT_H

#include "db/db.h"

/*
 * SHA-256 of what tells a statement from all others: its KIND, issuer, subject and id, none of which has a line
 * feed. In the arena.
 */
struct db_param statement_hash(
    struct arena *, const char *kind, const char *issuer, const char *sub, const char *jti);

#endif
