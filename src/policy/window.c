/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers only. A year of milliseconds times 10^9 requests is past 64 bits: such products are taken apart. */
#include "config.h"

#include "policy/window.h"

void window_slide(struct window *w, int64_t length_ms, int64_t now_ms)
{
	int64_t passed = now_ms - w->since_ms;

	if (passed >= 0 && passed < length_ms)
		return;
	if (passed >= length_ms && passed < 2 * length_ms)
		*w = (struct window){ .since_ms = w->since_ms + length_ms, .before = w->n };
	else
		*w = (struct window){ .since_ms = now_ms };
}

/* When all but ROOM of N (which are more), evenly spread over LENGTH, have slid out: length * (n - room) / n, rounded up. */
static int64_t slid_out(int64_t length_ms, int64_t n, int64_t room)
{
	int64_t out = n - room;

	return length_ms / n * out + (length_ms % n * out + n - 1) / n;
}

int64_t window_wait(const struct window *w, int64_t length_ms, int64_t now_ms, int64_t cost, int64_t allowed)
{
	int64_t passed = now_ms - w->since_ms, room = allowed - cost - w->n, wait;

	if (cost > allowed)
		return 2 * length_ms; /* never */
	if (room < 0) /* not before the window is over */
		return length_ms - passed + slid_out(length_ms, w->n, allowed - cost);
	wait = w->before > room ? slid_out(length_ms, w->before, room) - passed : 0;
	return wait > 0 ? wait : 0;
}
