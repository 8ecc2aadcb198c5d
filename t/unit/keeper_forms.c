/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of an event, with values that would like to be more than values: each stays one, and one line. */
#include "config.h"

#include "keeper/event_form.h"

#include "json/scan.h"
#include "keeper/otlp.h"
#include "tap.h"

#include <stdlib.h>

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

enum { COLUMNS = 128 };

static const char *cells[COLUMNS];
static struct db_rows rows = { .rows = 1, .cells = cells };

static const char hostile[] = "a\"b\\c|d=e\nf\rg\th\x01i\x7fj\xe2\x80\xa8k\xc3\xa9 \",\"admin\":true,\"x\":\"";

static size_t fields(void)
{
	size_t n = 0;

	while (record_fields[n].name)
		n++;
	return n;
}

static void set(const char *name, const char *value)
{
	for (size_t i = 0; record_fields[i].name; i++)
		if (!strcmp(record_fields[i].name, name))
			cells[TOLD_FIRST_FIELD + i] = value;
}

static void event(const char *family, const char *value)
{
	memset(cells, 0, sizeof(cells));
	rows.columns = TOLD_FIRST_FIELD + fields() + 3;
	cells[TOLD_FAMILY] = family;
	cells[TOLD_NODE] = value;
	cells[TOLD_PROGRAM] = "mcp";
	cells[TOLD_AT] = "2026-11-27T12:03:45.235123Z";
	cells[TOLD_US] = "1795781025235123";
	set("severity", "info");
	set("eventId", "01234567-89ab-4cde-8f01-23456789abcd");
	set("outcome", "success");
	set("latencyMs", "12345");
	set("mcpStatus", "200");
	for (size_t i = 0; record_fields[i].name; i++)
		if (record_fields[i].kind == RECORD_TEXT && !cells[TOLD_FIRST_FIELD + i])
			cells[TOLD_FIRST_FIELD + i] = value;
	set("traceParent", TRACE); /* these are none if they are not sound (rpc/trace.h) */
	set("traceLink", TRACE);
}

/* A member of the written line, decoded; NULL: the line is no JSON, or has no such member. */
static const char *member(struct arena *a, const struct buf *b, const char *x, const char *y)
{
	const struct scan_limits limits = scan_limits_of(FORM_LINE_MAX);
	struct span value;

	if (!scan_check(buf_text(b), b->len, &limits, NULL))
		return NULL;
	value = scan_member(scan_value(buf_text(b), b->len), x);
	if (y)
		value = scan_member(value, y);
	return scan_kind(value) == '"' ? scan_string(value, a) : value.p ? arena_strndup(a, value.p, value.n) : NULL;
}

static void json_forms(struct arena *a, const struct told *t)
{
	static const struct {
		enum event_form form;
		const char *x, *y, *name;
	} cases[] = {
		{ FORM_GATEHOUSE, "subjectId", NULL, "the gateway's form" },
		{ FORM_ECS, "user", "id", "ECS" },
		{ FORM_OCSF, "status_detail", NULL, "OCSF" },
	};
	struct buf b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&b, FORM_LINE_MAX);
		form_write(&b, cases[i].form, t);
		is_str(member(a, &b, cases[i].x, cases[i].y), hostile, cases[i].name);
		ok(!strpbrk(buf_text(&b), "\n\r\x01"), "is one line");
		ok(!member(a, &b, "admin", NULL), "in which nobody adds a member");
		buf_release(&b);
	}
}

/* How many times C stands in S without a backslash before it. */
static int bare(const char *s, char c)
{
	int n = 0;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else
			n += *s == c;
	}
	return n;
}

