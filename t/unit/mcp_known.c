/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept is found, ends, and is bounded; changes forget what depends on them, and nothing else. */
#include "config.h"

#include "mcp/known.h"

#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static struct arena *arena;

static const char *get(struct known *k, const struct known_key *key)
{
	int64_t left;
	struct span s = known_get(k, key, arena, &left);

	return s.p;
}

static void put(struct known *k, enum known_kind kind, const struct known_key *key, const char *route, const char *text)
{
	known_put(k, kind, key, route, text, strlen(text), 60000, known_changes(k, route));
}

static void keys(void)
{
	const struct known_key a = known_key(KNOWN_LIST, "ab", "c", NULL), b = known_key(KNOWN_LIST, "a", "bc", NULL),
			       c = known_key(KNOWN_LIST, "ab", "c", "", NULL), d = known_key(KNOWN_MARKS, "ab", "c", NULL),
			       e = known_key(KNOWN_LIST, "ab", "c", NULL);

	ok(memcmp(&a, &b, sizeof(a)) != 0, "where a text ends counts");
	ok(memcmp(&a, &c, sizeof(a)) != 0, "and how many there are");
	ok(memcmp(&a, &d, sizeof(a)) != 0, "and of which kind");
	ok(!memcmp(&a, &e, sizeof(a)), "the same texts make the same key");
}

static void changes(struct known *k)
{
	const struct known_key list = known_key(KNOWN_LIST, "x", NULL), marks = known_key(KNOWN_MARKS, "x", NULL),
			       other = known_key(KNOWN_LIST, "y", NULL), session = known_key(KNOWN_SESSION, "x", NULL),
			       late = known_key(KNOWN_LIST, "z", NULL), others = known_key(KNOWN_LIST, "zs", NULL);
	uint64_t before, before_other;

	put(k, KNOWN_LIST, &list, "r", "list");
	put(k, KNOWN_MARKS, &marks, "r", "marks");
	put(k, KNOWN_LIST, &other, "s", "other");
	put(k, KNOWN_SESSION, &session, "r", "session");
	is_str(get(k, &list), "list", "a list is kept");
	before = known_changes(k, "r");
	before_other = known_changes(k, "s");
	known_changed(k, "r");
	ok(!get(k, &list) && !get(k, &marks), "a change forgets the route's lists and marks");
	is_str(get(k, &other), "other", "not those of another route");
	is_str(get(k, &session), "session", "nor a session");
	known_put(k, KNOWN_LIST, &late, "r", "late", 4, 60000, before);
	ok(!get(k, &late), "what may have been said before the change is not kept");
	known_put(k, KNOWN_LIST, &others, "s", "others", 6, 60000, before_other);
	is_str(get(k, &others), "others", "while another route's is");
	known_put(k, KNOWN_SESSION, &late, "r", "late", 4, 60000, before);
	is_str(get(k, &late), "late", "a session is: it has nothing to do with it");
	known_told(k, NULL);
	ok(!get(k, &other), "what may have been missed forgets all lists");
	is_str(get(k, &session), "session", "but no session");
}

static void ends(struct known *k)
{
	const struct known_key key = known_key(KNOWN_ERA, "e", NULL);
	int64_t left = 0;

	known_put(k, KNOWN_ERA, &key, "r", "a", 1, 60000, 0);
	known_put(k, KNOWN_ERA, &key, "r", "b", 1, 50000, 0);
	is_str(get(k, &key), "b", "the newer takes the place of the older");
	known_get(k, &key, arena, &left);
	ok(left > 0 && left <= 50000, "what is left of its time is told");
	known_drop(k, &key);
	ok(!get(k, &key), "what is dropped is gone");
	known_put(k, KNOWN_ERA, &key, "r", "a", 1, 1, 0);
	usleep(5000);
	ok(!get(k, &key), "what is over is gone");
	known_put(k, KNOWN_ERA, &key, "r", "a", 1, 0, 0);
	ok(!get(k, &key), "what has no time is not kept");
}

static void bounds(struct known *k)
{
	char name[16], *large = calloc(1, KNOWN_ENTRY_BYTES + 1);
	const struct known_key first = known_key(KNOWN_SESSION, "0", NULL), second = known_key(KNOWN_SESSION, "1", NULL);
	int64_t left;

	known_put(k, KNOWN_SESSION, &first, "r", large, KNOWN_ENTRY_BYTES + 1, 60000, 0);
	ok(!get(k, &first), "what is too large is not kept");
	for (int i = 0; i < KNOWN_BYTES / KNOWN_ENTRY_BYTES; i++) {
		struct known_key key;

		snprintf(name, sizeof(name), "%d", i);
		key = known_key(KNOWN_SESSION, name, NULL);
		known_put(k, KNOWN_SESSION, &key, "r", large, KNOWN_ENTRY_BYTES, 60000, 0);
		known_get(k, &first, arena, &left); /* it is used all the time */
	}
	ok(known_get(k, &first, arena, &left).p, "what is used stays");
	ok(!known_get(k, &second, arena, &left).p, "what was not used for longest has made room");
	free(large);
}

int main(void)
{
	struct known *k = known_start(NULL);

	arena = arena_new();
	keys();
	changes(k);
	ends(k);
	bounds(k);
	arena_free(arena);
	known_stop(k);
	return done();
}
