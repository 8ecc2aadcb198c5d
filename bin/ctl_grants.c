/* SPDX-License-Identifier: Apache-2.0 */
/* grants: what people have allowed clients to do, and the end of one of them. */
#include "config.h"

#include "ctl.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 1000 };

/* grant_id, subject, client_id, client_name, operation_id, scope, created, last_used, expires,
 * redeemed */
static void print_grant(
    struct arena *a, const char *prefix, const struct db_rows *rows, size_t row)
{
	fputs(prefix, stdout);
	for (size_t i = 0; i < 9; i++)
		printf("%s%s", i ? "\t" : "", ctl_word(a, db_text(rows, row, i)));
	puts(db_bool_at(rows, row, 9) ? "" : "\tnot fetched yet");
}

bool ctl_print_grants(struct ctl *ctl, struct db *db, const char *subject, const char *client_id,
    const char *prefix, struct err *e)
{
	const char *after = "00000000-0000-0000-0000-000000000000";
	struct db_rows rows;

	do {
		const struct db_param params[] = { DB_TEXT(subject), DB_TEXT(client_id),
			DB_TEXT(after), db_int(ctl->arena, PAGE) };

		if (!db_call(db, STMT_GRANT_LIST, params, 4, ctl->arena, &rows, e))
			return false;
		for (size_t i = 0; i < rows.rows; i++)
			print_grant(ctl->arena, prefix, &rows, i);
		if (rows.rows)
			after = db_text(&rows, rows.rows - 1, 0);
	} while (rows.rows == PAGE);
	return true;
}

static bool grants_list(
    struct ctl *ctl, struct db *db, const char *subject, const char *client_id, struct err *e)
{
	puts("GRANT\tSUBJECT\tCLIENT\tNAME\tOPERATION\tSCOPE\tSINCE\tLAST USED\tUNTIL");
	return ctl_print_grants(ctl, db, subject, client_id, "", e);
}

static bool grants_revoke(struct ctl *ctl, struct db *db, const char *id, struct err *e)
{
	struct arena *a = ctl->arena;
	const struct db_param params[] = { DB_TEXT(id), DB_TEXT(ctl_actor(a)),
		DB_TEXT(ctl_trace(a)) };
	struct db_rows rows;
	const char *outcome;

	if (!db_call(db, STMT_GRANT_REVOKE, params, 3, a, &rows, e))
		return false;
	outcome = db_text(&rows, 0, 0);
	if (!strcmp(outcome, "unknown")) {
		err_set(e, ERR_NOT_FOUND, "", "");
		return err_text(e, "there is no grant %s", id);
	}
	printf("%s %s\n", id, strcmp(outcome, "revoked") ? "had ended before" : "ended");
	return true;
}

static bool is_uuid(const char *s)
{
	return strlen(s) == 36 && strspn(s, "0123456789abcdef-") == 36;
}

static bool run(struct ctl *ctl, struct db *db, int argc, char **argv, struct err *e)
{
	const char *subject = NULL, *client_id = NULL;

	if (!strcmp(argv[1], "revoke"))
		return grants_revoke(ctl, db, argv[2], e);
	for (int i = 2; i + 1 < argc; i += 2)
		*(strcmp(argv[i], "--subject") ? &client_id : &subject) = argv[i + 1];
	return grants_list(ctl, db, subject, client_id, e);
}

static bool is_called_well(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "revoke"))
		return is_uuid(argv[2]);
	if (argc < 2 || strcmp(argv[1], "list") != 0 || argc % 2)
		return false;
	for (int i = 2; i < argc; i += 2)
		if (strcmp(argv[i], "--subject") != 0 && strcmp(argv[i], "--client") != 0)
			return false;
	return true;
}

static int grants_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct project *p;
	struct db *db;
	bool ok = false;

	if (!is_called_well(argc, argv))
		return ctl_usage(&ctl_grants);
	p = ctl_project(ctl, &ctl_grants);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = run(ctl, db, argc, argv, &e);
		db_close(db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_grants, &e);
}

static const struct ctl_act acts[] = {
	{ "list", NULL },
	{ "revoke", "grant_revoked" },
	{ NULL, NULL },
};

const struct ctl_command ctl_grants = {
	.name = "grants",
	.usage = "list [--subject SUBJECT] [--client CLIENT] | revoke GRANT",
	.about = "list what people allowed clients to do, or end one such grant, at once",
	.acts = acts,
	.run = grants_run,
};
