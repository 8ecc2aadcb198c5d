/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from outside and goes on to others: trace contexts, ids, a collector's answers, anchors in logs. */
#include "config.h"

#include "fuzz.h"

#include "keeper/chain.h"
#include "keeper/otlp.h"
#include "rpc/trace.h"

#include <string.h>

static void try_parent(struct arena *a, const char *text, size_t n)
{
	const char *parent = trace_parent(a, text, n);

	if (!parent)
		return;
	must(strlen(parent) == TRACE_PARENT_LEN && strspn(parent, "0123456789abcdef-") == TRACE_PARENT_LEN);
	must(trace_parent(a, parent, TRACE_PARENT_LEN) != NULL);
}

static void try_anchors(const char *text, size_t n)
{
	char again[CHAIN_ANCHOR_TEXT];
	struct chain_end end;
	size_t pos = 0, before = 0;

	while (chain_anchor_find(text, n, &pos, &end)) {
		must(pos > before && end.place > 0);
		before = pos;
		chain_anchor_write(again, &end);
		must(memmem(text, n, again, strlen(again)) != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n), why[50];
	const struct scan_limits limits = scan_limits_of(65536);
	const char *id;

	try_parent(a, text, n);
	try_anchors(text, n);
	must(otlp_rejected(text, n, why, sizeof(why)) >= 0 && strlen(why) < sizeof(why));
	if (scan_check(text, n, &limits, NULL)) {
		id = trace_rpc_id(a, scan_value(text, n));
		must(!id || (*id == '-' || strlen(id) <= 64));
		trace_parent_of(a, scan_value(text, n));
		trace_parent_of(a, scan_member(scan_value(text, n), "_meta"));
	}
	arena_free(a);
	return 0;
}
