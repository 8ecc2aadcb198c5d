/* SPDX-License-Identifier: Apache-2.0 */
/* keys init, keys list. No command shows a key. */
#include "config.h"

#include "ctl.h"

#include "keys/ring.h"

#include <stdio.h>
#include <string.h>

static int keys_init(struct ctl *ctl, const char *dir)
{
	struct err e = { .code = ERR_NONE };
	unsigned made;

	(void)ctl;
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
static int keys_list(struct ctl *ctl, const char *dir)
{
	int status = CTL_OK;

	(void)ctl;
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

static int keys_run(struct ctl *ctl, int argc, char **argv)
{
	const char *dir = argc > 2 ? argv[2] : NULL;

	if (argc < 2 || argc > 3)
		return ctl_usage(&ctl_keys);
	if (!dir)
		return ctl_usage(&ctl_keys);
	if (!strcmp(argv[1], "init"))
		return keys_init(ctl, dir);
	if (!strcmp(argv[1], "list"))
		return keys_list(ctl, dir);
	return ctl_usage(&ctl_keys);
}

const struct ctl_command ctl_keys = {
	.name = "keys",
	.usage = "init|list [DIR]",
	.about = "make the key ring's missing files, or list its keys (never their bytes)",
	.run = keys_run,
};
