/* SPDX-License-Identifier: Apache-2.0 */
/* reload: check the project and put it in force; reload --back: the snapshot before. */
#include "config.h"

#include "ctl.h"

#include "conf/snapshot.h"
#include "keys/ring.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

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

static int publish(struct ctl *ctl, const char *home, const char *dir)
{
	const struct project_options options = { .dir = dir, .types = policy_types };
	struct err e = { .code = ERR_NONE };
	struct snapshot s;
	struct project *p;
	int status = CTL_OK;

	if (snapshot_publish(&s, ctl->arena, home, &options, PUBLISH_ALWAYS, &p, &e)) {
		printf("snapshot %lu is in force; running programs serve it within a second\n", s.number);
		publish_keys(p);
	} else {
		complain(p);
		status = ctl_fail(&ctl_reload, &e);
	}
	project_unref(p);
	return status;
}

static int back(struct ctl *ctl, const char *home)
{
	struct err e = { .code = ERR_NONE };
	struct snapshot s;

	if (!snapshot_back(&s, ctl->arena, home, &e))
		return ctl_fail(&ctl_reload, &e);
	printf("back to snapshot %lu; running programs serve it within a second\n", s.number);
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
		return back(ctl, home);
	if (!strcmp(argv[1], "--list"))
		return list(ctl, home);
	return ctl_usage(&ctl_reload);
}

const struct ctl_command ctl_reload = {
	.name = "reload",
	.usage = "[--back | --list]",
	.about = "check the project and put it in force; --back: the snapshot before it; --list: those kept",
	.run = reload_run,
};
