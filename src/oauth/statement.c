/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a statement that serves once. */
#include "config.h"

#include "oauth/statement.h"

#include "base/hash.h"

#include <string.h>

struct db_param statement_hash(
    struct arena *a, const char *kind, const char *issuer, const char *sub, const char *jti)
{
	const char *text = arena_printf(a, "%s\n%s\n%s\n%s", kind, issuer, sub, jti);
	unsigned char *hash = arena_alloc(a, HASH_LEN);

	hash_sha256(hash, text, strlen(text));
	return DB_BYTES(hash, HASH_LEN);
}
