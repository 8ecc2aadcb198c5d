/* SPDX-License-Identifier: Apache-2.0 */
/* A few answers, compared one by one: those of other routes and lengths cost nothing, others end at the first byte that differs. */
#include "config.h"

#include "mcp/repeats.h"

#include "base/arena.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* A text around an id. */
struct around {
	char *text; /* without the id */
	size_t before, n;
};

struct kept {
	struct kept *next; /* used less lately */
	const void *route;
	struct around came, became;
	struct repeat what;
	int64_t until;
};

struct repeats {
	struct kept *first;
	size_t bytes, n;
};

struct repeats *repeats_new(void)
{
	return xcalloc(1, sizeof(struct repeats));
}

static size_t size_of(const struct kept *k)
{
	return sizeof(*k) + k->came.n + k->became.n;
}

/* Takes away the one that *AT points to. */
static void drop(struct repeats *r, struct kept **at)
{
	struct kept *k = *at;

	*at = k->next;
	r->bytes -= size_of(k);
	r->n--;
	free(k->came.text);
	free(k->became.text);
	free(k);
}

void repeats_free(struct repeats *r)
{
	while (r && r->first)
		drop(r, &r->first);
	free(r);
}

/* False: its id is not ID. */
static bool take_apart(struct around *a, struct span text, struct span id)
{
	struct span found = scan_member(scan_value(text.p, text.n), "id");

	*a = (struct around){ .text = NULL };
	if (!found.p || found.n != id.n || memcmp(found.p, id.p, id.n) != 0)
		return false;
	a->before = (size_t)(found.p - text.p);
	a->n = text.n - id.n;
	a->text = xmalloc(a->n + 1);
	memcpy(a->text, text.p, a->before);
	memcpy(a->text + a->before, found.p + found.n, a->n - a->before);
	return true;
}

static bool is_around(const struct around *a, struct span text, struct span id)
{
	size_t after = a->n - a->before;

	return text.n == a->n + id.n && !memcmp(text.p, a->text, a->before) && !memcmp(text.p + a->before, id.p, id.n) &&
	    !memcmp(text.p + text.n - after, a->text + a->before, after);
}

bool repeats_get(struct repeats *r, const void *route, struct span text, struct span id, struct buf *out, struct repeat *what)
{
	struct kept **at = &r->first, *k;
	int64_t now = clock_ms();

	while ((k = *at) && (k->route != route || !is_around(&k->came, text, id)))
		at = &k->next;
	if (k && now >= k->until) {
		drop(r, at);
		return false;
	}
	if (!k)
		return false;
	*at = k->next;
	k->next = r->first;
	r->first = k;
	*what = k->what;
	buf_add(out, k->became.text, k->became.before);
	buf_add(out, id.p, id.n);
	return buf_add(out, k->became.text + k->became.before, k->became.n - k->became.before);
}

static void drop_last(struct repeats *r)
{
	struct kept **at = &r->first;

	while ((*at)->next)
		at = &(*at)->next;
	drop(r, at);
}

void repeats_put(
    struct repeats *r, const void *route, struct span text, struct span id, struct span became, const struct repeat *what)
{
	struct kept *k;

	if (text.n + became.n > REPEATS_EACH_BYTES)
		return;
	k = xcalloc(1, sizeof(*k));
	k->route = route;
	k->what = *what;
	k->until = clock_ms() + REPEATS_MS;
	k->next = r->first;
	r->first = k;
	r->n++;
	if (!take_apart(&k->came, text, id) || !take_apart(&k->became, became, id)) {
		r->bytes += size_of(k);
		drop(r, &r->first);
		return;
	}
	r->bytes += size_of(k);
	while (r->bytes > REPEATS_BYTES || r->n > REPEATS_MAX)
		drop_last(r);
}
