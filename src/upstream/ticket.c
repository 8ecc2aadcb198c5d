/* SPDX-License-Identifier: Apache-2.0 */
/* id, end, request and subject, each on a line; the subject last, for it is foreign text. */
#include "config.h"

#include "upstream/ticket.h"

#include "base/b64.h"
#include "base/clock.h"
#include "base/rand.h"
#include "keys/seal.h"

#include <stdlib.h>
#include <string.h>

enum { TICKET_TEXT_MAX = 2048 };

#define PLACE(upstream, operation) { "ticket", upstream, operation, NULL }

const char *ticket_make(const struct ring *ring, struct arena *a, const char *upstream_id,
    const char *operation_id, const char *subject, const char *request_id)
{
	const char *const place[] = PLACE(upstream_id, operation_id);
	char id[UUID_TEXT], *out;
	const char *text;
	struct blob sealed;

	rand_uuid(id);
	text = arena_printf(a, "%s\n%lld\n%s\n%s", id, (long long)clock_wall_s() + TICKET_TTL_S,
	    request_id ? request_id : "", subject);
	sealed = seal(ring, KEY_SESSION, a, text, strlen(text), place);
	out = arena_alloc(a, B64URL_LEN(sealed.n) + 1);
	b64url_encode(out, sealed.p, sealed.n);
	return out;
}

static bool unknown(struct err *e)
{
	return err_reason(e, ERR_INVALID_REQUEST, "ticket_unknown",
	    "the address of this page is not complete, or was made for something else", "");
}

bool ticket_open(struct ticket *t, const struct ring *ring, struct arena *a, const char *upstream_id,
    const char *operation_id, const char *text, struct err *e)
{
	const char *const place[] = PLACE(upstream_id, operation_id);
	size_t n = text ? strlen(text) : 0, sealed_n;
	struct err why = { .code = ERR_NONE };
	unsigned char *sealed;
	struct blob plain;
	char *rest;
	const char *end;
	int64_t left_s;

	if (!n || n > TICKET_TEXT_MAX)
		return unknown(e);
	sealed = arena_alloc(a, n);
	if (!b64url_decode(sealed, &sealed_n, text, n) ||
	    !seal_open(ring, KEY_SESSION, a, (struct blob){ sealed, sealed_n }, place, &plain, &why))
		return unknown(e);
	rest = arena_strndup(a, (const char *)plain.p, plain.n);
	t->id = strsep(&rest, "\n");
	end = strsep(&rest, "\n");
	t->request_id = strsep(&rest, "\n");
	t->subject = rest;
	if (!t->subject)
		return unknown(e);
	left_s = strtoll(end, NULL, 10) - clock_wall_s();
	t->age_s = (left_s < TICKET_TTL_S ? TICKET_TTL_S - left_s : 0) + 1;
	return left_s > 0 ||
	       err_reason(e, ERR_INVALID_REQUEST, "ticket_expired", "this address works for ten minutes only", "");
}
