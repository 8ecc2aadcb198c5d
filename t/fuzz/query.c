/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of analytics: pairs divided by '&', each NAME=VALUE as it is when decoded. What is read is written and read again alike. */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "console/query.h"

#include <string.h>

enum { PAIRS = 40, NOW = 1795780000 };

static size_t split(struct arena *a, const char *text, struct query_pair pairs[PAIRS])
{
	char *rest = arena_strdup(a, text), *pair;
	size_t n = 0;

	while (n < PAIRS && (pair = strsep(&rest, "&"))) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		pairs[n++] = (struct query_pair){ pair, value };
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	struct query_pair pairs[PAIRS];
	struct query q;
	const char *text;
	bool on;

	query_read(&q, a, pairs, split(a, arena_strndup(a, (const char *)bytes, n), pairs), NOW);
	must(q.n <= QUERY_FILTERS_MAX && q.faults_n <= QUERY_FAULTS_MAX);
	must(q.start < NOW && (!q.end || q.start < q.end));
	for (size_t i = 0; i < q.n; i++)
		must(query_field_label(q.filters[i].field) && strlen(q.filters[i].value) <= QUERY_VALUE_MAX);
	text = query_text(a, &q, NULL, 0, &on);
	must(!on && (!*text || *text == '?'));
	for (const char *s = text; *s; s++)
		must(*s > ' ' && *s < 0x7f && !strchr("\"<>'\\#", *s));
	if (q.n) {
		/* one that is there is taken away, and put back */
		const char *less = query_text(a, &q, q.filters, 1, &on);

		must(on && strlen(less) < strlen(text));
	}
	arena_free(a);
	return 0;
}
