/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays as PostgreSQL sends them itself: how many dimensions, whether there are nulls, of which type; of each dimension its length and
 * first index; of each element its length, -1 for null, and its bytes. All numbers are in network order. */
#include "config.h"

#include "db/db.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <string.h>

/* Types by the numbers that every server has them by (pg_type.dat). */
enum type { INT8 = 20, TEXT = 25, TIMESTAMPTZ = 1184, UUID = 2950 };

enum { HEAD = 20, LENGTH = 4, UUID_BYTES = 16 };

/* From 1970-01-01 to 2000-01-01, where PostgreSQL's time begins. */
#define EPOCH_US INT64_C(946684800000000)

static unsigned char *put32(unsigned char *p, uint32_t n)
{
	n = htonl(n);
	memcpy(p, &n, sizeof(n));
	return p + sizeof(n);
}

static unsigned char *put64(unsigned char *p, uint64_t n)
{
	return put32(put32(p, (uint32_t)(n >> 32)), (uint32_t)n);
}

static unsigned char *put_null(unsigned char *p)
{
	return put32(p, UINT32_MAX);
}

/* Room for N elements of SIZE bytes in all, of which the first has the index FIRST; where it is to stand in *END. */
static unsigned char *begin_at(struct arena *a, enum type type, uint32_t first, size_t n, size_t size, unsigned char **end)
{
	unsigned char *array = arena_alloc(a, HEAD + n * LENGTH + size);

	*end = put32(put32(put32(array, n != 0), true), type);
	if (n)
		*end = put32(put32(*end, (uint32_t)n), first);
	return array;
}

static unsigned char *begin(struct arena *a, enum type type, size_t n, size_t size, unsigned char **end)
{
	return begin_at(a, type, 1, n, size, end);
}

static struct db_param finish(const unsigned char *array, const unsigned char *end)
{
	return DB_BYTES(array, (size_t)(end - array));
}

struct db_param db_texts(struct arena *a, const char *const *items, size_t n)
{
	enum { KNOWN = 512 };
	size_t lengths[KNOWN], size = 0;
	unsigned char *array, *p;

	for (size_t i = 0; i < n; i++) {
		size_t length = items[i] ? strlen(items[i]) : 0;

		if (i < KNOWN)
			lengths[i] = length;
		size += length;
	}
	array = begin(a, TEXT, n, size, &p);
	for (size_t i = 0; i < n; i++) {
		size_t length;

		if (!items[i]) {
			p = put_null(p);
			continue;
		}
		length = i < KNOWN ? lengths[i] : strlen(items[i]);
		p = put32(p, (uint32_t)length);
		memcpy(p, items[i], length);
		p += length;
	}
	return finish(array, p);
}

static struct db_param numbers(struct arena *a, enum type type, const int64_t *items, const bool *has, size_t n, int64_t zero)
{
	unsigned char *p, *array = begin(a, type, n, n * sizeof(*items), &p);

	for (size_t i = 0; i < n; i++) {
		if (has && !has[i])
			p = put_null(p);
		else
			p = put64(put32(p, sizeof(*items)), (uint64_t)(items[i] - zero));
	}
	return finish(array, p);
}

struct db_param db_text_of_all(struct arena *a, const char *item)
{
	size_t length = strlen(item);
	unsigned char *p, *array = begin_at(a, TEXT, 0, 1, length, &p);

	p = put32(p, (uint32_t)length);
	memcpy(p, item, length);
	return finish(array, p + length);
}

struct db_param db_int_of_all(struct arena *a, int64_t item)
{
	unsigned char *p, *array = begin_at(a, INT8, 0, 1, sizeof(item), &p);

	return finish(array, put64(put32(p, sizeof(item)), (uint64_t)item));
}

struct db_param db_ints(struct arena *a, const int64_t *items, const bool *has, size_t n)
{
	return numbers(a, INT8, items, has, n, 0);
}

struct db_param db_times(struct arena *a, const int64_t *us, size_t n)
{
	return numbers(a, TIMESTAMPTZ, us, NULL, n, EPOCH_US);
}

/* The 16 bytes of a UUID in its usual form, 8-4-4-4-12. */
static bool uuid_bytes(unsigned char *out, const char *text)
{
	static const unsigned char parts[] = { 4, 2, 2, 2, 6 };

	for (size_t i = 0; i < sizeof(parts); i++) {
		size_t digits = 2 * (size_t)parts[i];

		if (strnlen(text, digits) < digits || !hex_decode(out, text, digits))
			return false;
		out += parts[i];
		text += digits;
		if (*text++ != (i + 1 < sizeof(parts) ? '-' : '\0'))
			return false;
	}
	return true;
}

struct db_param db_uuids(struct arena *a, const char *const *items, size_t n)
{
	unsigned char *p, *array = begin(a, UUID, n, n * UUID_BYTES, &p);

	for (size_t i = 0; i < n; i++) {
		if (!items[i] || !uuid_bytes(p + LENGTH, items[i]))
			p = put_null(p);
		else
			p = put32(p, UUID_BYTES) + UUID_BYTES;
	}
	return finish(array, p);
}
