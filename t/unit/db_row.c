/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and parameters: arrays and bytes as PostgreSQL spells them, and what is refused. */
#include "config.h"

#include "db/db.h"

#include "base/hash.h"
#include "tap.h"

#include <stdlib.h>

static const char *hex(struct arena *a, struct db_param p)
{
	char *text = arena_alloc(a, 2 * p.len + 1);

	hex_encode(text, p.value, p.len);
	return p.binary ? text : "text";
}

/* What PostgreSQL's array_send() makes of the same. */
static void test_binary_arrays(struct arena *a)
{
	const char *const texts[] = { "a", NULL, "" },
		   *const ids[] = { "00112233-4455-4677-8899-aabbccddeeff", "00112233-4455-4677-8899-aabbccddeeff0",
			   "00112233-4455-4677-8899-aabbccddee", "0011223344556677-8899-aabb-ccddeeff", NULL, "" };
	const int64_t n[] = { 1, 7, INT64_MIN }, times[] = { 946684800000001, 0 };
	const bool has[] = { true, false, true };

	is_str(hex(a, db_texts(a, texts, 3)), "0000000100000001000000190000000300000001" "0000000161" "ffffffff" "00000000",
	    "texts, null and an empty one");
	is_str(hex(a, db_texts(a, texts, 0)), "000000000000000100000019", "no texts");
	is_str(hex(a, db_ints(a, n, has, 3)), "0000000100000001000000140000000300000001" "000000080000000000000001" "ffffffff"
	    "000000088000000000000000", "integers, and one that is not there");
	is_str(hex(a, db_ints(a, n, NULL, 1)), "0000000100000001000000140000000100000001" "000000080000000000000001",
	    "integers that are all there");
	is_str(hex(a, db_times(a, times, 2)), "0000000100000001000004a00000000200000001" "000000080000000000000001"
	    "00000008fffca2fec4c82000", "times, those before 2000 too");
	is_str(hex(a, db_text_of_all(a, "a")), "0000000100000001000000190000000100000000" "0000000161", "a text with the index 0");
	is_str(hex(a, db_int_of_all(a, -1)), "0000000100000001000000140000000100000000" "00000008ffffffffffffffff", "an integer with the index 0");
	is_str(hex(a, db_uuids(a, ids, 6)), "000000010000000100000b860000000600000001" "00000010" "00112233445546778899aabbccddeeff"
	    "ffffffff" "ffffffff" "ffffffff" "ffffffff" "ffffffff", "UUIDs, and what is none");
}

/* More texts than a batch of events has. */
static void test_many_texts(struct arena *a)
{
	enum { MANY = 1000, HEAD = 20 };
	static const char *items[MANY];
	struct db_param p;
	const char *at;
	size_t n = HEAD;
	int wrong = 0;

	for (size_t i = 0; i < MANY; i++) {
		items[i] = i % 5 ? "0123456789" + i % 7 : NULL;
		n += 4 + (items[i] ? strlen(items[i]) : 0);
	}
	p = db_texts(a, items, MANY);
	is_int(p.len, n, "a thousand texts take their lengths");
	at = (const char *)p.value + HEAD;
	for (size_t i = 0; i < MANY; at += 4 + (items[i] ? strlen(items[i]) : 0), i++)
		wrong += items[i] && memcmp(at + 4, items[i], strlen(items[i])) != 0;
	is_int(wrong, 0, "and stand one behind the other");
}

int main(void)
{
	const char *const texts[] = { "plain", "", "a \"b\" {c,d} \\e", NULL, "NULL",
		"\xc3\xa9\n" };
	const struct db_param bytes[] = { DB_BYTES("\x00\xff\"", 3), DB_BYTES("", 0), DB_NULL };
	const char *const cells[] = { "7", "t", "\\x00ff", NULL, "-9223372036854775808", "f",
		"\\x0", "\\xzz" };
	const struct db_rows rows = { .rows = 2, .columns = 4, .cells = cells };
	struct arena *a = arena_new();
	struct db_param p;
	char *conninfo;

	is_str(db_text_array(a, texts, 6).value,
	    "{\"plain\",\"\",\"a \\\"b\\\" {c,d} \\\\e\",NULL,\"NULL\",\"\xc3\xa9\n\"}",
	    "texts are quoted in an array, null and the word NULL are kept apart");
	is_str(db_text_array(a, texts, 0).value, "{}", "an array of nothing");
	is_str(db_bytes_array(a, bytes, 3).value, "{\"\\\\x00ff22\",\"\\\\x\",NULL}",
	    "byteas are written in hex");
	is_str(db_bytes_array(a, bytes, 0).value, "{}", "an array of no byteas");
	is_str(db_int(a, INT64_MIN).value, "-9223372036854775808", "the least integer");
	is_str(db_bool(true).value, "t", "a truth value");

	is_int(db_int_at(&rows, 0, 0), 7, "an integer is read");
	is_int(db_int_at(&rows, 1, 0), INT64_MIN, "also the least");
	ok(db_bool_at(&rows, 0, 1) && !db_bool_at(&rows, 1, 1), "truth values are read");
	is_int(db_int_at(&rows, 0, 3), 0, "null is 0");
	ok(!db_bool_at(&rows, 0, 3) && !db_text(&rows, 0, 3), "and false, and NULL");
	ok(!db_text(&rows, 2, 0) && !db_text(&rows, 0, 4), "outside the rows is NULL");
	p = db_bytes_at(&rows, 0, 2, a);
	ok(p.value && p.len == 2 && !memcmp(p.value, "\x00\xff", 2), "a bytea is read");
	ok(!db_bytes_at(&rows, 0, 3, a).value, "a null bytea has no bytes");
	ok(!db_bytes_at(&rows, 1, 2, a).value && !db_bytes_at(&rows, 1, 3, a).value,
	    "nor has what is no hex");

	conninfo = db_conninfo("user=gatehouse_{program} x={program}{program", "mcp");
	is_str(conninfo, "user=gatehouse_mcp x=mcp{program",
	    "the program's name goes into a connection string");
	db_conninfo_free(conninfo);
	ok(!db_conninfo("", "mcp") && !db_conninfo(NULL, "mcp"),
	    "an empty string leaves it to libpq");
	test_binary_arrays(a);
	test_many_texts(a);
	arena_free(a);
	return done();
}
