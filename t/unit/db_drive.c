/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not a test by itself: t/802-database.t and t/700-events.t drive src/db and src/event by it, one
 * command a line.
 *
 *	db_drive CONNINFO PROGRAM STATEMENT_MS PREPARE QUEUE_MAX
 *
 *	call             one statement: "ok MS" or "REASON MS TEXT"
 *	long MS          the same statement, as work that may take longer
 *	load THREADS MS  statements without pause: "ok N unavailable N other N slowest MS gap MS"
 *	emit N           N events of calls
 *	alike N          N calls, and as much that a policy records, which differ in one event of each column only
 *	auth             one auth event
 *	forwards         from now on events are kept in one piece, too, as for a project that sends them on
 *	strangers N M    N refusals of strangers from address M
 *	bad              an event whose day has no table
 *	stop             ends the event thread: "dropped N took MS"
 *	listen           starts to listen
 *	heard            what was heard since: payloads, "(all)" for a connect; then "fresh" or "stale"
 *
 * There is no event thread before the first event: its calls come when they like, and one that meets a
 * server which restarts is enough for the pool to call it away.
 */
#include "config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"
#include "db/listen.h"
#include "event/event.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct db *db;
static const char *conninfo;

struct load {
	pthread_t thread;
	int64_t end;
	int64_t ok, unavailable, other, slowest, gap;
};

/* LONG_MS: by db_call_long(); 0: by db_call(). */
static bool call_once(int long_ms, struct err *e)
{
	struct arena *a = arena_new();
	struct db_rows r;
	bool ok = long_ms ? db_call_long(db, long_ms, STMT_SCHEMA_RANGE, NULL, 0, a, &r, e) :
	                    db_call(db, STMT_SCHEMA_RANGE, NULL, 0, a, &r, e);

	if (ok && db_int_at(&r, 0, 0) != SCHEMA_KNOWN)
		ok = err_set(e, ERR_INTERNAL, "wrong row", "");
	arena_free(a);
	return ok;
}

static void do_call(int long_ms)
{
	struct err e = { .code = ERR_NONE };
	int64_t began = clock_ms();
	bool ok = call_once(long_ms, &e);

	printf("%s %" PRId64 "%s%s\n", ok ? "ok" : err_reason_of(&e), clock_ms() - began,
	    ok ? "" : " ", ok ? "" : e.text);
}

static void *load_run(void *context)
{
	struct load *l = context;
	int64_t good = clock_ms();

	while (clock_ms() < l->end) {
		struct err e = { .code = ERR_NONE };
		int64_t began = clock_ms(), now;
		bool ok = call_once(0, &e);

		now = clock_ms();
		if (now - began > l->slowest)
			l->slowest = now - began;
		if (ok) {
			l->ok++;
			if (now - good > l->gap)
				l->gap = now - good;
			good = now;
		} else if (e.code == ERR_UNAVAILABLE) {
			l->unavailable++;
			poll(NULL, 0, 10); /* a client that was told to come back */
		} else {
			l->other++;
			fprintf(stderr, "%s: %s\n", e.text, e.detail);
		}
	}
	return NULL;
}

static void do_load(int threads, int ms)
{
	struct load *l = xcalloc((size_t)threads, sizeof(*l)), sum = { .ok = 0 };

	for (int i = 0; i < threads; i++) {
		l[i].end = clock_ms() + ms;
		if (pthread_create(&l[i].thread, NULL, load_run, &l[i]))
			abort();
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(l[i].thread, NULL);
		sum.ok += l[i].ok;
		sum.unavailable += l[i].unavailable;
		sum.other += l[i].other;
		if (l[i].slowest > sum.slowest)
			sum.slowest = l[i].slowest;
		if (l[i].gap > sum.gap)
			sum.gap = l[i].gap;
	}
	printf("ok %" PRId64 " unavailable %" PRId64 " other %" PRId64 " slowest %" PRId64
	       " gap %" PRId64 "\n",
	    sum.ok, sum.unavailable, sum.other, sum.slowest, sum.gap);
	free(l);
}

static struct event_options event_options;

static void need_events(void)
{
	static bool started;

	if (!started)
		event_start(&event_options);
	started = true;
}

static struct event a_call(int i)
{
	static char id[32];

	snprintf(id, sizeof(id), "request-%d", i);
	return (struct event){
		.family = EVENT_CALL,
		.request_id = id,
		.operation_id = "linear",
		.upstream_id = "linear-up",
		.subject_id = "user|\"7\", {é}\\",
		.client_id = "client-1",
		.client_name = "broken \xff name",
		.auth_profile_id = "profile",
		.upstream_auth_mode = "user-oauth",
		.http_method = "POST",
		.transport = "sse",
		.mcp_method = "tools/call",
		.capability_type = "tool",
		.capability_name = "NULL",
		.outcome = i % 2 ? "success" : "application_error",
		.mcp_status = 200,
		.jsonrpc_error_code = i % 2 ? 0 : -32602,
		.latency_us = 12345,
		.gateway_us = 345,
		.upstream_us = 12000,
		.bytes_in = 11,
		.bytes_out = 22,
		.client_ip = "192.0.2.1",
		.protocol_version = "2025-06-18",
		.session_digest = "5e55",
		.grant_id = "9a3f",
	};
}

