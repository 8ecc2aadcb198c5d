/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and parameters: arrays and bytes as PostgreSQL spells them, and what is refused. */
#include "config.h"

#include "db/db.h"

#include "tap.h"

#include <stdlib.h>

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
	arena_free(a);
	return done();
}
