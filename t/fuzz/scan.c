/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: what it accepts json-c reads alike; lookups stay inside of any text. */
#include "config.h"

#include "fuzz.h"

#include "../unit/same_json.h"

static const struct scan_limits limits = { .bytes = 1 << 20, .depth = 40, .members = 1 << 16 };

static void accepted(struct span s, struct arena *a)
{
	struct json_object *o = json_parse(a, s.p, s.n, &limits, NULL);
	const char *text;

	must(same_told(s, &limits, 64) && same_told(s, &limits, 5));
	s = scan_value(s.p, s.n);
	if (!o) { /* null, or what json-c misreads */
		struct scan_limits tree = limits;

		tree.tree = true;
		must(scan_kind(s) == 'n' || !scan_check(s.p, s.n, &tree, NULL));
		return;
	}
	must(same_json(s, o, a));
	text = json_text(a, o);
	must(scan_check(text, strlen(text), &(struct scan_limits){ SIZE_MAX, 40, 1 << 16, false }, NULL));
}

/* Nobody should, but it must not read past the end. */
static void unchecked(struct span s, struct arena *a)
{
	struct span name, value;
	size_t pos = 0;
	char small[8];

	while (scan_next(s, &pos, &name, &value)) {
		must(value.n == 0 || (value.p >= s.p && value.p + value.n <= s.p + s.n));
		scan_string(value, a);
		scan_copy(name, small, sizeof(small));
	}
	scan_path(s, "a", "b", NULL);
	scan_string(s, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct span s = { (const char *)bytes, n };
	struct arena *a = arena_new();
	struct err e = { .code = ERR_NONE };

	if (scan_check(s.p, n, &limits, &e)) {
		must(e.code == ERR_NONE);
		accepted(s, a);
	} else {
		must(e.code == ERR_SYNTAX || e.code == ERR_LIMIT);
	}
	unchecked(s, a);
	arena_free(a);
	return 0;
}
