/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams through a filter: what goes out does not depend on how the bytes come in, and no reader of the result finds
 * a tool that is not listed: neither one that cuts lines where the standard says, nor one that cuts them where Unicode does.
 */
#include "config.h"

#include "fuzz.h"

#include "conf/problem.h"
#include "json/json.h"
#include "mcp/call.h"
#include "policy/policy.h"
#include "rpc/sse.h"

#include <string.h>

static bool feed(struct call *call, struct buf *out, const char *p, size_t n, size_t step, bool by_worker)
{
	struct err e = { .code = ERR_NONE };
	struct edit d;

	edit_begin(&d, call, 65536, by_worker);
	for (size_t at = 0; at < n && !e.code; at += step) {
		const char *piece;
		size_t got = edit_feed(&d, p + at, n - at < step ? n - at : step, &piece, &e);

		buf_add(out, piece, got);
		while (d.wants_work && !e.code) {
			edit_work(&d);
			got = edit_feed(&d, NULL, 0, &piece, &e);
			buf_add(out, piece, got);
		}
	}
	edit_release(&d);
	return e.code == ERR_NONE;
}

static void keep_data(void *own, const char *p, size_t n)
{
	buf_add(own, p, n);
}

/* A reader's view: each event's data as a message; its tools may have one name only. */
static void judge(void *own)
{
	struct buf *data = own;
	struct scan_limits limits = scan_limits_of(data->len);
	struct span whole, item;
	size_t at = 0;

	limits.depth = 64;
	if (data->len && scan_check(data->data, data->len, &limits, NULL)) {
		whole = scan_path(scan_value(data->data, data->len), "result", "tools", NULL);
		while (scan_kind(whole) == '[' && scan_next(whole, &at, NULL, &item))
			must(scan_string_is(scan_member(item, "name"), "read"));
	}
	buf_clear(data);
}

static void read_as(const struct buf *out)
{
	struct buf data;
	struct sse sse;

	buf_init(&data, 1 << 24);
	sse_init(&sse, keep_data, judge, &data);
	sse_feed(&sse, buf_text(out), out->len);
	buf_release(&data);
}

/* The stream as a reader sees it for whom TEXT ends a line, too. */
static void cut_at(struct buf *out, const char *text)
{
	size_t n = strlen(text);

	for (char *at = out->data; (at = memmem(at, out->len - (size_t)(at - out->data), text, n));)
		memset(at, '\n', n);
}

static void read_out(struct buf *out)
{
	static const char *const ends[] = { "\v", "\f", "\x1c", "\x1d", "\x1e", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9" };
	size_t lines = 0, seen = 0;

	for (size_t i = 0; i < out->len; i++)
		lines += out->data[i] == '\n';
	read_as(out);
	for (size_t i = 0; out->len && i < sizeof(ends) / sizeof(ends[0]); i++)
		cut_at(out, ends[i]);
	for (size_t i = 0; i < out->len; i++)
		seen += out->data[i] == '\n';
	must(seen == lines);
	read_as(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char options[] = "{\"tools\":[{\"name\":\"read\",\"description\":\"D\"}]}";
	static struct policy_use use;
	static const struct policy_use *inbound[] = { &use, NULL };
	static struct mcp_route route = { .inbound = inbound };
	static struct call call = { .route = &route };
	const struct scan_limits limits = scan_limits_of(sizeof(options));
	struct buf whole, parts;
	bool ok;

	if (!use.type) {
		static struct arena *a;

		a = arena_new(); /* lives as long as the process */
		use.name = "filter";
		for (size_t i = 0; policy_table[i]; i++)
			if (!strcmp(policy_table[i]->type.name, "mcp-capability-filter-inbound"))
				use.type = &policy_table[i]->type;
		use.loaded = use.type->load(&use, json_parse(a, options, strlen(options), &limits, NULL), a, problems_new(a), "", "");
	}
	buf_init(&whole, 1 << 24);
	buf_init(&parts, 1 << 24);
	ok = feed(&call, &whole, (const char *)bytes, n, n ? n : 1, false);
	for (size_t step = 1; step < 6; step++) {
		buf_clear(&parts);
		must(feed(&call, &parts, (const char *)bytes, n, step, step % 2) == ok);
		must(parts.len == whole.len && !memcmp(buf_text(&parts), buf_text(&whole), whole.len));
	}
	read_out(&whole);
	buf_release(&whole);
	buf_release(&parts);
	return 0;
}
