/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of functions are JSON that passed the gate. */
#include "config.h"

#include "policy/count_detail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool fail(struct err *e, const char *what)
{
	return err_reason(e, ERR_INTERNAL, "script_failed", "a function of the gateway's configuration failed", "%s", what);
}

/* A text, or a whole number as text; NULL for all others. */
static const char *text_of(struct span v, struct arena *a)
{
	if (scan_kind(v) != '0')
		return scan_string(v, a);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '.' || v.p[i] == 'e' || v.p[i] == 'E')
			return NULL;
	return arena_strndup(a, v.p, v.n);
}

bool count_detail_ask(struct count_detail *d, const struct script *s, struct call *call, const struct rpc_msg *m,
    struct err *e)
{
	struct arena *a = call_req(call)->arena;
	struct span answer, key;

	*d = (struct count_detail){ .counted = true };
	if (!identifier_ask(s, call, m, NULL, a, &answer, e))
		return false;
	d->counted = scan_kind(answer) != 'n';
	if (!d->counted)
		return true;
	d->table = scan_kind(answer) == '{' ? answer : (struct span){ NULL, 0 };
	key = d->table.p ? scan_member(answer, "key") : answer;
	d->key = text_of(key, a);
	return d->key || !key.p || fail(e, "its key is neither a text nor a whole number");
}

bool count_detail_number(struct span where, const char *name, int64_t min, int64_t max, int64_t *n, struct err *e)
{
	struct span v = scan_member(where, name);
	char text[24], *end;
	long long value;

	if (!v.p)
		return true;
	snprintf(text, sizeof(text), "%.*s", (int)(v.n < sizeof(text) ? v.n : 0), v.p);
	errno = 0;
	value = strtoll(text, &end, 10);
	if (scan_kind(v) != '0' || errno || end == text || *end || value < min || value > max)
		return fail(e, "a number of its table is none, or out of range");
	*n = value;
	return true;
}
