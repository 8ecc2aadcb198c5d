/* SPDX-License-Identifier: Apache-2.0 */
/* What a seal is made of, and making the next ones. */
#include "config.h"

#include "keeper/chain.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES_MAX = 64 * 1024 * 1024, TEXTS = 9 };

static void add_number(struct buf *b, uint64_t n)
{
	unsigned char bytes[8];

	for (int i = 7; i >= 0; i--, n >>= 8)
		bytes[i] = (unsigned char)n;
	buf_add(b, bytes, sizeof(bytes));
}

/* Lengths go before texts, so that no two rows have one encoding; null is no text of any length. */
static void add_text(struct buf *b, const char *text)
{
	buf_char(b, text ? 1 : 0);
	if (!text)
		return;
	add_number(b, strlen(text));
	buf_str(b, text);
}

void chain_seal(unsigned char out[HASH_LEN], const unsigned char key[KEY_LEN], int64_t place,
    const unsigned char prev[HASH_LEN], const struct audit_row *row)
{
	static const char what[] = "gatehouse audit 1";
	struct buf b;

	buf_init(&b, ROW_BYTES_MAX);
	buf_add(&b, what, sizeof(what));
	add_number(&b, (uint64_t)place);
	buf_add(&b, prev, HASH_LEN);
	add_number(&b, (uint64_t)row->audit_id);
	for (size_t i = 0; i < TEXTS; i++)
		add_text(&b, row->text[i]);
	if (b.over)
		abort(); /* PostgreSQL's own texts are shorter */
	hash_hmac(out, key, KEY_LEN, b.data, b.len);
	buf_release(&b);
}

struct audit_row chain_row(const struct db_rows *rows, size_t row, size_t first)
{
	struct audit_row a = { .audit_id = db_int_at(rows, row, first) };

	for (size_t i = 0; i < TEXTS; i++)
		a.text[i] = db_text(rows, row, first + 1 + i);
	return a;
}

/* ---- sealing ---- */

static bool append(struct db *db, struct arena *a, const struct key *key, const struct db_rows *rows,
    struct chain_end *end, bool *done, struct err *e)
{
	const char **ids = arena_calloc(a, rows->rows, sizeof(*ids));
	struct db_param *macs = arena_calloc(a, rows->rows, sizeof(*macs)), params[4];
	struct db_rows answer;
	int64_t head = end->place;

	for (size_t i = 0; i < rows->rows; i++) {
		struct audit_row row = chain_row(rows, i, 2);
		unsigned char *mac = arena_alloc(a, HASH_LEN);

		chain_seal(mac, key->bytes, ++end->place, end->seal, &row);
		memcpy(end->seal, mac, HASH_LEN);
		ids[i] = db_text(rows, i, 2);
		macs[i] = DB_BYTES(mac, HASH_LEN);
	}
	params[0] = db_int(a, head);
	params[1] = DB_TEXT(key->id);
	params[2] = db_text_array(a, ids, rows->rows);
	params[3] = db_bytes_array(a, macs, rows->rows);
	if (!db_call(db, STMT_AUDIT_SEAL_ADD, params, 4, a, &answer, e))
		return false;
	*done = db_bool_at(&answer, 0, 0);
	return true;
}

static bool extend(struct db *db, struct arena *a, const struct ring *ring, int max, int64_t *n,
    struct chain_end *end, struct err *e)
{
	const struct db_param limit = db_int(a, max);
	struct db_rows rows;
	struct db_param head;
	bool done = false;

	if (!db_call(db, STMT_AUDIT_NEXT, &limit, 1, a, &rows, e))
		return false;
	if (!rows.rows)
		return true;
	head = db_bytes_at(&rows, 0, 1, a);
	*end = (struct chain_end){ .place = db_int_at(&rows, 0, 0) };
	if (head.value && head.len == HASH_LEN)
		memcpy(end->seal, head.value, HASH_LEN);
	if (!append(db, a, ring_primary(ring, KEY_AUDIT), &rows, end, &done, e))
		return false;
	*n = done ? (int64_t)rows.rows : 0;
	return true;
}

bool chain_extend(
    struct db *db, const struct ring *ring, int max, int64_t *n, struct chain_end *end, struct err *e)
{
	struct arena *a = arena_new();
	bool ok;

	*n = 0;
	ok = extend(db, a, ring, max, n, end, e);
	arena_free(a);
	return ok;
}

/* ---- anchors ---- */

void chain_anchor_write(char out[CHAIN_ANCHOR_TEXT], const struct chain_end *end)
{
	int n = snprintf(out, CHAIN_ANCHOR_TEXT, "%" PRId64 ":", end->place);

	hex_encode(out + n, end->seal, HASH_LEN);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* The number that ends before AT; false if there is none, or too large a one. */
static bool place_before(const char *text, size_t at, int64_t *place)
{
	size_t from = at;

	while (from && is_digit(text[from - 1]) && at - from < 19)
		from--;
	if (from == at || (from && is_digit(text[from - 1])) || text[from] == '0')
		return false;
	*place = 0;
	for (size_t i = from; i < at; i++) {
		if (*place > (INT64_MAX - (text[i] - '0')) / 10)
			return false;
		*place = *place * 10 + (text[i] - '0');
	}
	return true;
}

bool chain_anchor_find(const char *text, size_t n, size_t *pos, struct chain_end *end)
{
	while (*pos < n) {
		const char *colon = memchr(text + *pos, ':', n - *pos);
		size_t at = colon ? (size_t)(colon - text) : n, digits = 0;

		*pos = at + 1;
		while (at + 1 + digits < n && digits <= 2 * HASH_LEN && is_hex(text[at + 1 + digits]))
			digits++;
		if (at < n && digits == 2 * HASH_LEN && place_before(text, at, &end->place))
			return hex_decode(end->seal, text + at + 1, digits);
	}
	return false;
}
