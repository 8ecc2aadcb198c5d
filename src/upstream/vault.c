/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing cells. */
#include "config.h"

#include "upstream/vault.h"

#include <string.h>

/* No part is NULL, which would end the list; parts are length-prefixed, so that "" is one too. */
static const char *part(const char *text)
{
	return text ? text : "";
}

#define PLACE(p, column) { (p)->table, column, (p)->row, (p)->subject, (p)->upstream, (p)->issuer, \
	part((p)->resource), part((p)->token_endpoint), part((p)->revocation_endpoint), NULL }

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
	const struct blob sealed = { cell.value, cell.len };
	struct err why = { .code = ERR_NONE };
	struct blob plain;

	*text = NULL;
	if (!cell.value)
		return true;
	if (!seal_open(ring, KEY_VAULT, a, sealed, place, &plain, &why))
		return err_reason(e, ERR_INTERNAL, seal_key(ring, KEY_VAULT, sealed) ? VAULT_CHANGED : why.reason,
		    "internal error", "%s %s, column %s: %s", p->table, p->row, column, why.detail);
	*text = (const char *)plain.p;
	return true;
}
