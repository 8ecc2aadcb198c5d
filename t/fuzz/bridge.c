/* SPDX-License-Identifier: Apache-2.0 */
/* Both directions of the bridge: the first byte says which way and for which method; what comes out is sound JSON. */
#include "config.h"

#include "fuzz.h"

#include "rpc/bridge.h"

#include <string.h>

static bool is_json(const struct buf *b)
{
	struct scan_limits limits = { .bytes = SIZE_MAX, .depth = 256, .members = 1 << 20 };

	return scan_check(buf_text(b), b->len, &limits, NULL);
}

static void try_up(const struct bridge *b, struct arena *a, const char *p, size_t n, struct buf *out)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	struct rpc_body body;
	struct rpc_fault f;
	enum bridge_step step;

	if (!rpc_read(&body, a, p, n, &limits, &f) || body.batch)
		return;
	step = bridge_up(b, body.msgs, a, out, &f);
	must((step == BRIDGE_SEND || step == BRIDGE_ANSWER) == (out->len > 0));
	must(!out->len || is_json(out));
	/* what was sent up is a message that can be read again, of the upstream's era */
	if (step == BRIDGE_SEND) {
		struct rpc_body again;

		limits.bytes = out->len;
		limits.depth += 2;
		must(rpc_read(&again, a, buf_text(out), out->len, &limits, &f));
		must(again.msgs->modern == (b->way == BRIDGE_TO_MODERN) || again.msgs->kind != RPC_REQUEST);
	}
	must(step != BRIDGE_REFUSE || f.code);
}

static void try_down(const struct bridge *b, struct arena *a, const char *p, size_t n, struct buf *out)
{
	struct err e = { .code = ERR_NONE };
	struct buf back, asked;
	struct bridge_news news = { .back = &back, .asked = &asked };

	buf_init(&back, 1 << 20);
	buf_init(&asked, 1 << 20);
	if (!bridge_down(b, a, p, n, out, &news, &e)) {
		must(e.code);
	} else {
		must(!out->len || is_json(out));
		must(!back.len || is_json(&back));
		must(!news.status || news.status == 200 || news.status == 400 || news.status == 404);
		must(!(news.ends && news.answers) && (!news.ends || out->len));
	}
	buf_release(&asked);
	buf_release(&back);
}

static void try_hello(const struct bridge *b, const char *p, size_t n, struct buf *out)
{
	struct scan_limits limits = scan_limits_of(1 << 20);

	if (!scan_check(p, n, &limits, NULL) || scan_kind(scan_value(p, n)) != '{')
		return;
	bridge_hello(b, scan_value(p, n), "2025-06-18", out);
	must(is_json(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	/* of the page in corpus/bridge/page-answered */
	static const char answers[] = "{\"page-136fb93fc7035c7c91f420b2c1159896\":{\"action\":\"accept\"}}";
	static const char *const methods[] = { "tools/list", "tools/call", "prompts/get", "resources/read" };
	struct arena *a = arena_new();
	struct buf out;

	buf_init(&out, 1 << 24);
	if (n) {
		struct bridge b = { .way = bytes[0] & 1 ? BRIDGE_TO_LEGACY : BRIDGE_TO_MODERN, .method = methods[bytes[0] >> 1 & 3],
			.id = { "7", 1 }, .sent_id = bytes[0] & 32 ? "\"s\"" : NULL,
			.answers = { bytes[0] & 64 ? answers : NULL, sizeof(answers) - 1 }, .url = bytes[0] & 8, .logs = bytes[0] & 16, .version = "2025-11-25" };
		const char *p = (const char *)bytes + 1;

		try_up(&b, a, p, n - 1, &out);
		buf_clear(&out);
		try_down(&b, a, p, n - 1, &out);
		buf_clear(&out);
		try_hello(&b, p, n - 1, &out);
	}
	buf_release(&out);
	arena_free(a);
	return 0;
}
