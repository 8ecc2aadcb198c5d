/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's tool: a table of commands, and what they share. */
#include "config.h"

#include "ctl.h"

#include "base/log.h"
#include "base/rand.h"
#include "page/html.h"
#include "policy/policy.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ctl_command *const commands[] = {
	&ctl_check,
	&ctl_migrate,
	&ctl_reload,
	&ctl_webconfig,
	&ctl_keys,
	&ctl_doctor,
	&ctl_maintenance,
	&ctl_story,
	&ctl_audit,
	&ctl_events,
	&ctl_alerts,
	&ctl_user,
	&ctl_clients,
	&ctl_grants,
	&ctl_connect,
	&ctl_tools,
	NULL,
};

enum { NAME_LEN = 32, WORD_MAX = 300, STATEMENT_MS = 60000 };

int ctl_fail(const struct ctl_command *c, const struct err *e)
{
	fprintf(stderr, "gatehousectl: %s: %s\n", c->name, *e->text ? e->text : err_name(e->code));
	if (*e->detail && !strstr(e->text, e->detail))
		fprintf(stderr, "  %s\n", e->detail);
	return CTL_FAILED;
}

int ctl_usage(const struct ctl_command *c)
{
	fprintf(stderr, "usage: gatehousectl %s%s%s\n", c->name, *c->usage ? " " : "", c->usage);
	return CTL_USAGE;
}

struct project *ctl_project(const struct ctl *ctl, const struct ctl_command *c)
{
	struct project_options options = { .types = policy_types };
	struct err e = { .code = ERR_NONE };
	struct project *p;

	options.dir = project_find_dir(ctl->arena, ctl->dir, ctl->argv0, &e);
	if (!options.dir) {
		ctl_fail(c, &e);
		return NULL;
	}
	p = project_load(&options);
	if (!p->fault)
		return p;
	fprintf(stderr,
	    "gatehousectl: %s: the project %s does not load (see `gatehousectl check`): %s\n",
	    c->name, p->dir, p->fault);
	project_unref(p);
	return NULL;
}

struct db *ctl_db(const struct project *p, struct err *e)
{
	const struct db_options options = { .conninfo = p->database,
		.program = "admin",
		.size = 1,
		.statement_ms = STATEMENT_MS };
	struct db *db = db_open(&options);

	if (db_schema_ok(db, e))
		return db;
	db_close(db);
	return NULL;
}

const char *ctl_actor(struct arena *a)
{
	const struct passwd *who = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER"); /* the person behind the service's user */

	if (sudo && *sudo)
		return arena_printf(a, "gatehousectl:%.64s", sudo);
	return who ? arena_printf(a, "gatehousectl:%.64s", who->pw_name)
		   : arena_printf(a, "gatehousectl:%lu", (unsigned long)getuid());
}

const char *ctl_trace(struct arena *a)
{
	char id[REQUEST_ID_TEXT];

	rand_request_id(id);
	return arena_strdup(a, id);
}

static bool note(struct ctl *ctl, const struct project *p, const char *action, const char *object,
    const char *detail, struct err *e)
{
	struct arena *a = ctl->arena;
	const struct db_param params[] = { DB_TEXT(action), DB_TEXT(ctl_actor(a)), DB_TEXT(object),
		DB_TEXT(ctl_trace(a)), DB_TEXT(detail) };
	struct db *db = ctl_db(p, e);
	bool ok = db && db_call(db, STMT_AUDIT_NOTE, params, 5, a, NULL, e);

	if (db)
		db_close(db);
	return ok;
}

void ctl_note(struct ctl *ctl, const struct project *p, const char *action, const char *object, struct json_object *before,
    struct json_object *after)
{
	struct err e = { .code = ERR_NONE };
	struct project_options options = { .types = policy_types, .program = "audit" };
	struct project *own = NULL;
	struct json_object *detail = json_new_object(ctl->arena);

