/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .env and references to its variables: what was set can be had, a fault is told, values
 * are not expanded twice.
 */
#include "config.h"

#include "fuzz.h"

#include "conf/env.h"
#include "conf/problem.h"

#include <string.h>

static void count(void *context, const char *name, const struct err *e)
{
	must(*e->text && name);
	++*(unsigned *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const enum env_form forms[] = { ENV_CALL, ENV_BRACES };
	struct arena *a = arena_new();
	struct problems *ps = problems_new(a);
	struct env *env = env_new(a, "/nonexistent", NULL);
	char *text = arena_strndup(a, (const char *)bytes, n);
	const char *value;
	struct problem p;

	env_parse(env, (const char *)bytes, n, ps);
	for (size_t i = 0; problems_at(ps, i, &p); i++)
		must(p.is_error && *p.text && *p.remedy && !strpbrk(p.text, "\r\n\033"));
	value = env_get(env, "A", NULL);
	must(!value || strlen(value) <= n || strstr(text, "A_FILE"));
	for (size_t i = 0; i < 2; i++) {
		unsigned missing = 0;
		const char *expanded = env_expand(env, forms[i], text, count, &missing);

		must((expanded == NULL) == (missing > 0));
	}
	arena_free(a);
	return 0;
}
