/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what happens now (tail), what happened (export), and the sending of it: how destinations do (list), one round
 * for machines where no program runs all the time (forward), and the end of one that is no more (forget).
 */
#include "config.h"

#include "ctl.h"

#include "base/buf.h"
#include "base/clock.h"
#include "keeper/event_form.h"
#include "keeper/forward.h"
#include "net/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 500, LOOK_US = 500000, FETCHES = 4 };

static const char first_id[] = "00000000-0000-0000-0000-000000000000";

struct events_call {
	struct ctl *ctl;
	const struct project *project;
	struct db *db;
	enum event_form form;
	unsigned families;
	const char *since, *until; /* RFC 3339 */
	const char *name;
	int64_t seconds; /* tail: for so long; 0: without end */
};

/* ---- tail and export ---- */

static bool print_page(const struct events_call *c, const struct told *told, size_t n, struct err *e)
{
	struct buf b;

	buf_init(&b, FORM_LINE_MAX);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&b);
		form_write(&b, c->form, &told[i]);
		puts(buf_text(&b));
	}
	buf_release(&b);
	return fflush(stdout) == 0 || err_set(e, ERR_IO, "standard output takes no more", "");
}

static bool unpack(struct events_call *c, struct arena *a, const struct db_rows *pieces, struct db_rows *rows, struct err *e)
{
	return told_unpack(a, pieces, c->form == FORM_OCSF ? c->db : NULL, rows, e);
}

/* One look: what came after (*TX, *BATCH). */
static bool follow(struct events_call *c, char tx[24], int64_t *batch, bool *more, struct err *e)
{
	struct arena *a = arena_new();
	const struct db_param params[] = { DB_TEXT(*tx ? tx : NULL), db_int(a, *batch),
		forward_families(a, c->families), db_int(a, PAGE) };
	const char *to_tx, *to_batch;
	struct db_rows pieces, rows;
	struct told *told;
	size_t n = 0;
	bool ok = db_call(c->db, STMT_EVENTS_FOLLOW, params, 4, a, &pieces, e) && unpack(c, a, &pieces, &rows, e);

	*more = false;
	if (ok) {
		told = forward_told(a, &rows, &n, &to_tx, &to_batch);
		ok = print_page(c, told, n, e);
		*more = to_tx && *tx;
		if (to_tx) {
			snprintf(tx, 24, "%s", to_tx);
			*batch = strtoll(to_batch ? to_batch : "0", NULL, 10);
		}
	}
	arena_free(a);
	return ok;
}

static bool events_tail(struct events_call *c, struct err *e)
{
	int64_t until = clock_ms() + c->seconds * 1000, batch = 0;
	char tx[24] = "";
	bool more;

	do {
		if (!follow(c, tx, &batch, &more, e))
			return false;
		if (!more)
			usleep(LOOK_US);
	} while (!c->seconds || clock_ms() < until);
	return true;
}

static bool export_family(struct events_call *c, const char *family, struct err *e)
{
	const char *at = c->since, *id = first_id, *tx, *batch;
	struct arena *kept = arena_new();
	struct db_rows pieces, rows;
	bool ok = true;

	do {
		struct arena *a = arena_new();
		const struct db_param params[] = { DB_TEXT(family), DB_TEXT(at), DB_TEXT(id), DB_TEXT(c->until),
			db_int(a, PAGE) };
		struct told *told;
		size_t n;

		ok = db_call(c->db, STMT_EVENTS_BETWEEN, params, 5, a, &pieces, e) && unpack(c, a, &pieces, &rows, e);
		if (ok) {
			told = forward_told(a, &rows, &n, &tx, &batch);
			ok = print_page(c, told, n, e);
			if (n) {
				at = arena_strdup(kept, told_column(&told[n - 1], TOLD_AT));
				id = arena_strdup(kept, told_get(&told[n - 1], T_ID));
			}
		}
		arena_free(a);
	} while (ok && rows.rows == PAGE);
	arena_free(kept);
	return ok;
}