	json_add(detail, "before", before);
	json_add(detail, "after", after);
	if (!p) {
		options.dir = project_find_dir(ctl->arena, ctl->dir, ctl->argv0, NULL);
		p = own = options.dir ? project_load(&options) : NULL;
	}
	if (p && !note(ctl, p, action, object, json_text(ctl->arena, detail), &e))
		fprintf(stderr, "gatehousectl: done, but the audit trail does not have it (%s %s): %s\n", action,
		    object, *e.text ? e.text : err_name(e.code));
	if (own)
		project_unref(own);
}

bool ctl_retention(struct ctl *ctl, struct db *db, const struct project *p, struct err *e)
{
	struct arena *a = ctl->arena;
	const struct db_param params[] = { db_int(a, p->events_days), db_int(a, p->summary_days), DB_TEXT(ctl_actor(a)),
		DB_TEXT(ctl_trace(a)) };

	return db_call(db, STMT_RETENTION_SET, params, 4, a, NULL, e);
}

const char *ctl_word(struct arena *a, const char *text)
{
	const char *clean = html_clean(a, text, WORD_MAX);

	return clean ? clean : "-";
}

static int help(FILE *out)
{
	fputs("usage: gatehousectl [-c DIR] COMMAND [ARGUMENT...]\n"
	      "       gatehousectl help | --version\n\n"
	      "DIR is the project; else GATEHOUSE_PROJECT names it.\n\n",
	    out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "%s %s\n    %s\n", commands[i]->name, commands[i]->usage,
		    commands[i]->about);
	return CTL_OK;
}

/* Insertions, deletions and replacements that make A of B. Names longer than the table's count as
 * far off. */
static int distance(const char *a, const char *b)
{
	int row[NAME_LEN + 1];
	size_t m = strlen(b);

	if (m > NAME_LEN)
		return NAME_LEN;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 0; a[i]; i++) {
		int diagonal = row[0];

		row[0] = (int)i + 1;
		for (size_t j = 1; j <= m; j++) {
			int best = diagonal + (a[i] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[m];
}

static int unknown(const char *name)
{
	const char *near = NULL;
	int best = 3; /* more typing errors than two are another word */

	for (size_t i = 0; commands[i]; i++) {
		int d = distance(commands[i]->name, name);

		if (d < best) {
			best = d;
			near = commands[i]->name;
		}
	}
	fprintf(stderr, "gatehousectl: no command '%.64s'", name);
	if (near)
		fprintf(stderr, " (did you mean '%s'?)", near);
	fputs("; see `gatehousectl help`\n", stderr);
	return CTL_USAGE;
}

static bool does(const struct ctl_command *c, const char *word)
{
	const struct ctl_act *act = c->acts;

	while (act->word && strcmp(act->word, word) != 0 && strcmp(act->word, "*") != 0)
		act++;
	return act->word != NULL;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, argv[0]))
			return does(commands[i], argc > 1 ? argv[1] : "") ? commands[i]->run(ctl, argc, argv)
									   : ctl_usage(commands[i]);
	return unknown(argv[0]);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .argv0 = argv[0] };
	int i = 1, status;

	log_init("gatehousectl");
	log_level_set(LOG_LEVEL_WARN);
	if (i < argc && !strcmp(argv[i], "--version")) {
		puts(PACKAGE_STRING);
		return CTL_OK;
	}
	if (i + 1 < argc && !strcmp(argv[i], "-c")) {
		ctl.dir = argv[i + 1];
		i += 2;
	}
	if (i == argc) {
		help(stderr);
		return CTL_USAGE;
	}
	if (!strcmp(argv[i], "help") || !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
		return help(stdout);
	ctl.arena = arena_new();
	status = run(&ctl, argc - i, argv + i);
	arena_free(ctl.arena);
	if (fflush(stdout) != 0) { /* a full disk must not look like success */
		perror("gatehousectl: standard output");
		return CTL_FAILED;
	}
	return status;
}
