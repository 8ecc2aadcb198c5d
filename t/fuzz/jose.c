/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed text in the first line, a key set in the rest. Whatever they are: what is read keeps its
 * promises, and a text whose last character of the signature is another one is never verified as
 * well.
 */
#include "config.h"

#include "fuzz.h"

#include "json/jose.h"

#include <string.h>

static bool is_served(const char *alg)
{
	for (const char *const *p = jose_algorithms; *p; p++)
		if (!strcmp(*p, alg))
			return true;
	return false;
}

static void check_read(const struct jws *j)
{
	const struct scan_limits limits = scan_limits_of(JWS_MAX);

	must(j->text && strlen(j->text) <= JWS_MAX && is_served(j->alg));
	must(!j->kid || strlen(j->kid) <= JOSE_ID_MAX);
	must(scan_kind(j->payload) == '{' && scan_check(j->payload.p, j->payload.n, &limits, NULL));
}

/* No signature has two spellings: another character at its end is another signature, or none. */
static void check_unique(struct arena *a, const struct jws *j, const char *jwks, size_t n)
{
	char *other = arena_strdup(a, j->text);
	char *last = other + strlen(other) - 1;
	struct jws changed;

	*last = *last == 'A' ? 'B' : 'A';
	must(!jws_read(&changed, a, other, strlen(other), NULL) ||
	     !jws_verify(&changed, a, jwks, n, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *text = (const char *)bytes, *lf = n ? memchr(text, '\n', n) : NULL;
	size_t first = lf ? (size_t)(lf - text) : n;
	const char *jwks = lf ? lf + 1 : text + n;
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	struct jws j;

	if (jws_read(&j, a, text, first, &e)) {
		check_read(&j);
		if (jws_verify(&j, a, jwks, n - (size_t)(jwks - text), &e))
			check_unique(a, &j, jwks, n - (size_t)(jwks - text));
		else
			must(e.code == ERR_SYNTAX && e.reason);
	} else {
		must(e.code == ERR_SYNTAX && e.reason);
	}
	err_clear(&e);
	if (!jwks_check(a, jwks, n - (size_t)(jwks - text), true, &e))
		must(e.code == ERR_SYNTAX && e.text[0]);
	arena_free(a);
	return 0;
}
