/* SPDX-License-Identifier: Apache-2.0 */
/* trace: the story of one request, as its page in the console tells it. */
#include "config.h"

#include "ctl.h"

#include "base/clock.h"
#include "console/story.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 60 * 1000, ID_MAX = 200 };

static void print_step(struct arena *a, const struct story_step *step)
{
	char time[CLOCK_TEXT] = "";

	if (step->at_us)
		clock_text_of(time, step->at_us);
	printf("%s%s%s\n", ctl_word(a, step->title), *time ? "  " : "", time);
	for (size_t i = 0; i < step->n; i++)
		printf("  %-20s %s\n", step->facts[i].name, ctl_word(a, step->facts[i].value));
}

static bool tell(struct ctl *ctl, struct db *db, const char *id, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(id), DB_NULL, db_int(ctl->arena, LOOK_MS) };
	struct db_rows rows;
	struct story story;

	if (!db_call_within(db, 2 * LOOK_MS, STMT_REQUEST_STORY, params, 3, ctl->arena, &rows, e))
		return false;
	story_tell(&story, ctl->arena, &rows);
	for (size_t i = 0; i < story.n; i++)
		print_step(ctl->arena, &story.steps[i]);
	return story.n || err_set(e, ERR_NOT_FOUND, "nothing is known of this request", "");
}

static int trace_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct project *p;
	bool ok = false;
	struct db *db;

	if (argc != 2 || !*argv[1] || strlen(argv[1]) > ID_MAX)
		return ctl_usage(&ctl_story);
	p = ctl_project(ctl, &ctl_story);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = tell(ctl, db, argv[1], &e);
		db_close(db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_story, &e);
}

static const struct ctl_act acts[] = {
	{ "*", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_story = {
	.name = "trace",
	.usage = "REQUEST-ID",
	.about = "tell what became of a request: who asked, which credential went along, what the upstream answered",
	.acts = acts,
	.run = trace_run,
};
