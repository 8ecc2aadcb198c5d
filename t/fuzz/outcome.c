/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes: they do not depend on how the bytes come in, and of text that passes the gate they are
 * what its spans say.
 */
#include "config.h"

#include "fuzz.h"

#include "base/utf8.h"
#include "rpc/outcome.h"

#include <string.h>

static uint64_t tokens; /* of all answers of the last reading */

static void on_answer(void *own, const struct rpc_answer *answer)
{
	(void)own;
	tokens += answer->tokens;
}

/* What is told is fit to be stored. */
static void on_tool(void *own, const struct rpc_tool *tool)
{
	size_t n = strlen(tool->name);

	(void)own;
	must(n && n <= RPC_TOOL_NAME_MAX && utf8_is_valid(tool->name, n));
	tokens += tool->tokens;
}

static struct outcome read_in(const char *p, size_t n, size_t step, bool sse)
{
	struct rpc_scan s;

	tokens = 0;
	rpc_scan_init(&s, (struct span){ NULL, 0 }, sse);
	s.on_answer = on_answer;
	s.on_tool = on_tool;
	for (size_t at = 0; at < n; at += step)
		rpc_scan_feed(&s, p + at, n - at < step ? n - at : step);
	rpc_scan_end(&s);
	return s.outcome;
}

static bool same(struct outcome x, struct outcome y)
{
	return x.answered == y.answered && x.error == y.error && x.is_error == y.is_error &&
	    x.malformed == y.malformed && x.error_code == y.error_code && x.messages == y.messages &&
	    x.answers == y.answers;
}

static void check_object(struct span s, struct outcome o)
{
	struct span error = scan_member(s, "error");
	struct span flag = scan_path(s, "result", "isError", NULL);
	bool failed = error.p && scan_kind(error) != 'n';
	bool answer = (failed || scan_member(s, "result").p) && !scan_member(s, "method").p;

	must(!o.malformed && o.messages == 1);
	must(o.answered == answer && o.answers == answer);
	must(o.error == (answer && failed));
	must(o.is_error == (answer && scan_kind(flag) == 't'));
}

static void keep_id(void *own, const struct rpc_answer *answer)
{
	*(uint64_t *)own = answer->id;
}

/* What answers to the id ID is told by it. */
static void check_id(struct span id)
{
	struct rpc_scan s;
	uint64_t got = 0;

	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	s.on_answer = keep_id;
	s.own = &got;
	rpc_scan_feed(&s, "{\"result\":{},\"id\":", 18);
	rpc_scan_feed(&s, id.p, id.n);
	rpc_scan_feed(&s, "}", 1);
	must(got == rpc_id_hash(id));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct scan_limits limits = { .bytes = SIZE_MAX, .depth = 200, .members = 1 << 20 };
	struct span s = { (const char *)bytes, n };
	struct outcome whole;
	uint64_t all;

	for (int sse = 0; sse < 2; sse++) {
		whole = read_in(s.p, n, n ? n : 1, sse);
		all = tokens;
		for (size_t step = 1; step < 6; step++)
			must(same(whole, read_in(s.p, n, step, sse)) && tokens == all);
	}
	if (scan_check(s.p, n, &limits, NULL)) {
		whole = read_in(s.p, n, n, false);
		s = scan_value(s.p, n);
		if (scan_kind(s) == '{')
			check_object(s, whole);
		else
			must(whole.malformed == (scan_kind(s) != '['));
		if (scan_kind(s) == '"' || scan_kind(s) == '0')
			check_id(s);
	}
	return 0;
}