static bool events_export(struct events_call *c, struct err *e)
{
	static const char *const families[] = { "call", "auth", "policy", "audit" };
	char *now = arena_alloc(c->ctl->arena, CLOCK_TEXT);

	clock_text_of(now, clock_wall_us() + 1000000);
	if (!c->until)
		c->until = now;
	if (!c->since)
		c->since = "1970-01-01T00:00:00Z";
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (c->families & 1u << i && !export_family(c, families[i], e))
			return false;
	return true;
}

/* ---- destinations ---- */

static bool forward_one(struct events_call *c, const struct destination *d, struct err *e)
{
	enum forward_step step;
	struct forward f;
	unsigned pages = 0;

	forward_init(&f, c->db);
	while ((step = forward_step(&f, c->project, d, e)) == FORWARD_MORE)
		pages++;
	forward_end(&f);
	if (step == FORWARD_FAILED)
		return false;
	printf("%s: %u batches\n", d->name, pages);
	return true;
}

/* All are tried; the first failure is told. */
static bool events_forward(struct events_call *c, struct err *e)
{
	bool found = false, ok = true;

	fetch_start(FETCHES);
	for (size_t i = 0; i < c->project->destinations_n; i++) {
		const struct destination *d = &c->project->destinations[i];
		struct err why = { .code = ERR_NONE };

		if (c->name && strcmp(c->name, d->name) != 0)
			continue;
		found = true;
		if (forward_one(c, d, &why))
			continue;
		fprintf(stderr, "gatehousectl: events: %s takes no events: %s\n", d->name, why.text);
		if (ok)
			*e = why;
		ok = false;
	}
	if (!found && c->name)
		return err_set(e, ERR_NOT_FOUND, "events.forward has no destination of this name", "");
	return ok;
}

static bool events_list(struct events_call *c, struct err *e)
{
	struct db_rows rows;

	if (!db_call(c->db, STMT_FORWARD_LIST, NULL, 0, c->ctl->arena, &rows, e))
		return false;
	puts("DESTINATION\tSENT\tDROPPED\tWAITING\tFAILURE\tSINCE\tLAST SEEN");
	for (size_t i = 0; i < rows.rows; i++) {
		for (size_t j = 0; j < rows.columns; j++)
			printf("%s%s", j ? "\t" : "", ctl_word(c->ctl->arena, db_text(&rows, i, j)));
		putchar('\n');
	}
	return true;
}

/* What is known of it, for the audit trail: what it was sent, what it did not get. */
static struct json_object *account_of(struct events_call *c)
{
	struct json_object *before = json_new_object(c->ctl->arena);
	struct err ignored = { .code = ERR_NONE };
	struct db_rows rows;

	if (!db_call(c->db, STMT_FORWARD_LIST, NULL, 0, c->ctl->arena, &rows, &ignored))
		return NULL;
	for (size_t i = 0; i < rows.rows; i++)
		if (!strcmp(db_text(&rows, i, 0), c->name)) {
			json_add_int(before, "sent", db_int_at(&rows, i, 1));
			json_add_int(before, "dropped", db_int_at(&rows, i, 2));
			json_add_int(before, "waiting", db_int_at(&rows, i, 3));
		}
	return before;
}

static bool events_forget(struct events_call *c, struct err *e)
{
	struct json_object *account = account_of(c);
	const struct db_param name = DB_TEXT(c->name);
	struct db_rows rows;

	for (size_t i = 0; i < c->project->destinations_n; i++)
		if (!strcmp(c->project->destinations[i].name, c->name))
			return err_set(e, ERR_CONFIG, "it still stands in events.forward: take it out and reload first", "");
	if (!db_call(c->db, STMT_FORWARD_FORGET, &name, 1, c->ctl->arena, &rows, e))
		return false;
	if (!db_bool_at(&rows, 0, 0))
		return err_set(e, ERR_NOT_FOUND, "no destination of this name is known", "");
	ctl_note(c->ctl, c->project, "destination_forgotten", arena_printf(c->ctl->arena, "destination:%s", c->name), account, NULL);
	return true;
}

