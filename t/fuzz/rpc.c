/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's POST: three lines (MCP-Protocol-Version, Mcp-Method, Mcp-Name; an empty line is an absent
 * header), then the body. Faults and errors are JSON themselves, whatever they answer.
 */
#include "config.h"

#include "fuzz.h"

#include "rpc/era.h"

#include <string.h>

/* Takes a line off the front of *P; NULL for an empty one. */
static const char *line(struct arena *a, const char **p, const char *end)
{
	const char *from = *p, *lf = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;

	*p = lf ? lf + 1 : end;
	end = lf ? lf : end;
	return from < end ? arena_strndup(a, from, (size_t)(end - from)) : NULL;
}

static bool is_json(const struct buf *b)
{
	struct scan_limits limits = { .bytes = SIZE_MAX, .depth = 8, .members = 1 << 16 };

	return b->over || scan_check(buf_text(b), b->len, &limits, NULL);
}

static void check_messages(const struct rpc_body *b, const char *from, const char *end)
{
	size_t requests = 0;

	must(b->n >= 1 && (b->batch ? b->n <= RPC_BATCH_MAX : b->n == 1));
	for (size_t i = 0; i < b->n; i++) {
		const struct rpc_msg *m = &b->msgs[i];

		must(m->whole.p >= from && m->whole.p + m->whole.n <= end);
		must(!m->method == (m->kind == RPC_RESPONSE));
		must(m->kind != RPC_REQUEST || m->id.p);
		must(m->kind != RPC_NOTIFICATION || !m->id.p);
		must(!m->capability_name || m->capability_type);
		must(!b->batch || (!m->modern && !m->is_initialize));
		requests += m->kind == RPC_REQUEST;
	}
	must(requests == b->requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	struct arena *a = arena_new();
	const char *p = (const char *)bytes, *end = p + n, *version = NULL;
	struct era_headers h = { .version = line(a, &p, end) };
	struct rpc_fault f;
	struct rpc_body b;
	struct buf out;
	enum era era;

	h.method = line(a, &p, end);
	h.name = line(a, &p, end);
	buf_init(&out, 1 << 24);
	if (rpc_read(&b, a, p, (size_t)(end - p), &limits, &f)) {
		check_messages(&b, p, end);
		if (rpc_error_all(&out, &b, RPC_INTERNAL_ERROR, "x\xff", "{}"))
			must(is_json(&out));
		buf_clear(&out);
		if (era_check(&b, &h, NULL, a, &era, &version, &f))
			must(version && era_is_supported(version) && !f.status);
	}
	if (f.status) {
		must(f.status == 400 && f.code && f.reason);
		rpc_fault_write(&out, &f);
		must(is_json(&out));
	}
	buf_release(&out);
	arena_free(a);
	return 0;
}