static void cef(const struct told *t)
{
	struct buf b;
	const char *user;
	int names;

	buf_init(&b, FORM_LINE_MAX);
	form_write(&b, FORM_CEF, t);
	ok(!strpbrk(buf_text(&b), "\n\r\t\x01\x7f"), "CEF is one line without control characters");
	set("reasonCode", NULL);
	user = strstr(buf_text(&b), " suid=");
	ok(user && !strncmp(user, " suid=a\"b\\\\c|d\\=e f g h i j", 27), "equals signs and backslashes of a value are escaped");
	names = bare(strstr(buf_text(&b), "|rt="), '=');
	buf_release(&b);
	event("call", "plain");
	buf_init(&b, FORM_LINE_MAX);
	form_write(&b, FORM_CEF, t);
	is_int(names, bare(strstr(buf_text(&b), "|rt="), '='), "so that it has as many names as any other");
	buf_release(&b);
	event("policy", "a|b");
	buf_init(&b, FORM_LINE_MAX);
	set("matches", "3");
	form_write(&b, FORM_CEF, t);
	ok(!strncmp(buf_text(&b), "CEF:0|Gatehouse|gatehouse|", 26) && strstr(buf_text(&b), "|a\\|b|policy a\\|b|2|rt="), "bars of a name are escaped in the head");
	ok(strstr(buf_text(&b), " cnt=3 ") != NULL, "what a policy found is counted");
	buf_release(&b);
}

