/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages through data loss prevention: what comes out is sound JSON of the same shape, nothing more is found in it, and what
 * held nothing is what came in. What a classifier would be sent of them is sound text.
 */
#include "config.h"

#include "fuzz.h"

#include "base/utf8.h"
#include "json/scan.h"
#include "policy/classifier.h"
#include "policy/dlp.h"

#include <string.h>

/* A masked number is a string: scalars count alike. */
static void same_shape(struct span a, struct span b)
{
	struct span x, y, name_x, name_y;
	size_t i = 0, k = 0;
	bool more;

	if (scan_kind(a) != '{' && scan_kind(a) != '[') {
		must(scan_kind(b) == scan_kind(a) || (scan_kind(b) == '"' && scan_kind(a) == '0'));
		return;
	}
	must(scan_kind(a) == scan_kind(b));
	do {
		more = scan_next(a, &i, &name_x, &x);
		must(scan_next(b, &k, &name_y, &y) == more);
		if (more)
			same_shape(x, y);
	} while (more);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct arena *forever;
	static struct dlp *d;
	const char *text = (const char *)bytes;
	struct arena *a = arena_new();
	struct scan_limits limits;
	struct dlp_report report, seen;
	struct buf once, twice;

	if (!d) {
		forever = arena_new();
		d = dlp_new(forever, 0.5, "[REDACTED]");
		dlp_add_entities(d, "all");
		dlp_add_pattern(d, "own", "(?i)x+y|\\d\\pL\\d", 0.9, NULL, NULL);
	}
	buf_init(&once, 16 * n + 4096);
	buf_init(&twice, 16 * n + 4096);
	if (dlp_message(d, a, text, n, &once, &report, NULL)) {
		limits = scan_limits_of(once.len);
		limits.depth = 64;
		limits.members = UINT32_MAX;
		must(scan_check(buf_text(&once), once.len, &limits, NULL));
		same_shape(scan_value(text, n), scan_value(once.data, once.len));
		must(dlp_message(d, a, text, n, NULL, &seen, NULL) && !seen.found == !report.found);
		if (!report.found && !report.unsearched)
			must(once.len == n && !memcmp(once.data, text, n));
		must(dlp_message(d, a, once.data, once.len, &twice, &seen, NULL));
		if (!report.unsearched) /* what was cut short by the budget may have hidden words */
			must(!seen.found && twice.len == once.len && !memcmp(twice.data, once.data, once.len));
		buf_clear(&twice);
		classifier_text(&twice, scan_value(text, n));
		must(utf8_is_valid(buf_text(&twice), twice.len));
	}
	classifier_verdict(a, text, n, "0123");
	buf_release(&once);
	buf_release(&twice);
	arena_free(a);
	return 0;
}