/* ---- the command ---- */

static const struct verb {
	const char *name;
	bool (*run)(struct events_call *, struct err *);
	const char *options; /* that it takes, by their first letters; 'n': a name, 'N': it must be there */
} verbs[] = {
	{ "tail", events_tail, "f i S" },
	{ "export", events_export, "f i s u" },
	{ "forward", events_forward, "n" },
	{ "list", events_list, "" },
	{ "forget", events_forget, "N" },
};

static bool read_families(const char *text, unsigned *out)
{
	static const char *const names[] = { "calls", "auth", "policies", "audit", "anchors" };

	*out = 0;
	while (*text) {
		size_t n = strcspn(text, ","), i = 0;

		while (i < 5 && (strlen(names[i]) != n || strncmp(names[i], text, n) != 0))
			i++;
		if (i == 5)
			return false;
		*out |= 1u << i;
		text += n + (text[n] == ',');
	}
	return *out != 0;
}

/* A time as the database reads it: digits and what stands between them, no word. */
static bool is_time(const char *s)
{
	return strlen(s) >= 10 && strspn(s, "0123456789-:.+TZ ") == strlen(s);
}

static bool read_option(struct events_call *c, const struct verb *v, const char *name, const char *value)
{
	char *end;

	if (!strcmp(name, "--format") && strchr(v->options, 'f'))
		return event_form_parse(value, &c->form);
	if (!strcmp(name, "--include") && strchr(v->options, 'i'))
		return read_families(value, &c->families);
	if (!strcmp(name, "--since") && strchr(v->options, 's'))
		return is_time(c->since = value);
	if (!strcmp(name, "--until") && strchr(v->options, 'u'))
		return is_time(c->until = value);
	if (!strcmp(name, "--seconds") && strchr(v->options, 'S')) {
		c->seconds = strtoll(value, &end, 10);
		return !*end && c->seconds > 0 && c->seconds < 1000000;
	}
	return false;
}

static const struct verb *read_call(struct events_call *c, int argc, char **argv)
{
	const struct verb *v = NULL;
	int i = 2;

	for (size_t j = 0; argc > 1 && j < sizeof(verbs) / sizeof(*verbs); j++)
		if (!strcmp(argv[1], verbs[j].name))
			v = &verbs[j];
	if (!v)
		return NULL;
	if (argc > 2 && argv[2][0] != '-' && (strchr(v->options, 'n') || strchr(v->options, 'N')))
		c->name = argv[i++];
	if (strchr(v->options, 'N') && !c->name)
		return NULL;
	for (; i < argc; i += 2)
		if (i + 1 == argc || !read_option(c, v, argv[i], argv[i + 1]))
			return NULL;
	return v;
}

static int events_run(struct ctl *ctl, int argc, char **argv)
{
	struct events_call c = { .ctl = ctl, .families = TELL_CALLS | TELL_AUTH | TELL_POLICIES | TELL_AUDIT };
	const struct verb *v = read_call(&c, argc, argv);
	struct err e = { .code = ERR_NONE };
	struct project *p;
	bool ok = false;

	if (!v)
		return ctl_usage(&ctl_events);
	p = ctl_project(ctl, &ctl_events);
	if (!p)
		return CTL_FAILED;
	c.project = p;
	c.db = ctl_db(p, &e);
	if (c.db) {
		ok = v->run(&c, &e);
		db_close(c.db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_events, &e);
}

static const struct ctl_act acts[] = {
	{ "tail", NULL },
	{ "export", NULL },
	{ "forward", NULL },
	{ "list", NULL },
	{ "forget", "destination_forgotten" },
	{ NULL, NULL },
};

const struct ctl_command ctl_events = {
	.name = "events",
	.usage = "tail|export [--format FORM] [--include FAMILY,...] [--since TIME] [--until TIME] [--seconds N]"
		 " | forward [NAME] | list | forget NAME",
	.about = "print events as they happen, or those of a time; send what waits for a destination; say how "
		 "destinations do; forget one that is no more",
	.acts = acts,
	.run = events_run,
};
