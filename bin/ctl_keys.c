/* SPDX-License-Identifier: Apache-2.0 */
/* keys init, keys list. No command shows a key. */
#include "config.h"

#include "ctl.h"

#include "keys/ring.h"

#include <stdio.h>
#include <string.h>

static int keys_init(const char *dir)
{
	struct err e = { .code = ERR_NONE };
	unsigned made;

	if (!ring_init(dir, &made, &e))
		return ctl_fail(&ctl_keys, &e);
	if (made)
		printf("%s: made %u key file%s\n", dir, made, made == 1 ? "" : "s");
	else
		printf("%s: every purpose has its key already\n", dir);
	return CTL_OK;
}

static void show(const struct ring *r, enum purpose p)
{
	const struct key *k;

	for (size_t i = 0; (k = ring_entry(r, p, i)); i++)
		printf("%-8s %-32s %s\n", purpose_name(p), k->id, key_state_name(k->state));
}

/* Every purpose is shown or complained about: one bad file does not hide the next. */
static int keys_list(const char *dir)
{
	int status = CTL_OK;

	for (enum purpose p = 0; p < KEY_PURPOSES; p++) {
		struct err e = { .code = ERR_NONE };
		struct ring *r = ring_open(dir, 1u << p, &e);

		if (r)
			show(r, p);
		else
			status = ctl_fail(&ctl_keys, &e);
		ring_close(r);
	}
	return status;
}

static int (*verb_of(const char *word))(const char *dir)
{
	if (!strcmp(word, "init"))
		return keys_init;
	return strcmp(word, "list") ? NULL : keys_list;
}

static int keys_run(struct ctl *ctl, int argc, char **argv)
{
	int (*verb)(const char *dir) = NULL;
	struct project *p;
	int status;

	if (argc == 2 || argc == 3)
		verb = verb_of(argv[1]);
	if (!verb)
		return ctl_usage(&ctl_keys);
	if (argc == 3)
		return verb(argv[2]);
	p = ctl_project(ctl, &ctl_keys);
	if (!p)
		return CTL_FAILED;
	status = verb(p->keyring);
	project_unref(p);
	return status;
}

const struct ctl_command ctl_keys = {
	.name = "keys",
	.usage = "init|list [DIR]",
	.about = "make the missing files of the key ring (the project's, or DIR), or list its "
		 "keys, never their bytes",
	.run = keys_run,
};
