/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters on the way in, cells on the way out. Everything is text but byteas, which go in as
 * they are. */
#include "config.h"

#include "db/db.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct db_param db_int(struct arena *a, int64_t i)
{
	return DB_TEXT(arena_printf(a, "%lld", (long long)i));
}

struct db_param db_bool(bool b)
{
	return DB_TEXT(b ? "t" : "f");
}

struct db_param db_text_array(struct arena *a, const char *const *items, size_t n)
{
	size_t size = 3;
	char *text, *p;

	for (size_t i = 0; i < n; i++)
		size += items[i] ? 2 * strlen(items[i]) + 3 : sizeof("NULL,");
	text = p = arena_alloc(a, size);
	*p++ = '{';
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		if (!items[i]) {
			memcpy(p, "NULL", 4);
			p += 4;
			continue;
		}
		*p++ = '"';
		for (const char *c = items[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				*p++ = '\\';
			*p++ = *c;
		}
		*p++ = '"';
	}
	*p = '}';
	return DB_TEXT(text);
}

struct db_param db_bytes_array(struct arena *a, const struct db_param *items, size_t n)
{
	size_t size = 3;
	char *text, *p;

	for (size_t i = 0; i < n; i++)
		size += 2 * items[i].len + sizeof("\"\\\\x\",") + sizeof("NULL");
	text = p = arena_alloc(a, size);
	*p++ = '{';
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		if (!items[i].value) {
			memcpy(p, "NULL", 4);
			p += 4;
			continue;
		}
		memcpy(p, "\"\\\\x", 4);
		hex_encode(p + 4, items[i].value, items[i].len);
		p += 4 + 2 * items[i].len;
		*p++ = '"';
	}
	p[0] = '}';
	p[1] = '\0';
	return DB_TEXT(text);
}

const char *db_text(const struct db_rows *r, size_t row, size_t column)
{
	return row < r->rows && column < r->columns ? r->cells[row * r->columns + column] : NULL;
}

int64_t db_int_at(const struct db_rows *r, size_t row, size_t column)
{
	const char *text = db_text(r, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool db_bool_at(const struct db_rows *r, size_t row, size_t column)
{
	const char *text = db_text(r, row, column);

	return text && *text == 't';
}

struct db_param db_bytes_at(const struct db_rows *r, size_t row, size_t column, struct arena *a)
{
	const char *text = db_text(r, row, column);
	size_t n;
	unsigned char *p;

	if (!text || strncmp(text, "\\x", 2) || (n = strlen(text + 2)) % 2)
		return DB_NULL;
	p = arena_alloc(a, n / 2 + 1);
	if (!hex_decode(p, text + 2, n))
		return DB_NULL;
	return DB_BYTES(p, n / 2);
}
