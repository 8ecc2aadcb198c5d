/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing cells. */
#include "config.h"

#include "upstream/vault.h"

#include <string.h>

#define PLACE(p, column) { (p)->table, column, (p)->row, (p)->subject, (p)->upstream, (p)->issuer, NULL }

struct db_param vault_seal(const struct ring *ring, struct arena *a, const struct vault_place *p,
    const char *column, const char *text)
{
	const char *const place[] = PLACE(p, column);
	struct blob sealed;

	if (!text)
		return DB_NULL;
	sealed = seal(ring, KEY_VAULT, a, text, strlen(text), place);
	return DB_BYTES(sealed.p, sealed.n);
}

bool vault_open(const struct ring *ring, struct arena *a, const struct vault_place *p, const char *column,
    struct db_param cell, const char **text, struct err *e)
{
	const char *const place[] = PLACE(p, column);
	struct blob plain;

	*text = NULL;
	if (!cell.value)
		return true;
	if (!seal_open(ring, KEY_VAULT, a, (struct blob){ cell.value, cell.len }, place, &plain, e))
		return false;
	*text = (const char *)plain.p;
	return true;
}
