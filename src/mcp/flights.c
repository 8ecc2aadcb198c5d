/* SPDX-License-Identifier: Apache-2.0 */
/* A list of those under way: there are few. */
#include "config.h"

#include "mcp/flights.h"

#include "mcp/call.h"

#include <stdlib.h>
#include <string.h>

struct flight {
	struct known_key key;
	struct flight *next;
};

bool flight_begin(struct call *c, const struct known_key *key)
{
	struct flight *f = c->mcp->flights;

	while (f && memcmp(f->key.hash, key->hash, sizeof(key->hash)) != 0)
		f = f->next;
	if (f) {
		c->errand.awaited = f;
		c->relay.waits_for = f;
		return false;
	}
	f = xcalloc(1, sizeof(*f));
	*f = (struct flight){ *key, c->mcp->flights };
	c->mcp->flights = f;
	c->errand.flight = f;
	return true;
}

bool flight_is_awaited(const struct call *c, const void *key)
{
	return c->errand.awaited && c->errand.awaited == key;
}

void flight_end(struct call *c)
{
	struct flight **at = &c->mcp->flights, *f = c->errand.flight;

	if (!f)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	c->errand.flight = NULL;
	relay_resume(c->mcp->relay, f, free); /* its address is nobody else's until then */
}
