/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintenance: what the programs do by themselves three times a minute, now and to the end, for cron or a systemd
 * timer; for machines whose programs run only when somebody calls (CGI), and after a long pause.
 */
#include "config.h"

#include "ctl.h"

#include "keeper/chain.h"
#include "keys/ring.h"

#include <stdio.h>
#include <unistd.h>

enum { BATCH = 500, STEP_MS = 300 * 1000, BUSY_TRIES = 50, BUSY_US = 200 * 1000 };

struct account {
	int64_t days_made, days_dropped, batches, expired;
};

/* One batch. *MORE: there may be something left. */
static bool step(struct ctl *ctl, struct db *db, const struct project *p, struct account *sum, bool *ran,
    bool *more, struct err *e)
{
	const struct db_param params[] = { db_int(ctl->arena, p->events_days), db_int(ctl->arena, p->summary_days),
		db_int(ctl->arena, BATCH) };
	struct db_rows r;

	/* an hour of many calls may take longer than what programs may wait for */
	if (!db_call_within(db, STEP_MS, STMT_MAINTENANCE_STEP, params, 3, ctl->arena, &r, e))
		return false;
	*ran = db_bool_at(&r, 0, 0);
	*more = db_int_at(&r, 0, 4) > 0 || db_bool_at(&r, 0, 5);
	sum->days_made += db_int_at(&r, 0, 1);
	sum->days_dropped += db_int_at(&r, 0, 2);
	sum->batches += db_int_at(&r, 0, 3);
	sum->expired += db_int_at(&r, 0, 4);
	return true;
}

/* A program that is at it holds the lock for a moment. */
static bool run_to_the_end(struct ctl *ctl, struct db *db, const struct project *p, struct account *sum,
    struct err *e)
{
	bool ran, more = true;
	int busy = 0;

	while (more) {
		if (!step(ctl, db, p, sum, &ran, &more, e))
			return false;
		if (ran)
			continue;
		if (++busy == BUSY_TRIES)
			return err_set(e, ERR_UNAVAILABLE, "somebody else has been at it for 10 s: nothing to do here",
			    "");
		more = true;
		usleep(BUSY_US);
	}
	return true;
}

/* Where consent.fcgi does not run all the time, nobody else does. */
static bool seal(const struct project *p, struct db *db, int64_t *sealed, struct err *e)
{
	struct ring *ring = ring_open(p->keyring, 1u << KEY_AUDIT, e);
	struct chain_end end;
	bool ok = ring != NULL;
	int64_t n = 1;

	for (*sealed = 0; ok && n; *sealed += n)
		ok = chain_extend(db, ring, BATCH, &n, &end, e);
	ring_close(ring);
	return ok;
}

static int maintenance_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct account sum = { 0 };
	struct project *p;
	int64_t sealed = 0;
	struct db *db;
	bool ok = false;

	(void)argv;
	if (argc != 1)
		return ctl_usage(&ctl_maintenance);
	p = ctl_project(ctl, &ctl_maintenance);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = ctl_retention(ctl, db, p, &e) && run_to_the_end(ctl, db, p, &sum, &e) && seal(p, db, &sealed, &e);
		db_close(db);
	}
	project_unref(p);
	if (!ok)
		return ctl_fail(&ctl_maintenance, &e);
	printf("tables of events: %lld made, %lld dropped\nexpired rows: %lld removed\naudit rows: %lld sealed\n",
	    (long long)sum.days_made, (long long)sum.days_dropped, (long long)(sum.expired + sum.batches),
	    (long long)sealed);
	return CTL_OK;
}

static const struct ctl_act acts[] = {
	{ "", "retention_changed events_dropped" },
	{ NULL, NULL },
};

const struct ctl_command ctl_maintenance = {
	.name = "maintenance",
	.usage = "",
	.about = "remove what has expired and make the coming days of events, as programs do three times a minute",
	.acts = acts,
	.run = maintenance_run,
};
