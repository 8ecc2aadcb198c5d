/* SPDX-License-Identifier: Apache-2.0 */
/* alerts: what is wrong now; and telling of it, by mail too, from cron or a timer. */
#include "config.h"

#include "ctl.h"

#include "keeper/alert.h"
#include "net/fetch.h"

#include <stdio.h>
#include <string.h>

enum { FETCHES = 4 };

static bool alerts_list(struct ctl *ctl, struct db *db, struct err *e)
{
	struct db_rows rows;

	if (!db_call(db, STMT_ALERTS_OPEN, NULL, 0, ctl->arena, &rows, e))
		return false;
	for (size_t i = 0; i < rows.rows; i++) {
		printf("%s\t%s\t%s\n", ctl_word(ctl->arena, db_text(&rows, i, 4)), ctl_word(ctl->arena, db_text(&rows, i, 0)),
		    ctl_word(ctl->arena, db_text(&rows, i, 2)));
		printf("\t-> %s\n", ctl_word(ctl->arena, db_text(&rows, i, 3)));
	}
	return true;
}

static bool alerts_send(const struct project *p, struct db *db, struct err *e)
{
	unsigned n = 0;
	bool ok;

	fetch_start(FETCHES);
	ok = alert_judge(db, p, e) && alert_tell(db, p, true, &n, e);
	printf("%u messages\n", n);
	return ok;
}

static int alerts_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct project *p;
	struct db *db;
	bool ok = false;

	if (argc != 2 || (strcmp(argv[1], "list") != 0 && strcmp(argv[1], "send") != 0))
		return ctl_usage(&ctl_alerts);
	p = ctl_project(ctl, &ctl_alerts);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = !strcmp(argv[1], "list") ? alerts_list(ctl, db, &e) : alerts_send(p, db, &e);
		db_close(db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_alerts, &e);
}

static const struct ctl_act acts[] = {
	{ "list", NULL },
	{ "send", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_alerts = {
	.name = "alerts",
	.usage = "list | send",
	.about = "list what is wrong and who was to be told; judge, and tell those who were not told yet, by mail too",
	.acts = acts,
	.run = alerts_run,
};
