/* SPDX-License-Identifier: Apache-2.0 */
/* Session ids: sealed and opened, and what `initialize` declared. */
#include "config.h"

#include "mcp/session.h"

#include "tap.h"

#include <stdlib.h>

static const struct session_place alice = { "alice", "client", "op", "/mcp/a" };

static struct ring *new_ring(const char *text)
{
	struct ring *r = ring_new();
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	if (ring_parse(r, KEY_SESSION, copy, strlen(copy)))
		abort();
	return r;
}

#define KEY_A "q1ZtMG8zR2hTd1lYbFB4UkV2Q2pLbkZ1T2lBZUh5ZDk"
#define KEY_B "wVRub3A3TGtKaEdmRHNBcVdlUnRZdUlvUHpYY1ZiTm0"

static const struct {
	const char *capabilities;
	bool form, url, sampling, roots;
	const char *name;
} declared[] = {
	{ "{}", false, false, false, false, "nothing declared is nothing" },
	{ "{\"elicitation\":{}}", true, false, false, false, "a bare elicitation is one of forms" },
	{ "{\"elicitation\":{\"url\":{}}}", false, true, false, false, "url alone is no form" },
	{ "{\"elicitation\":{\"form\":{},\"url\":{}}}", true, true, false, false, "both" },
	{ "{\"elicitation\":{\"url\":true}}", false, false, false, false, "url that is no object is none" },
	{ "{\"sampling\":{},\"roots\":{\"listChanged\":true}}", false, false, true, true, "sampling and roots" },
	{ "{\"elicitation\":null,\"roots\":[]}", false, false, false, false, "null and an array are none" },
};

static void test_declared(struct arena *a, const struct ring *r)
{
	for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
		struct session s = { .upstream_id = "u", .version = "2025-11-25" }, back;
		struct span span = { declared[i].capabilities, strlen(declared[i].capabilities) };
		const char *id;

		session_declare(&s, span);
		id = session_seal(&s, &alice, r, a);
		ok(session_open(&back, id, &alice, r, a, NULL) && back.elicitation_form == declared[i].form &&
		        back.elicitation_url == declared[i].url && back.sampling == declared[i].sampling &&
		        back.roots == declared[i].roots && !strcmp(back.version, "2025-11-25") && !strcmp(back.upstream_id, "u"),
		    declared[i].name);
	}
}

/* One that the gateway made up holds no id of an upstream's. */
static void test_bridged(struct arena *a, const struct ring *r)
{
	struct session made = { .version = "2025-06-18", .elicitation_url = true, .bridged = true },
		       real = { .upstream_id = "b", .version = "" }, back;

	ok(session_open(&back, session_seal(&made, &alice, r, a), &alice, r, a, NULL) && back.bridged && !back.upstream_id &&
	        back.elicitation_url && !strcmp(back.version, "2025-06-18"),
	    "a session of the bridge says so, and has no upstream's id");
	ok(session_open(&back, session_seal(&real, &alice, r, a), &alice, r, a, NULL) && !back.bridged && !strcmp(back.upstream_id, "b"),
	    "an upstream's id does not make one");
}

static void test_places(struct arena *a, const struct ring *r)
{
	static const struct session_place others[] = {
		{ "bob", "client", "op", "/mcp/a" }, { "alice", "other", "op", "/mcp/a" },
		{ "alice", "client", "op2", "/mcp/a" }, { "alice", "client", "op", "/mcp/b" },
		{ "alicec", "lient", "op", "/mcp/a" }, { "", "", "op", "/mcp/a" },
	};
	const struct session s = { .upstream_id = "up-1", .version = "" };
	const char *id = session_seal(&s, &alice, r, a);
	struct ring *other = new_ring("k primary " KEY_B "\n"), *rotated = new_ring("n primary " KEY_B "\nk active " KEY_A "\n");
	struct session back;
	struct err e = { .code = ERR_NONE };

	ok(session_open(&back, id, &alice, r, a, NULL) && !*back.version, "an id opens in its place");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ok(!session_open(&back, id, &others[i], r, a, NULL), "but in no other");
	ok(!session_open(&back, id, &alice, other, a, &e), "and under no other key");
	is_int(e.code, ERR_NOT_FOUND, "it is not found");
	is_str(err_reason_of(&e), "unknown_session", "by its reason code");
	ok(session_open(&back, id, &alice, rotated, a, NULL), "an active key opens what it sealed as primary");
	ok(strcmp(id, session_seal(&s, &alice, r, a)) != 0, "two ids of one session differ");
	ring_close(other);
	ring_close(rotated);
}

static void test_bounds(struct arena *a, const struct ring *r)
{
	char long_id[SESSION_UPSTREAM_MAX + 2];
	struct session s = { .upstream_id = long_id, .version = "2025-11-25", .elicitation_form = true,
		.elicitation_url = true, .sampling = true, .roots = true }, back;
	const struct session_place nobody = { "", "", "op", "/" };
	const char *id;

	memset(long_id, '~', sizeof(long_id));
	long_id[SESSION_UPSTREAM_MAX + 1] = '\0';
	ok(!session_id_is_good(long_id), "an upstream id of 513 bytes is refused");
	long_id[SESSION_UPSTREAM_MAX] = '\0';
	ok(session_id_is_good(long_id), "one of 512 is not");
	id = session_seal(&s, &nobody, r, a);
	ok(strlen(id) <= SESSION_ID_MAX, "sealed it is not past the bound");
	ok(session_open(&back, id, &nobody, r, a, NULL) && !strcmp(back.upstream_id, long_id), "and opens");
	ok(!session_id_is_good(""), "an empty id is refused");
	ok(!session_id_is_good("a b"), "one with a blank");
	ok(!session_id_is_good("a\x7f"), "with a control character");
	ok(!session_id_is_good("\xc3\xa9"), "with a letter outside ASCII");
	ok(!session_open(&back, "", &nobody, r, a, NULL), "no id opens nothing");
}

int main(void)
{
	struct arena *a = arena_new();
	struct ring *r = new_ring("k primary " KEY_A "\n");

	test_declared(a, r);
	test_bridged(a, r);
	test_places(a, r);
	test_bounds(a, r);
	ring_close(r);
	arena_free(a);
	return done();
}
