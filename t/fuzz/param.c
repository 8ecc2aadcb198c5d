/* SPDX-License-Identifier: Apache-2.0 */
/* A schema in the first line, arguments behind it: what comes of them is fit for a header, and agrees with them. */
#include "config.h"

#include "fuzz.h"

#include "rpc/param.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	struct arena *a = arena_new();
	const char *p = (const char *)bytes, *lf = n ? memchr(p, '\n', n) : NULL;
	size_t schema_n = lf ? (size_t)(lf - p) : n, rest_n = lf ? n - schema_n - 1 : 0, marks = 0;
	struct span arguments = { NULL, 0 };

	if (scan_check(p, schema_n, &limits, NULL)) {
		if (rest_n && scan_check(lf + 1, rest_n, &limits, NULL))
			arguments = scan_value(lf + 1, rest_n);
		for (const struct param_mark *m = param_marks(scan_value(p, schema_n), a); m; m = m->next) {
			const char *value = param_value(m, arguments, a);

			must(*m->header && m->path[0] && ++marks <= PARAM_MARKS_MAX);
			for (const char *c = m->header; *c; c++)
				must(*c > 0x20 && *c < 0x7f && *c != ':');
			for (const char *c = value; c && *c; c++)
				must(*c == '\t' || (*c >= 0x20 && *c < 0x7f));
			must(!value || param_agrees(m, arguments, value, a));
			must(value || param_agrees(m, arguments, "x", a));
		}
	}
	arena_free(a);
	return 0;
}
