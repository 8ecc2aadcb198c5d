/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of the system, in the units that the code uses. */
#include "config.h"

#include "base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t clock_wall_s(void)
{
	return clock_wall_us() / 1000000;
}

/* The last N digits, and what follows them: every call is told with several times, and strftime() costs a microsecond. */
static char *digits(char *out, unsigned value, int n, char after)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	out[n] = after;
	return out + n + 1;
}

static void seconds_text(char out[CLOCK_TEXT], time_t s)
{
	struct tm tm;

	gmtime_r(&s, &tm);
	out = digits(out, (unsigned)(tm.tm_year + 1900), 4, '-');
	out = digits(out, (unsigned)tm.tm_mon + 1, 2, '-');
	out = digits(out, (unsigned)tm.tm_mday, 2, 'T');
	out = digits(out, (unsigned)tm.tm_hour, 2, ':');
	out = digits(out, (unsigned)tm.tm_min, 2, ':');
	digits(out, (unsigned)tm.tm_sec, 2, '.');
}

/* Times that are told together are mostly of one second: its text is kept. */
void clock_text_of(char out[CLOCK_TEXT], int64_t wall_us)
{
	static _Thread_local struct {
		bool known;
		time_t s;
		char text[CLOCK_TEXT];
	} last;
	time_t s = (time_t)(wall_us / 1000000);
	unsigned ms = (unsigned)(wall_us / 1000 % 1000) % 1000;

	if (!last.known || last.s != s) {
		seconds_text(last.text, s);
		last.s = s;
		last.known = true;
	}
	memcpy(out, last.text, CLOCK_TEXT);
	*digits(out + CLOCK_TEXT - sizeof("678Z"), ms, 3, 'Z') = '\0';
}

void clock_text(char out[CLOCK_TEXT])
{
	clock_text_of(out, clock_wall_us());
}

int clock_left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_ms();

	return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}
