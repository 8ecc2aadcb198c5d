/* SPDX-License-Identifier: Apache-2.0 */
/* clients: who is registered, and the end of a registration. */
#include "config.h"

#include "ctl.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 1000 };

static bool clients_list(struct ctl *ctl, struct db *db, struct err *e)
{
	struct arena *a = ctl->arena;
	const char *after = "";
	struct db_rows rows;

	puts("CLIENT\tNAME\tKIND\tAUTHENTICATION\tSINCE\tLAST USED\tGRANTS");
	do {
		const struct db_param params[] = { DB_TEXT(after), db_int(a, PAGE) };

		if (!db_call(db, STMT_CLIENT_LIST, params, 2, a, &rows, e))
			return false;
		for (size_t i = 0; i < rows.rows; i++) {
			for (size_t j = 0; j < rows.columns; j++)
				printf("%s%s", j ? "\t" : "", ctl_word(a, db_text(&rows, i, j)));
			putchar('\n');
		}
		if (rows.rows)
			after = db_text(&rows, rows.rows - 1, 0);
	} while (rows.rows == PAGE);
	return true;
}

static bool clients_revoke(struct ctl *ctl, struct db *db, const char *id, struct err *e)
{
	struct arena *a = ctl->arena;
	const struct db_param params[] = { DB_TEXT(id), DB_TEXT("client_ended"),
		DB_TEXT(ctl_actor(a)), DB_TEXT(ctl_trace(a)) };
	struct db_rows rows;

	if (!db_call(db, STMT_CLIENT_REVOKE, params, 4, a, &rows, e))
		return false;
	if (strcmp(db_text(&rows, 0, 0), "revoked") != 0) {
		err_set(e, ERR_NOT_FOUND, "", "");
		return err_text(e, "there is no client %.200s", ctl_word(a, id));
	}
	printf("ended the registration of %s and %s grants\n", ctl_word(a, id),
	    db_text(&rows, 0, 1));
	return true;
}

static int clients_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	bool list = argc == 2 && !strcmp(argv[1], "list"), ok = false;
	struct project *p;
	struct db *db;

	if (!list && !(argc == 3 && !strcmp(argv[1], "revoke") && *argv[2]))
		return ctl_usage(&ctl_clients);
	p = ctl_project(ctl, &ctl_clients);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = list ? clients_list(ctl, db, &e) : clients_revoke(ctl, db, argv[2], &e);
		db_close(db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_clients, &e);
}

static const struct ctl_act acts[] = {
	{ "list", NULL },
	{ "revoke", "client_revoked grant_revoked" },
	{ NULL, NULL },
};

const struct ctl_command ctl_clients = {
	.name = "clients",
	.usage = "list | revoke CLIENT",
	.about = "list the clients that are registered or known by their document, or end one with "
		 "all its grants, at once",
	.acts = acts,
	.run = clients_run,
};
