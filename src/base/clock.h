/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Deadlines use the monotonic clock; what is stored uses the database's clock. */
#ifndef GATEHOUSE_BASE_CLOCK_H
#define GATEHOUSE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT = sizeof("2026-01-02T03:04:05.678Z") };

/* Monotonic milliseconds and microseconds, for deadlines and durations. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Wall clock: seconds, and microseconds, since 1970. For display, logs and event times only. */
int64_t clock_wall_s(void);
int64_t clock_wall_us(void);

/* Now, as RFC 3339 UTC with milliseconds. */
void clock_text(char out[CLOCK_TEXT]);

/* A wall time in microseconds as RFC 3339 UTC with milliseconds. */
void clock_text_of(char out[CLOCK_TEXT], int64_t wall_us);

/* Milliseconds left until a deadline of clock_ms(); at least 0, at most INT32_MAX. */
int clock_left_ms(int64_t deadline_ms);

#endif
