/* SPDX-License-Identifier: Apache-2.0 */
/* Whether database and program fit: see `-- compatible-from:` in sql/schema. */
#include "config.h"

#include "db/db.h"

#include "db/conn.h"

static bool schema_fits(struct db *db, struct arena *a, struct err *e)
{
	struct db_rows r;
	int64_t newest, from;

	if (!db_call(db, STMT_SCHEMA_RANGE, NULL, 0, a, &r, e))
		return false;
	newest = db_int_at(&r, 0, 0);
	from = db_int_at(&r, 0, 1);
	if (newest < SCHEMA_KNOWN)
		return err_reason(e, ERR_CONFIG, "database_schema",
		    "the database is older than this program: run `gatehousectl migrate`",
		    "schema %lld, wanted %d", (long long)newest, SCHEMA_KNOWN);
	if (from > SCHEMA_KNOWN)
		return err_reason(e, ERR_CONFIG, "database_schema",
		    "the database is newer than this program: install the new release on this "
		    "machine too",
		    "schema %lld serves programs from %lld on, this one knows %d",
		    (long long)newest, (long long)from, SCHEMA_KNOWN);
	return true;
}

bool db_schema_ok(struct db *db, struct err *e)
{
	struct arena *a;
	bool ok;

	if (db->schema_ok)
		return true;
	a = arena_new();
	ok = schema_fits(db, a, e);
	arena_free(a);
	if (ok)
		db->schema_ok = true;
	return ok;
}
