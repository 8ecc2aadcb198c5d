/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in one piece: what was written is read, whatever it holds, and what is not well-formed is not. */
#include "config.h"

#include "event/packed.h"

#include "base/hash.h"
#include "tap.h"

#include <stdlib.h>

enum { FIELDS = 64 };

/* All names, in order: who changes them has to raise PACKED_LAYOUT, and to write what this says then. */
static void test_layout(void)
{
	static const char known[] = "55454da9cc53c7a6";
	unsigned char hash[HASH_LEN];
	char hex[2 * HASH_LEN + 1];
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%d", PACKED_LAYOUT);
	for (const struct record_field *f = record_fields; f->name; f++)
		buf_printf(&b, " %s:%u", f->name, f->families);
	hash_sha256(hash, b.data, b.len);
	hex_encode(hex, hash, HASH_LEN);
	hex[16] = '\0';
	is_str(hex, known, "fields change with the number of the layout");
	buf_release(&b);
}

static size_t fields_of(unsigned family, size_t *id)
{
	size_t n = 0;

	for (const struct record_field *f = record_fields; f->name; f++)
		if (f->families & family) {
			if (!strcmp(f->name, "eventId"))
				*id = n;
			n++;
		}
	return n;
}

static struct record *records(void)
{
	static const struct event events[] = {
		{ .family = EVENT_CALL, .id = "00000000-0000-4000-8000-000000000002", .time_us = 1764244995235123, .request_id = "r1",
		    .subject_id = "a|b\x1f\x1e\x1d\x1c\x1b[_", .client_name = "", .outcome = "success", .latency_us = 0, .gateway_us = -1,
		    .upstream_us = 7, .mcp_status = 200, .jsonrpc_error_code = -32602 },
		{ .family = EVENT_CALL, .id = "00000000-0000-4000-8000-000000000001", .time_us = 1764244995235122, .request_id = "r0",
		    .subject_id = "\x1d", .client_name = "n\xc3\xa9\n", .outcome = "success", .latency_us = 0, .gateway_us = -1, .upstream_us = 7 },
		{ .family = EVENT_CALL, .id = "00000000-0000-4000-8000-000000000003", .time_us = 1764244995235123, .request_id = "r1",
		    .subject_id = "a|b\x1f\x1e\x1d\x1c\x1b[_", .client_name = "", .outcome = "success", .latency_us = 0, .gateway_us = -1,
		    .upstream_us = 7, .mcp_status = 200, .jsonrpc_error_code = -32602 },
	};
	struct record *list = NULL, **end = &list;

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		*end = record_new(&events[i]);
		end = &(*end)->next;
	}
	*end = NULL;
	return list;
}

/* The record with this id has to have exactly these fields. */
static void same_fields(const struct record *list, const char *const *fields, size_t n, size_t id, int64_t us)
{
	const struct record *r = list;
	size_t i = 0;

	while (r && (!fields[id] || strcmp(r->id, fields[id]) != 0))
		r = r->next;
	if (!r) {
		ok(false, "a record has its id");
		return;
	}
	is_int(us, r->e.time_us, "a record has its time");
	for (const struct record_field *f = record_fields; f->name && i < n; f++) {
		char number[INT_TEXT];
		const char *want = NULL;
		int64_t value;

		if (!(f->families & RECORD_OF_CALL))
			continue;
		if (f->kind == RECORD_TEXT || f->kind == RECORD_BODY)
			want = record_text(r, f);
		else if (record_number(r, f, &value) && int_text(number, value))
			want = number;
		if (want || fields[i])
			is_str(fields[i], want, f->name);
		i++;
	}
}

static void test_there_and_back(void)
{
	struct record *list = records();
	const char *fields[FIELDS] = { NULL };
	size_t id = 0, n = fields_of(RECORD_OF_CALL, &id), seen = 0;
	struct buf b;
	char *at, order[4] = "";
	int64_t us;

	buf_init(&b, 64 * 1024);
	packed_write(&b, list, 3, RECORD_OF_CALL);
	is_int(packed_count(buf_text(&b)), 3, "a text tells how many records it has");
	at = b.data;
	while (seen < 3 && packed_next(&at, &us, fields, n)) {
		same_fields(list, fields, n, id, us);
		order[seen++] = fields[id] ? fields[id][35] : '?';
	}
	is_str(order, "123", "they come in the order in which they began, then by id");
	ok(at && !packed_next(&at, &us, fields, n) && at, "then there are no more");
	buf_release(&b);
	record_free(list);
}

static void test_malformed(void)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ "1\x1f" "a", "a record without its end" },
		{ "1", "a time without its end" },
		{ "\x1f" "a\x1e", "no time" },
		{ "x\x1f" "a\x1e", "a time that is no number" },
		{ "1\x1f" "a\x1f" "b\x1f" "c\x1e", "more fields than there are" },
		{ "1\x1f" "a\x1bz\x1e", "an escape of something else" },
		{ "1\x1f" "a\x1b", "an escape of nothing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *fields[2] = { NULL };
		char *text = strdup(cases[i].text), *at = text;
		int64_t us;

		ok(!packed_next(&at, &us, fields, 2) && !at, cases[i].name);
		free(text);
	}
}

static void test_short(void)
{
	const char *fields[3] = { "x", "y", "z" };
	char text[] = "5\x1f" "a\x1e" "6\x1f\x1d\x1f\x1c\x1f" "c\x1e", *at = text;
	int64_t us;

	ok(packed_next(&at, &us, fields, 3) && us == 5, "fields at the end may be left out");
	ok(fields[0] && !strcmp(fields[0], "a") && !fields[1] && !fields[2], "and are absent");
	ok(packed_next(&at, &us, fields, 3) && us == 6, "another comes after it");
	is_str(fields[0], "a", "that has the same");
	is_str(fields[1], "", "and an empty text, which is one");
	is_str(fields[2], "c", "and more fields");
}

int main(void)
{
	test_layout();
	test_there_and_back();
	test_malformed();
	test_short();
	return done();
}
