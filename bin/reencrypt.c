/* SPDX-License-Identifier: Apache-2.0 */
/* Which cells are sealed, in what place, and the walk over them. */
#include "config.h"

#include "reencrypt.h"

#include "idp/claims.h"
#include "upstream/vault.h"

#include <stdio.h>
#include <string.h>

enum {
	PAGE = 200,   /* rows that are read, sealed and put back in one go */
	COLUMNS = 2,  /* of a row, at most */
	PASSES = 100, /* what programs write meanwhile is under the primary key: two do */
};

struct place { /* what reencrypt_page() says of a row */
	const char *row, *subject, *upstream, *issuer, *resource, *token_endpoint, *revocation_endpoint;
};

struct table {
	const char *name;
	enum purpose purpose;
	const char *columns[COLUMNS];
	/* CELL sealed anew; value NULL with the error if it does not open. */
	struct db_param (*reseal)(const struct table *, size_t column, const struct ring *, struct arena *,
	    const struct place *, struct db_param cell, struct err *);
};

static struct db_param reseal_vault(const struct table *t, size_t column, const struct ring *ring,
    struct arena *a, const struct place *p, struct db_param cell, struct err *e)
{
	const struct vault_place place = { t->name, p->row, p->subject, p->upstream, p->issuer, p->resource,
		p->token_endpoint, p->revocation_endpoint };
	const char *text;

	if (!vault_open(ring, a, &place, t->columns[column], cell, &text, e))
		return DB_NULL;
	return vault_seal(ring, a, &place, t->columns[column], text);
}

static struct db_param reseal_claims(const struct table *t, size_t column, const struct ring *ring,
    struct arena *a, const struct place *p, struct db_param cell, struct err *e)
{
	const char *text = claims_open(ring, a, p->subject, (struct blob){ cell.value, cell.len }, e);
	struct blob sealed;

	(void)t, (void)column;
	if (!text)
		return DB_NULL;
	sealed = claims_seal(ring, a, p->subject, text);
	return DB_BYTES(sealed.p, sealed.n);
}

static struct db_param reseal_tokens(const struct table *t, size_t column, const struct ring *ring,
    struct arena *a, const struct place *p, struct db_param cell, struct err *e)
{
	struct identity who = { .subject = p->subject };
	struct blob sealed;

	(void)t, (void)column;
	if (!tokens_open(ring, a, p->row, (struct blob){ cell.value, cell.len }, &who, e))
		return DB_NULL;
	sealed = tokens_seal(ring, a, p->row, &who);
	return DB_BYTES(sealed.p, sealed.n);
}

static const struct table tables[] = {
	{ "connection", KEY_VAULT, { "access_token", "refresh_token" }, reseal_vault },
	{ "upstream_registration", KEY_VAULT, { "client_secret" }, reseal_vault },
	{ "connect_attempt", KEY_VAULT, { "verifier" }, reseal_vault },
	{ "browser_session", KEY_CLAIMS, { "claims" }, reseal_claims },
	{ "grants", KEY_CLAIMS, { "claims" }, reseal_claims },
	{ "login", KEY_CLAIMS, { "tokens" }, reseal_tokens },
};

bool reencrypt_is_for(enum purpose p)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (tables[i].purpose == p)
			return true;
	return false;
}

struct walk {
	struct db *db;
	const struct ring *ring;
	const char *key_id; /* of the primary key */
	struct reencrypted *count;
	int64_t broken; /* in this pass */
};

static struct place place_at(const struct db_rows *rows, size_t i)
{
	return (struct place){ db_text(rows, i, 0), db_text(rows, i, 1), db_text(rows, i, 2), db_text(rows, i, 3),
		db_text(rows, i, 4), db_text(rows, i, 5), db_text(rows, i, 6) };
}

/* One column of a page. */
static bool put_column(struct walk *w, const struct table *t, size_t column, struct arena *a,
    const struct db_rows *page, struct err *e)
{
	const char *ids[PAGE];
	struct db_param was[PAGE], is[PAGE];
	struct db_rows rows;
	size_t n = 0;

	for (size_t i = 0; i < page->rows; i++) {
		const struct place place = place_at(page, i);
		struct err why = { .code = ERR_NONE };

		was[n] = db_bytes_at(page, i, 7 + column, a);
		if (!was[n].value)
			continue;
		is[n] = t->reseal(t, column, w->ring, a, &place, was[n], &why);
		if (!is[n].value) {
			fprintf(stderr, "%s %s: %s does not open: %s\n", t->name, place.row, t->columns[column],
			    why.detail);
			w->broken++;
			continue;
		}
		ids[n++] = place.row;
	}
	if (!n)
		return true;
	const struct db_param params[] = { DB_TEXT(t->name), db_int(a, (int64_t)column + 1),
		db_text_array(a, ids, n), db_bytes_array(a, was, n), db_bytes_array(a, is, n) };

	if (!db_call(w->db, STMT_REENCRYPT_PUT, params, 5, a, &rows, e))
		return false;
	w->count->cells += db_int_at(&rows, 0, 0);
	return true;
}

/* One page after the row AFTER, which becomes the page's last; "" at the end of the table. */
static bool page(struct walk *w, const struct table *t, char after[128], struct err *e)
{
	struct arena *a = arena_new();
	const struct db_param params[] = { DB_TEXT(t->name), DB_TEXT(w->key_id), DB_TEXT(after), db_int(a, PAGE) };
	struct db_rows rows;
	bool ok = db_call(w->db, STMT_REENCRYPT_PAGE, params, 4, a, &rows, e);

	for (size_t column = 0; ok && column < COLUMNS && t->columns[column]; column++)
		ok = put_column(w, t, column, a, &rows, e);
	if (ok) {
		w->count->rows += (int64_t)rows.rows;
		snprintf(after, 128, "%s", rows.rows == PAGE ? db_text(&rows, PAGE - 1, 0) : "");
	}
	arena_free(a);
	return ok;
}

static bool pass(struct walk *w, enum purpose p, struct err *e)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char after[128] = "";

		if (tables[i].purpose != p)
			continue;
		do {
			if (!page(w, &tables[i], after, e))
				return false;
		} while (*after);
	}
	return true;
}

bool reencrypt(struct db *db, const struct ring *ring, enum purpose p, struct reencrypted *count,
    struct err *e)
{
	struct walk w = { .db = db, .ring = ring, .key_id = ring_primary(ring, p)->id, .count = count };

	*count = (struct reencrypted){ .rows = 0 };
	for (int i = 0; i < PASSES; i++) {
		int64_t before = count->cells;

		w.broken = 0;
		if (!pass(&w, p, e))
			return false;
		count->broken = w.broken;
		if (count->cells == before)
			return true;
	}
	return true;
}
