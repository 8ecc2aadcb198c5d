/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that seals the audit trail, a few times a second, and now and then writes the end of the
 * chain into the log: an anchor, by which a cut-off tail is found.
 */
#include "config.h"

#include "keeper/keeper_internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "keeper/chain.h"

#include <string.h>
#include <unistd.h>

enum {
	LOOK_MS = 300, /* rows are sealed within a second */
	BATCH = 500,
	ANCHOR_MS = 60000, /* between two anchors, where there is something new */
	SAY_MS = 60000     /* between two complaints */
};

struct sealer {
	struct app *app;
	struct chain_end end; /* of what was sealed here last */
	bool anchored;        /* END is in the log */
	int64_t anchor_at, say_at;
};

/* Whatever the log's level is: an anchor that was left out cannot be had later. */
static void log_anchor(const char *anchor)
{
	char when[CLOCK_TEXT];
	struct buf b;

	clock_text(when);
	buf_init(&b, 512);
	buf_printf(&b, "{\"time\":\"%s\",\"level\":\"info\",\"program\":\"consent\",\"pid\":%ld,"
		       "\"message\":\"audit anchor\",\"anchor\":\"%s\"}\n",
	    when, (long)getpid(), anchor);
	log_raw(LOG_LEVEL_ERROR, b.data, b.len);
	buf_release(&b);
}

/* Destinations that want it get it by the queue; that they do not is seen where they are looked at. */
static void send_anchor(struct sealer *s)
{
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	const struct db_param place = db_int(a, s->end.place);

	db_call(s->app->db, STMT_AUDIT_ANCHOR, &place, 1, a, NULL, &e);
	arena_free(a);
}

static void anchor(struct sealer *s)
{
	char text[CHAIN_ANCHOR_TEXT];

	if (s->anchored || clock_ms() < s->anchor_at)
		return;
	chain_anchor_write(text, &s->end);
	log_anchor(text);
	send_anchor(s);
	s->anchored = true;
	s->anchor_at = clock_ms() + ANCHOR_MS;
}

static void seal_all(struct sealer *s, const struct ring *ring)
{
	struct err e = { .code = ERR_NONE };
	struct chain_end end;
	int64_t n = BATCH;

	while (n == BATCH && chain_extend(s->app->db, ring, BATCH, &n, &end, &e))
		if (n) {
			s->end = end;
			s->anchored = false;
		}
	if (e.code && clock_ms() >= s->say_at) {
		log_warn(NULL, "the audit trail is not sealed", "why", e.text, "detail", e.detail, NULL);
		s->say_at = clock_ms() + SAY_MS;
	}
}

void *seal_run(void *arg)
{
	struct sealer s = { .app = arg, .anchored = true };

	do {
		struct site *site = site_ref(s.app);

		if (site->ring)
			seal_all(&s, site->ring);
		site_unref(site);
		anchor(&s);
	} while (keeper_pause(LOOK_MS));
	s.anchor_at = 0; /* what was sealed since the last one */
	anchor(&s);
	return NULL;
}
