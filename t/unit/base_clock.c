/* SPDX-License-Identifier: Apache-2.0 */
/* Time as text, and deadlines. */
#include "config.h"

#include "base/clock.h"

#include "tap.h"

static const struct {
	int64_t us;
	const char *text, *name;
} rows[] = {
	{ 0, "1970-01-01T00:00:00.000Z", "the epoch" },
	{ 1000, "1970-01-01T00:00:00.001Z", "a millisecond later" },
	{ 999999, "1970-01-01T00:00:00.999Z", "microseconds are cut, not rounded" },
	{ 1709210096789000, "2024-02-29T12:34:56.789Z", "a leap day" },
	{ 1709210096012345, "2024-02-29T12:34:56.012Z", "the same second, before" },
	{ 1709210097000000, "2024-02-29T12:34:57.000Z", "the second after it" },
	{ 253402300799999999, "9999-12-31T23:59:59.999Z", "the last time that fits" },
};

int main(void)
{
	char text[CLOCK_TEXT];
	int64_t before = clock_us();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		clock_text_of(text, rows[i].us);
		is_str(text, rows[i].text, rows[i].name);
	}
	clock_text(text);
	ok(strlen(text) == CLOCK_TEXT - 1 && text[10] == 'T', "now has the form of the others");
	ok(clock_us() >= before, "the monotonic clock does not go back");
	ok(clock_wall_s() > 1700000000, "the wall clock counts from 1970");
	is_int(clock_left_ms(clock_ms() - 5), 0, "a deadline that has passed leaves nothing");
	is_int(clock_left_ms(INT64_MAX / 2), INT32_MAX, "a far deadline is clamped");
	ok(clock_left_ms(clock_ms() + 60000) > 59000, "a deadline in a minute leaves about one");
	return done();
}
