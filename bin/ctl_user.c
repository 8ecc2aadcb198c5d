/* SPDX-License-Identifier: Apache-2.0 */
/* user: who has sessions and grants here, and the end of all of them. */
#include "config.h"

#include "ctl.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 1000 };

/* The columns of a row from the first on, as one line. */
static void print_row(struct arena *a, const struct db_rows *rows, size_t row)
{
	for (size_t i = 0; i < rows->columns; i++)
		printf("%s%s", i ? "\t" : "", ctl_word(a, db_text(rows, row, i)));
	putchar('\n');
}

static bool user_list(struct ctl *ctl, struct db *db, struct err *e)
{
	const char *after = "";
	struct db_rows rows;

	puts("SUBJECT\tNAME\tEMAIL\tSESSIONS\tGRANTS\tLAST USED");
	do {
		const struct db_param params[] = { DB_TEXT(after), db_int(ctl->arena, PAGE) };

		if (!db_call(db, STMT_USER_LIST, params, 2, ctl->arena, &rows, e))
			return false;
		for (size_t i = 0; i < rows.rows; i++)
			print_row(ctl->arena, &rows, i);
		if (rows.rows)
			after = db_text(&rows, rows.rows - 1, 0);
	} while (rows.rows == PAGE);
	return true;
}

static bool user_show(struct ctl *ctl, struct db *db, const char *subject, struct err *e)
{
	struct arena *a = ctl->arena;
	const struct db_param who = DB_TEXT(subject);
	struct db_rows rows;

	if (!db_call(db, STMT_USER_SESSIONS, &who, 1, a, &rows, e))
		return false;
	for (size_t i = 0; i < rows.rows; i++)
		printf("session\t%s\t%s\tsince %s\tuntil %s\n", ctl_word(a, db_text(&rows, i, 0)),
		    ctl_word(a, db_text(&rows, i, 1)), db_text(&rows, i, 2),
		    db_text(&rows, i, 3));
	return ctl_print_grants(ctl, db, subject, NULL, "grant\t", e);
}

static bool user_revoke(struct ctl *ctl, struct db *db, const char *subject, struct err *e)
{
	struct arena *a = ctl->arena;
	const struct db_param params[] = { DB_TEXT(subject), DB_TEXT(ctl_actor(a)),
		DB_TEXT(ctl_trace(a)) };
	struct db_rows rows;

	if (!db_call(db, STMT_USER_REVOKE, params, 3, a, &rows, e))
		return false;
	printf("ended %s sessions and %s grants of %s\n", db_text(&rows, 0, 0),
	    db_text(&rows, 0, 1), ctl_word(a, subject));
	return true;
}

static int user_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	const char *word = argc > 1 ? argv[1] : "";
	struct project *p;
	struct db *db;
	bool ok = false;

	if (!((!strcmp(word, "list") && argc == 2) ||
		((!strcmp(word, "show") || !strcmp(word, "revoke")) && argc == 3 && *argv[2])))
		return ctl_usage(&ctl_user);
	p = ctl_project(ctl, &ctl_user);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = argc == 2 ? user_list(ctl, db, &e)
		     : !strcmp(word, "show")
			 ? user_show(ctl, db, argv[2], &e)
			 : user_revoke(ctl, db, argv[2], &e);
		db_close(db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_user, &e);
}

static const struct ctl_act acts[] = {
	{ "list", NULL },
	{ "show", NULL },
	{ "revoke", "user_revoked grant_revoked" },
	{ NULL, NULL },
};

const struct ctl_command ctl_user = {
	.name = "user",
	.usage = "list | show SUBJECT | revoke SUBJECT",
	.about = "list who has sessions or grants; show somebody's; end all of them, at once",
	.acts = acts,
	.run = user_run,
};
