/* SPDX-License-Identifier: Apache-2.0 */
/* reload: check the project and put it in force; reload --back: the snapshot before. */
#include "config.h"

#include "ctl.h"

#include "base/hash.h"
#include "conf/file.h"
#include "conf/snapshot.h"
#include "keys/ring.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

enum { FILE_BYTES = 4 * 1024 * 1024 };

static void complain(const struct project *p)
{
	struct problem problem;

	for (size_t i = 0; p && problems_at(p->problems, i, &problem); i++)
		if (problem.is_error)
			fprintf(stderr, "%s%s%s: %s\n  remedy: %s\n", problem.file, *problem.pointer ? " " : "",
			    problem.pointer, problem.text, problem.remedy);
}

/* A key file may have been edited by hand. Whoever reloads may have no right to it: then it stays as it is. */
static void publish_keys(const struct project *p)
{
	struct err e = { .code = ERR_NONE };

	if (!ring_publish(p->keyring, &e))
		fprintf(stderr, "gatehousectl: reload: the published signing keys stay as they are: %s\n", e.text);
}

/* The snapshot in force, by its number and what its files are, for the audit trail. */
static struct json_object *in_force(struct ctl *ctl, const char *home)
{
	static const char *const names[] = { "gateway.jsonc", "zuplo.jsonc", "config/routes.oas.json",
		"config/policies.json" };
	struct json_object *o = json_new_object(ctl->arena);
	struct snapshot s;
	struct conf_text file;

	if (!snapshot_current(&s, ctl->arena, home, NULL))
		return o;
	json_add_int(o, "snapshot", (int64_t)s.number);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		unsigned char hash[HASH_LEN];
		char text[2 * HASH_LEN + 1];

		if (!conf_read(&file, ctl->arena, arena_printf(ctl->arena, "%s/%s", s.dir, names[i]), FILE_BYTES, NULL))
			continue;
		hash_sha256(hash, file.p, file.n);
		hex_encode(text, hash, HASH_LEN);
		json_add_string(o, names[i], text);
	}
	return o;
}

static void note(struct ctl *ctl, const char *home, const char *dir, const char *action, struct json_object *before)
{
	ctl_note(ctl, NULL, action, arena_printf(ctl->arena, "project:%s", dir), before, in_force(ctl, home));
}

/* Programs alone cannot have events removed sooner than before (sql/fn/event.sql, event_kept()). */
static void tell_retention(struct ctl *ctl, const struct project *p)
{
	struct err e = { .code = ERR_NONE };
	struct db *db = ctl_db(p, &e);

	if (!db || !ctl_retention(ctl, db, p, &e))
		fprintf(stderr, "gatehousectl: reload: the database does not know yet for how long events are kept: %s; run `gatehousectl maintenance`\n",
		    *e.text ? e.text : err_name(e.code));
	db_close(db);
}

static int publish(struct ctl *ctl, const char *home, const char *dir)
{
	const struct project_options options = { .dir = dir, .types = policy_types };
	struct json_object *before = in_force(ctl, home);
	struct err e = { .code = ERR_NONE };
	struct snapshot s;
	struct project *p;
	int status = CTL_OK;

	if (snapshot_publish(&s, ctl->arena, home, &options, PUBLISH_ALWAYS, &p, &e)) {
		printf("snapshot %lu is in force; running programs serve it within a second\n", s.number);
		publish_keys(p);
		tell_retention(ctl, p);
		note(ctl, home, dir, "project_published", before);
	} else {
		complain(p);
		status = ctl_fail(&ctl_reload, &e);
	}
	project_unref(p);
	return status;
}

static int back(struct ctl *ctl, const char *home, const char *dir)
{
	struct project_options options = { .dir = dir, .types = policy_types };
	struct json_object *before = in_force(ctl, home);
	struct err e = { .code = ERR_NONE };
	struct snapshot s;
	struct project *p;

	if (!snapshot_back(&s, ctl->arena, home, &e))
		return ctl_fail(&ctl_reload, &e);
	printf("back to snapshot %lu; running programs serve it within a second\n", s.number);
	options.files_dir = s.dir;
	p = project_load(&options);
	if (!p->fault)
		tell_retention(ctl, p);
	project_unref(p);
	note(ctl, home, dir, "project_put_back", before);
	return CTL_OK;
}

static int list(struct ctl *ctl, const char *home)
{
	struct snapshot current = { .number = 0 };
	unsigned long *numbers;
	size_t n = snapshot_list(ctl->arena, home, &numbers);

	snapshot_current(&current, ctl->arena, home, NULL);
	for (size_t i = 0; i < n; i++)
		printf("%lu%s\n", numbers[i], numbers[i] == current.number ? " in force" : "");
	if (!n)
		fprintf(stderr, "no snapshot was published yet\n");
	return CTL_OK;
}

static int reload_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	const char *dir = project_find_dir(ctl->arena, ctl->dir, ctl->argv0, &e), *home;

	if (argc > 2)
		return ctl_usage(&ctl_reload);
	if (!dir)
		return ctl_fail(&ctl_reload, &e);
	home = snapshot_home(ctl->arena, dir);
	if (argc == 1)
		return publish(ctl, home, dir);
	if (!strcmp(argv[1], "--back"))
		return back(ctl, home, dir);
	if (!strcmp(argv[1], "--list"))
		return list(ctl, home);
	return ctl_usage(&ctl_reload);
}

static const struct ctl_act acts[] = {
	{ "", "project_published retention_changed" },
	{ "--back", "project_put_back retention_changed" },
	{ "--list", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_reload = {
	.name = "reload",
	.usage = "[--back | --list]",
	.about = "check the project and put it in force; --back: the snapshot before it; --list: those kept",
	.acts = acts,
	.run = reload_run,
};
