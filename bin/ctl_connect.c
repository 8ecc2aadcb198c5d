/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect: a URL by which an administrator makes the connection of everybody to a shared upstream. It serves
 * once, for ten minutes, in whichever browser opens it: it is as good as a password for that time.
 */
#include "config.h"

#include "ctl.h"

#include "keys/ring.h"
#include "upstream/required.h"
#include "upstream/ticket.h"

#include <stdio.h>
#include <string.h>

static bool find(struct upstream *u, const char *id, struct err *e)
{
	if (!upstream_find(u, id, NULL))
		return err_set(e, ERR_CONFIG, "no route that is served uses a token exchange with this id", "");
	if (u->conf->mode != EXCHANGE_SHARED)
		return err_set(e, ERR_CONFIG, "this upstream is not shared: its users connect for themselves", "");
	if (!u->project->origins_n)
		return err_set(e, ERR_CONFIG, "publicOrigins names no origin: where would the URL lead?", "");
	u->origin = &u->project->origins[0];
	return true;
}

/* What the URL is good for, not the URL. */
static void note(struct ctl *ctl, const struct project *p, const struct upstream *u)
{
	struct json_object *after = json_new_object(ctl->arena);

	json_add_string(after, "operation", u->route->operation_id);
	json_add_int(after, "validSeconds", TICKET_TTL_S);
	ctl_note(ctl, p, "connect_url_made", arena_printf(ctl->arena, "upstream:%s", u->conf->id), NULL, after);
}

static bool print_url(struct ctl *ctl, const struct project *p, const char *id, struct err *e)
{
	struct upstream u = { .arena = ctl->arena, .project = p };
	struct ring *ring;

	if (!find(&u, id, e))
		return false;
	ring = ring_open(p->keyring, 1u << KEY_SESSION, e);
	if (!ring)
		return false;
	puts(required_url(&u,
	    ticket_make(ring, ctl->arena, u.conf->id, u.route->operation_id, "", NULL)));
	ring_close(ring);
	note(ctl, p, &u);
	fputs("Open it within ten minutes, in a browser of your own; it works once.\n", stderr);
	return true;
}

static int connect_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct project *p;
	bool ok;

	if (argc != 2)
		return ctl_usage(&ctl_connect);
	p = ctl_project(ctl, &ctl_connect);
	if (!p)
		return CTL_FAILED;
	ok = print_url(ctl, p, argv[1], &e);
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_connect, &e);
}

static const struct ctl_act acts[] = {
	{ "*", "connect_url_made" },
	{ NULL, NULL },
};

const struct ctl_command ctl_connect = {
	.name = "connect",
	.usage = "UPSTREAM",
	.about = "print a single-use URL by which an administrator connects a shared upstream",
	.acts = acts,
	.run = connect_run,
};
