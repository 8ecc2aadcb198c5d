/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window that slides: what is counted of the window at hand, and of the one before it, which is taken as
 * spread evenly and slides out. sql/fn/rate.sql reckons likewise; here for what a program counts by itself.
 */
#ifndef GATEHOUSE_POLICY_WINDOW_H
#define GATEHOUSE_POLICY_WINDOW_H

#include <stdint.h>

struct window {
	int64_t since_ms;  /* when the window at hand began, on any clock */
	int64_t n, before; /* counted in it, and in the one before */
};

/* Moves W to NOW_MS. LENGTH_MS: of the window. */
void window_slide(struct window *, int64_t length_ms, int64_t now_ms);

/* After window_slide(): milliseconds until COST more fit into ALLOWED, 0 if they do now. */
int64_t window_wait(const struct window *, int64_t length_ms, int64_t now_ms, int64_t cost, int64_t allowed);

#endif
