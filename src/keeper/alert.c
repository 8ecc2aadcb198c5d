/* SPDX-License-Identifier: Apache-2.0 */
/* Judging, and one message for all that somebody was not told yet. */
#include "config.h"

#include "keeper/alert.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "keeper/json_write.h"
#include "keeper/keeper_internal.h"
#include "keeper/out.h"
#include "net/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 30000, TEXT_BYTES = 256 * 1024 };
enum alert_column { ID, IS_OVER, KIND, SUBJECT, TEXT, REMEDY, AT };

bool alert_judge(struct db *db, const struct project *p, struct err *e)
{
	struct arena *a = arena_new();
	const struct alert_conf *c = p->alerts;
	const struct db_param params[] = { db_int(a, (int64_t)(c->error_rate * 1e6 + 0.5)), db_int(a, c->p95_ms),
		db_int(a, c->min_calls), db_int(a, c->expiry_days) };
	bool ok = db_call(db, STMT_ALERTS_JUDGE_STEP, params, 4, a, NULL, e);

	arena_free(a);
	return ok;
}

/* ---- webhook ---- */

static const char *json_of(struct arena *a, const struct db_rows *rows)
{
	struct buf b;
	const char *text;

	buf_init(&b, TEXT_BYTES);
	buf_str(&b, "{\"alerts\":[");
	for (size_t i = 0; i < rows->rows; i++) {
		jw_open(&b, NULL, '{');
		jw_text(&b, "id", db_text(rows, i, ID));
		jw_text(&b, "state", db_bool_at(rows, i, IS_OVER) ? "over" : "raised");
		jw_text(&b, "kind", db_text(rows, i, KIND));
		jw_text(&b, "subject", db_text(rows, i, SUBJECT));
		jw_text(&b, "text", db_text(rows, i, TEXT));
		jw_text(&b, "remedy", db_text(rows, i, REMEDY));
		jw_text(&b, "time", db_text(rows, i, AT));
		buf_char(&b, '}');
	}
	buf_str(&b, "]}");
	text = arena_strndup(a, buf_text(&b), b.len);
	buf_release(&b);
	return text;
}

/* The same for the same news, however often they are sent: receivers know what they have. */
static const char *id_of(struct arena *a, const struct db_rows *rows)
{
	unsigned char hash[HASH_LEN];
	char text[2 * HASH_LEN + 1];
	struct buf b;

	buf_init(&b, TEXT_BYTES);
	for (size_t i = 0; i < rows->rows; i++) {
		buf_str(&b, db_text(rows, i, ID));
		buf_str(&b, db_bool_at(rows, i, IS_OVER) ? " over\n" : " raised\n");
	}
	hash_sha256(hash, b.data, b.len);
	buf_release(&b);
	hex_encode(text, hash, HASH_LEN);
	return arena_printf(a, "msg_%.32s", text);
}

static bool tell_webhook(const struct project *p, const struct alert_to *to, struct arena *a, const struct db_rows *rows,
    struct err *e)
{
	struct fetch f = { .status = 0 };
	const char *json = json_of(a, rows);
	struct out_post post = { .name = "alerts", .url = to->url, .json = json, .len = strlen(json), .id = id_of(a, rows),
		.secret_file = to->secret_file, .guard = guard_load(a, p->outbound, p->development, e) };

	if (!post.guard || !out_post(&post, &f, a, e))
		return false;
	return (f.status >= 200 && f.status < 300) ||
	       err_set(e, ERR_UPSTREAM, "the webhook for alerts does not take them", "status %d", f.status);
}

/* ---- mail ---- */

/* One line: whatever it holds cannot become a header. */
static void add_line(struct buf *b, const char *before, const char *text)
{
	buf_str(b, before);
	for (; text && *text; text++)
		buf_char(b, (unsigned char)*text < 0x20 ? ' ' : *text);
	buf_char(b, '\n');
}

