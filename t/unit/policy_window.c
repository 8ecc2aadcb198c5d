/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows that slide. With the argument "rows" it prints random cases and what becomes of them, for t/411-rate-sql.t, which
 * asks the database's functions the same.
 */
#include "config.h"

#include "tap.h"

#include "policy/window.h"

enum { MINUTE = 60000, ROWS = 400 };

static const struct {
	struct window before;
	int64_t now_ms, cost, allowed, wait_ms;
	const char *name;
} cases[] = {
	{ { 0, 0, 0 }, 10, 1, 1, 0, "the first request of a window passes" },
	{ { 0, 1, 0 }, 10, 1, 2, 0, "so does the last that is allowed" },
	{ { 0, 2, 0 }, 0, 1, 2, MINUTE + MINUTE / 2, "the next waits for the window's end, and until one has slid out" },
	{ { 0, 1, 0 }, 59999, 1, 1, 1 + MINUTE, "of one request nothing remains after two windows" },
	{ { 0, 2, 0 }, MINUTE, 1, 2, MINUTE / 2, "a new window remembers the one before it" },
	{ { 0, 2, 0 }, MINUTE + MINUTE / 2, 1, 2, 0, "which slides out" },
	{ { 0, 2, 0 }, MINUTE + MINUTE / 2 - 1, 1, 2, 1, "and not a moment too soon" },
	{ { 0, 1000, 0 }, 2 * MINUTE, 1, 1, 0, "what is two windows old is forgotten" },
	{ { 0, 0, 0 }, 0, 3, 2, 2 * MINUTE, "what is more than all never fits" },
	{ { 0, 3, 0 }, 0, 2, 5, 0, "several fit if all of them do" },
	{ { 0, 4, 0 }, 0, 2, 5, MINUTE + MINUTE / 4, "and else none" },
	{ { 90000, 5, 5 }, 0, 1, 5, 0, "a clock that went back begins anew" },
	{ { 0, 1000000000, 1000000000 }, 1, 1, 1000000000, MINUTE - 1 + 1, "large numbers do not overflow" },
};

/* The same numbers each time: from 0 to N - 1. */
static int64_t some(int64_t n)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

static void print_rows(void)
{
	for (int i = 0; i < ROWS; i++) {
		int64_t length = 1 + some(5) * 997, allowed = 1 + some(20), cost = 1 + some(4);
		int64_t now = some(12000);
		struct window w = { .since_ms = some(12000), .n = some(21), .before = some(21) };

		printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, w.since_ms, w.n,
		    w.before, length, now, cost, allowed);
		window_slide(&w, length, now);
		printf(" %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", w.since_ms, w.n, w.before,
		    window_wait(&w, length, now, cost, allowed));
	}
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		print_rows();
		return 0;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct window w = cases[i].before;
		int64_t later;

		window_slide(&w, MINUTE, cases[i].now_ms);
		is_int(window_wait(&w, MINUTE, cases[i].now_ms, cases[i].cost, cases[i].allowed), cases[i].wait_ms,
		    cases[i].name);
		if (!cases[i].wait_ms || cases[i].cost > cases[i].allowed)
			continue;
		later = cases[i].now_ms + cases[i].wait_ms;
		window_slide(&w, MINUTE, later);
		is_int(window_wait(&w, MINUTE, later, cases[i].cost, cases[i].allowed), 0, "... who waits so long passes");
	}
	return done();
}