static void do_emit(int n)
{
	need_events();
	for (int i = 1; i <= n; i++) {
		struct event e = a_call(i);

		event_emit(&e);
	}
}

static void do_alike(int n)
{
	need_events();
	for (int i = 1; i <= n; i++) {
		struct event e = a_call(i);

		e.outcome = i == n ? "failure" : "success"; /* the last is another */
		e.mcp_status = i == n ? 500 : 200;
		e.subject_id = i == 1 ? NULL : "user"; /* the first has none */
		e.latency_us = i == 1 ? -1 : 12345;
		e.grant_id = i == 2 ? NULL : "9a3f"; /* the second has none */
		e.jsonrpc_error_code = i == 2 ? 0 : -32602;
		event_emit(&e);
		e.family = EVENT_POLICY;
		e.name = i == 2 ? "other" : "audit.tools.call";
		e.matches = i == n ? 2 : 1;
		event_emit(&e);
	}
}

static void do_auth(void)
{
	struct err cause = { .code = ERR_NONE };
	struct event e = {
		.family = EVENT_AUTH,
		.severity = EVENT_ERROR,
		.name = "mcp_auth_login_failed",
		.request_id = "request-auth",
		.outcome = "denied",
		.failure_origin = "client",
		.reason_code = "invalid_request",
		.redirect_host = "app.example.com",
		.latency_us = -1,
		.cause = &cause,
	};

	need_events();
	err_set(&cause, ERR_INVALID_REQUEST, "no state", "cookie is missing");
	event_emit(&e);
}

/* Refusals of whoever is not known, from the address 2001:db8:0:M::1 */
static void do_strangers(int n, int m)
{
	char ip[40];

	need_events();
	snprintf(ip, sizeof(ip), "2001:db8:0:%x::1", (unsigned)m);
	for (int i = 1; i <= n; i++) {
		struct event e = a_call(i);

		e.subject_id = NULL;
		e.outcome = "denied";
		e.failure_origin = "client";
		e.client_ip = ip;
		event_emit(&e);
	}
}

static void do_bad(void)
{
	struct event e = a_call(0);

	need_events();
	e.request_id = "request-bad";
	e.time_us = 1000000; /* 1970: no such day */
	event_emit(&e);
}

static void do_stop(void)
{
	int64_t began = clock_ms();

	event_stop();
	printf("dropped %" PRIu64 " took %" PRId64 "\n", event_dropped(), clock_ms() - began);
}

static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf heard;
static struct db_listen *listener;

static void on_notify(void *context, const char *payload)
{
	(void)context;
	pthread_mutex_lock(&heard_lock);
	buf_str(&heard, payload ? payload : "(all)");
	buf_char(&heard, ' ');
	pthread_mutex_unlock(&heard_lock);
}

static void do_heard(void)
{
	pthread_mutex_lock(&heard_lock);
	printf("%s%s\n", buf_text(&heard), db_listen_is_fresh(listener) ? "fresh" : "stale");
	buf_clear(&heard);
	pthread_mutex_unlock(&heard_lock);
}

static void command(char *line)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save), *a = strtok_r(NULL, " \n", &save);
	char *b = strtok_r(NULL, " \n", &save);
	int n = a ? (int)strtol(a, NULL, 10) : 0, m = b ? (int)strtol(b, NULL, 10) : 0;

	if (!word)
		return;
	if (!strcmp(word, "call"))
		do_call(0);
	else if (!strcmp(word, "long"))
		do_call(n);
	else if (!strcmp(word, "load"))
		do_load(n, m);
	else if (!strcmp(word, "emit"))
		do_emit(n);
	else if (!strcmp(word, "alike"))
		do_alike(n);
	else if (!strcmp(word, "auth"))
		do_auth();
	else if (!strcmp(word, "forwards"))
		event_forwards(true);
	else if (!strcmp(word, "strangers"))
		do_strangers(n, m);
	else if (!strcmp(word, "bad"))
		do_bad();
	else if (!strcmp(word, "listen"))
		listener = db_listen_start(conninfo, "mcp", on_notify, NULL);
	else if (!strcmp(word, "heard"))
		do_heard();
	else if (!strcmp(word, "stop"))
		do_stop();
	else
		puts("unknown command");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[256];

	if (argc != 6)
		return 2;
	log_init(argv[2]);
	conninfo = argv[1];
	buf_init(&heard, 4096);
	db = db_open(&(struct db_options){
	    .conninfo = argv[1],
	    .program = argv[2],
	    .statement_ms = (int)strtol(argv[3], NULL, 10),
	    .prepare = *argv[4] == '1',
	});
	event_options = (struct event_options){ .program = argv[2],
		.db = db,
		.queue_max = (unsigned)strtoul(argv[5], NULL, 10),
		.days = 30 };
	while (fgets(line, sizeof(line), stdin))
		command(line);
	event_stop();
	db_listen_stop(listener);
	db_close(db);
	buf_release(&heard);
	return 0;
}
