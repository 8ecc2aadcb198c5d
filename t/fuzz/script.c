/* SPDX-License-Identifier: Apache-2.0 */
/* JSON into the sandbox and out again: what a function does not change comes back as it was, and what it builds is sound. */
#include "config.h"

#include "fuzz.h"

#include "json/scan.h"
#include "script/script.h"

#include <string.h>

/* The bytes outside of strings that are blanks are not part of it. */
static bool same_but_blanks(const char *x, size_t n, const char *y, size_t m)
{
	bool string = false;
	size_t i = 0, k = 0;

	while (i < n) {
		if (!string && strchr(" \t\r\n", x[i])) {
			i++;
			continue;
		}
		if (k == m || x[i] != y[k])
			return false;
		if (x[i] == '\\' && string) { /* with what it escapes */
			if (k + 1 == m || x[i + 1] != y[k + 1])
				return false;
			i++;
			k++;
		} else if (x[i] == '"') {
			string = !string;
		}
		i++;
		k++;
	}
	return k == m;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char text[] = "return function(x) return { x } end";
	static const struct script *script;
	static struct arena *volatile kept; /* lives as long as the process */
	struct scan_limits limits = scan_limits_of(65536);
	const char *json = (const char *)bytes;
	struct buf result, left;

	if (!script) {
		kept = arena_new();
		script = script_new(kept, "t", text, strlen(text), NULL, NULL);
	}
	if (!scan_check(json, n, &limits, NULL))
		return 0;
	buf_init(&result, 0);
	buf_init(&left, 0);
	limits = scan_limits_of(1 << 20);
	limits.depth++;
	if (script_run(script, scan_value(json, n), &result, &left, NULL)) { /* not: a number that no double holds */
		must(same_but_blanks(json, n, buf_text(&left), left.len));
		must(scan_check(buf_text(&result), result.len, &limits, NULL));
	}
	buf_release(&result);
	buf_release(&left);
	return 0;
}