static const char *mail_of(struct arena *a, const struct project *p, const struct alert_to *to, const struct db_rows *rows)
{
	const char *where = p->origins_n ? p->origins[0].text : "gatehouse", *text;
	struct buf b;

	buf_init(&b, TEXT_BYTES);
	add_line(&b, "To: ", to->address);
	if (rows->rows == 1)
		add_line(&b, "Subject: ", arena_printf(a, "[gatehouse] %s%s", db_bool_at(rows, 0, IS_OVER) ? "over: " : "",
		    db_text(rows, 0, TEXT)));
	else
		add_line(&b, "Subject: ", arena_printf(a, "[gatehouse] %zu alerts", rows->rows));
	buf_str(&b, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
		    "Content-Transfer-Encoding: 8bit\n\n");
	add_line(&b, "", where);
	for (size_t i = 0; i < rows->rows; i++) {
		add_line(&b, db_bool_at(rows, i, IS_OVER) ? "\nOver: " : "\n", db_text(rows, i, TEXT));
		add_line(&b, "  since ", db_text(rows, i, AT));
		if (!db_bool_at(rows, i, IS_OVER))
			add_line(&b, "  -> ", db_text(rows, i, REMEDY));
	}
	text = arena_strndup(a, buf_text(&b), b.len);
	buf_release(&b);
	return text;
}

static bool write_text(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t done = write(fd, text, n);

		if (done <= 0)
			return false;
		text += done;
		n -= (size_t)done;
	}
	return true;
}

static bool tell_mail(const struct project *p, const struct alert_to *to, struct arena *a, const struct db_rows *rows,
    struct err *e)
{
	extern char **environ;
	char *const argv[] = { arena_strdup(a, p->alerts->sendmail), arena_strdup(a, "-i"), arena_strdup(a, "--"),
		arena_strdup(a, to->address), NULL };
	posix_spawn_file_actions_t actions;
	void (*pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
	int ends[2], status = -1, why;
	pid_t pid;
	bool ok;

	if (pipe2(ends, O_CLOEXEC))
		return err_set(e, ERR_INTERNAL, "no pipe", "%s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	why = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
	ok = !why && write_text(ends[1], mail_of(a, p, to, rows));
	close(ends[1]);
	if (!why)
		waitpid(pid, &status, 0);
	signal(SIGPIPE, pipe_before);
	return (ok && status == 0) ||
	       err_set(e, ERR_CONFIG, "alerts.sendmail does not take the mail", "%s: %s", argv[0],
		   why ? strerror(why) : "it failed");
}

/* ---- telling ---- */

static bool note_told(struct db *db, struct arena *a, const char *to, const struct db_rows *rows, struct err *e)
{
	const char **ids = arena_calloc(a, rows->rows, sizeof(*ids)), **over = arena_calloc(a, rows->rows, sizeof(*over));

	for (size_t i = 0; i < rows->rows; i++) {
		ids[i] = db_text(rows, i, ID);
		over[i] = db_bool_at(rows, i, IS_OVER) ? "1" : "0";
	}
	const struct db_param params[] = { DB_TEXT(to), db_text_array(a, ids, rows->rows), db_text_array(a, over, rows->rows) };

	return db_call(db, STMT_ALERTS_TOLD, params, 3, a, NULL, e);
}

static bool tell_one(struct db *db, const struct project *p, const struct alert_to *to, unsigned *n, struct err *e)
{
	struct arena *a = arena_new();
	const char *name = to->mail ? to->address : to->url;
	const struct db_param who = DB_TEXT(name);
	struct db_rows rows;
	bool ok = db_call(db, STMT_ALERTS_TAKE_STEP, &who, 1, a, &rows, e);

	if (ok && rows.rows) {
		ok = (to->mail ? tell_mail(p, to, a, &rows, e) : tell_webhook(p, to, a, &rows, e)) &&
		    note_told(db, a, name, &rows, e);
		*n += ok;
		if (!ok)
			log_warn(NULL, "an alert cannot be told", "why", e->text, "detail", e->detail, NULL);
	}
	arena_free(a);
	return ok;
}

bool alert_tell(struct db *db, const struct project *p, bool mail, unsigned *n, struct err *e)
{
	bool ok = true;

	*n = 0;
	for (size_t i = 0; i < p->alerts->to_n; i++) {
		const struct alert_to *to = &p->alerts->to[i];
		struct err why = { .code = ERR_NONE };

		if ((to->mail && !mail) || tell_one(db, p, to, n, &why))
			continue;
		if (ok)
			*e = why;
		ok = false;
	}
	return ok;
}

void *alert_run(void *arg)
{
	struct app *app = arg;

	do {
		struct err e = { .code = ERR_NONE };
		struct site *site = site_ref(app);
		unsigned n;

		if (!site->project->fault && alert_judge(app->db, site->project, &e))
			alert_tell(app->db, site->project, false, &n, &e);
		site_unref(site);
	} while (keeper_pause(LOOK_MS));
	return NULL;
}
