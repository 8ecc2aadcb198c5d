/* SPDX-License-Identifier: Apache-2.0 */
/* Key files: what is accepted has one primary key, first; ids are unique; only usable keys are
 * found. */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "keys/ring.h"

#include <string.h>

static void look(const struct ring *r, enum purpose p)
{
	const struct key *k;
	size_t primary = 0;

	must(ring_primary(r, p)->state == KEY_PRIMARY && ring_at(r, p, 0) == ring_primary(r, p));
	for (size_t i = 0; (k = ring_entry(r, p, i)); i++) {
		must(*k->id && strlen(k->id) <= KEY_ID_MAX);
		must(ring_find(r, p, k->id) == (k->state == KEY_RETIRED ? NULL : k));
		must((ring_at(r, p, i) != NULL) == (k->state != KEY_RETIRED));
		must((k->pem != NULL) == (p == KEY_SIGNING));
		primary += k->state == KEY_PRIMARY;
	}
	must(primary == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const enum purpose purposes[] = { KEY_PEPPER, KEY_SIGNING };

	for (size_t i = 0; i < 2; i++) {
		struct ring *r = ring_new();
		char *copy = xstrndup((const char *)bytes, n);

		if (!ring_parse(r, purposes[i], copy, n))
			look(r, purposes[i]);
		free(copy);
		ring_close(r);
	}
	return 0;
}