static void activities(struct arena *a, const struct told *t)
{
	static const struct {
		const char *does, *method, *want;
	} cases[] = {
		{ "read", "tools/call", "600302" },
		{ "create", "tools/call", "600301" },
		{ "update", "tools/call", "600303" },
		{ "delete", "tools/call", "600304" },
		{ "sing", "tools/call", "600399" },
		{ NULL, "tools/call", "600399" },
		{ NULL, "tools/list", "600302" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;

		event("call", "x");
		set("event", NULL);
		set("mcpMethod", cases[i].method);
		cells[TOLD_FIRST_FIELD + fields() + 2] = cases[i].does;
		buf_init(&b, FORM_LINE_MAX);
		form_write(&b, FORM_OCSF, t);
		is_str(member(a, &b, "type_uid", NULL), cases[i].want, cases[i].does ? cases[i].does : cases[i].method);
		buf_release(&b);
	}
}

static unsigned bodies(struct buf body[OTLP_SIGNALS], const struct destination *d, const struct told *t, size_t n)
{
	for (size_t i = 0; i < OTLP_SIGNALS; i++)
		buf_init(&body[i], (n + 1) * FORM_LINE_MAX);
	return otlp_write(body, SIGNAL_TRACES | SIGNAL_LOGS | SIGNAL_METRICS, d, t, n);
}

static void bodies_release(struct buf body[OTLP_SIGNALS])
{
	for (size_t i = 0; i < OTLP_SIGNALS; i++)
		buf_release(&body[i]);
}

/* The longest that an event may be, all of it in escapes. */
static void longest(struct arena *a, const struct told *t)
{
	char *text = arena_alloc(a, EVENT_TEXT_MAX + 1), *body = arena_alloc(a, EVENT_BODY_MAX + 1);
	const struct destination d = { .conventions = true };
	const struct scan_limits limits = scan_limits_of(4 * FORM_LINE_MAX);
	struct buf b, signals[OTLP_SIGNALS];

	memset(text, 1, EVENT_TEXT_MAX);
	text[EVENT_TEXT_MAX] = '\0';
	memset(body, 1, EVENT_BODY_MAX);
	body[EVENT_BODY_MAX] = '\0';
	event("call", text);
	set("arguments", body);
	set("result", body);
	for (enum event_form form = FORM_GATEHOUSE; form <= FORM_OCSF; form++) {
		buf_init(&b, FORM_LINE_MAX);
		form_write(&b, form, t);
		ok(!b.over && scan_check(buf_text(&b), b.len, &limits, NULL), "the longest event there can be is whole");
		buf_release(&b);
	}
	bodies(signals, &d, t, 1);
	for (size_t i = 0; i < 2; i++)
		ok(!signals[i].over && scan_check(buf_text(&signals[i]), signals[i].len, &limits, NULL), "its spans and record as well");
	bodies_release(signals);
}

static bool is_text(size_t column)
{
	return column < TOLD_FIRST_FIELD || column >= TOLD_FIRST_FIELD + fields() ||
	       record_fields[column - TOLD_FIRST_FIELD].kind == RECORD_TEXT;
}

enum { ROWS = 6 };

/* A page, whose fields are at times those of the row before; returns how many are. */
static size_t page_of(struct arena *a, struct db_rows *all)
{
	static const char *const texts[] = { "a", hostile, NULL, "", "12", "a" };
	const size_t columns = TOLD_FIRST_FIELD + fields() + 3;
	const char **page = arena_calloc(a, ROWS * columns, sizeof(*page));
	size_t copied = 0;

	for (size_t i = 0; i < ROWS; i++)
		for (size_t k = 0; k < columns; k++) {
			bool same = i && (i == 3 || (k * 7 + i) % 5 > 1) && k != TOLD_AT;

			page[i * columns + k] = same ? page[(i - 1) * columns + k]
			    : k == TOLD_FAMILY ? "call"
			    : is_text(k) ? texts[(k + i) % 6] : "12345";
			copied += same;
		}
	*all = (struct db_rows){ .rows = ROWS, .columns = columns, .cells = page };
	return copied;
}

/* Lines of a page: each is what it is by itself. */
static void runs(struct arena *a)
{
	struct db_rows all;
	size_t copied = page_of(a, &all);
	struct form_before before = { .rows = NULL };
	struct buf together, alone;

	buf_init(&together, ROWS * FORM_LINE_MAX);
	for (size_t i = 0; i < ROWS; i++) {
		const struct told t = { .arena = a, .rows = &all, .row = i };
		size_t from = together.len;

		buf_init(&alone, FORM_LINE_MAX);
		form_write(&alone, FORM_GATEHOUSE, &t);
		form_write_next(&together, &t, &before);
		is_str(together.data + from, buf_text(&alone), "a line that is written after another is the same as by itself");
		buf_release(&alone);
	}
	ok(copied > ROWS * 10, "of which much was the same");
	buf_release(&together);
}

/* Spans and records likewise. */
static void otlp_runs(struct arena *a, bool conventions)
{
	static const char *const begin[] = { "\"spans\":[", "\"logRecords\":[" }, end[] = "]}]}]}";
	const struct destination d = { .conventions = conventions };
	struct told t[ROWS];
	struct buf together[OTLP_SIGNALS], alone[OTLP_SIGNALS], want;
	struct db_rows all;

	page_of(a, &all);
	for (size_t i = 0; i < ROWS; i++)
		t[i] = (struct told){ .arena = a, .rows = &all, .row = i };
	is_int((int)bodies(together, &d, t, ROWS), SIGNAL_TRACES | SIGNAL_LOGS | SIGNAL_METRICS, "calls have spans, records and times");
	for (size_t k = 0; k < 2; k++) {
		buf_init(&want, ROWS * FORM_LINE_MAX);
		for (size_t i = 0; i < ROWS; i++) {
			const char *items;

			bodies(alone, &d, &t[i], 1);
			items = strstr(buf_text(&alone[k]), begin[k]) + strlen(begin[k]);
			buf_str(&want, i ? "," : "");
			buf_add(&want, items, strlen(items) - strlen(end));
			bodies_release(alone);
		}
		buf_str(&want, end);
		is_str(strstr(buf_text(&together[k]), begin[k]) + strlen(begin[k]), buf_text(&want), "and each is what it is by itself");
		buf_release(&want);
	}
	bodies_release(together);
	for (size_t i = 0; i < ROWS * all.columns; i += all.columns)
		((const char **)(uintptr_t)all.cells)[i + TOLD_FAMILY] = "audit";
	is_int((int)bodies(together, &d, t, ROWS), SIGNAL_LOGS, "what is no call has records alone");
	bodies_release(together);
}

int main(void)
{
	struct arena *a = arena_new();
	const struct told t = { .arena = a, .rows = &rows, .row = 0 };
	struct err e = { .code = ERR_NONE };
	struct db_rows none;

	event("call", hostile);
	ok(told_unpack(a, &(struct db_rows){ .rows = 0 }, NULL, &none, &e) && none.columns == rows.columns, "a page has the columns that there are");
	json_forms(a, &t);
	cef(&t);
	activities(a, &t);
	longest(a, &t);
	runs(a);
	otlp_runs(a, true);
	otlp_runs(a, false);
	arena_free(a);
	return done();
}
