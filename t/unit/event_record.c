/* SPDX-License-Identifier: Apache-2.0 */
/* Event records: the JSON line, what is copied, what never appears. */
#include "config.h"

#include "event/record.h"

#include "base/log.h"
#include "db/db.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char log_path[] = "/tmp/gh-event-XXXXXX";

/* The lines written to the log since the last look. */
static const char *lines(void)
{
	static char text[256 * 1024];
	static off_t seen;
	int fd = open(log_path, O_RDONLY);
	ssize_t n = pread(fd, text, sizeof(text) - 1, seen);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	seen += n > 0 ? n : 0;
	return text;
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

static void test_copy(void)
{
	char name[2000], tool[600];
	struct event e = { .family = EVENT_CALL,
		.client_name = name,
		.capability_name = tool,
		.subject_id = "a\xc3",
		.latency_us = -1 };
	struct record *r;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(tool, 'y', sizeof(tool));
	memcpy(tool + EVENT_TEXT_MAX - 1, "\xe2\x82\xac", 4);
	r = record_new(&e);
	is_int(strlen(r->e.client_name), EVENT_TEXT_MAX, "a long name is cut");
	is_int(strlen(r->e.capability_name), EVENT_TEXT_MAX - 1, "but no character in two");
	is_str(r->e.subject_id, "a?", "what is no UTF-8 becomes a question mark");
	name[0] = 'z';
	is_int(r->e.client_name[0], 'x', "a copy does not change with the original");
	ok(r->e.time_us > 1600000000000000, "an event without a time is of now");
	ok(!r->err_name && !r->err_message, "without a cause there is none");
	record_free(r);
}

static void test_cause(void)
{
	struct err cause = { .code = ERR_NONE };
	struct event e = { .family = EVENT_AUTH, .name = "n", .cause = &cause };
	struct record *r = record_new(&e);

	ok(!r->err_name, "an empty err is no cause");
	record_free(r);
	err_set(&cause, ERR_UPSTREAM, "bad gateway", "");
	r = record_new(&e);
	err_clear(&cause);
	is_str(r->err_name, "upstream_error", "a cause has a name");
	is_str(r->err_message, "bad gateway", "and a text");
	ok(!r->cause_message, "an empty detail is left out");
	ok(!r->e.cause, "the err itself is let go");
	record_free(r);
}

static void test_columns(void)
{
	unsigned calls = 0, auths = 0, policies = 0;

	for (const struct record_field *f = record_fields; f->name; f++) {
		calls += (f->families & RECORD_OF_CALL) != 0;
		auths += (f->families & RECORD_OF_AUTH) != 0;
		policies += (f->families & RECORD_OF_POLICY) != 0;
	}
	is_int(calls + 6, stmt_table[STMT_EVENTS_ADD_CALL].params,
	    "a call has as many fields as its table");
	is_int(auths + 6, stmt_table[STMT_EVENTS_ADD_AUTH].params, "so has an auth event");
	is_int(policies + 6, stmt_table[STMT_EVENTS_ADD_POLICY].params, "and a policy's");
}

static void test_log(void)
{
	struct event e = { .family = EVENT_AUTH,
		.name = "mcp_auth_downstream_token_validated",
		.severity = EVENT_DEBUG,
		.client_name = "a\n\"b" };

	event_emit(&e);
	is_str(lines(), "", "a debug event is not written");
	log_level_set(LOG_LEVEL_DEBUG);
	event_emit(&e);
	ok(strstr(lines(), "\"level\":\"debug\""), "unless the log's level is debug");
	log_level_set(LOG_LEVEL_INFO);
	e.severity = EVENT_INFO;
	event_emit(&e);
	ok(strstr(lines(), "\"clientName\":\"a\\n\\\"b\"") != NULL,
	    "an event before the start is a line at once");
	log_level_set(LOG_LEVEL_WARN);
	event_emit(&e);
	is_str(lines(), "", "the log's level counts for events, too");
	log_level_set(LOG_LEVEL_INFO);
	event_start(&(struct event_options){ .program = "discovery" });
	for (int i = 0; i < 200; i++)
		event_emit(&e);
	event_stop();
	is_int(count(lines(), '\n'), 200, "without a database, a stop writes every line");
	is_int(event_dropped(), 0, "and drops nothing");
	event_start(&(struct event_options){ .program = "discovery", .queue_max = 10 });
	for (int i = 0; i < 200; i++)
		event_emit(&e);
	event_stop();
	ok(event_dropped() > 100, "a queue that is full drops");
	is_int(count(lines(), '\n') - 1 + event_dropped(), 200, "and counts, and says so once");
	event_emit(&e);
	is_int(count(lines(), '\n'), 1, "an event after the stop is a line at once");
}

int main(void)
{
	close(mkstemp(log_path));
	log_init("test");
	if (!log_open(log_path))
		return 1;
	test_copy();
	test_cause();
	test_columns();
	test_log();
	unlink(log_path);
	return done();
}
