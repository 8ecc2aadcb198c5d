/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP for the C tests: a test calls ok(), is_str(), is_int() with a sentence that says what
 * holds, and ends with `return done();`. The plan is written last, so that rows can be added
 * without counting. A failed comparison prints both sides.
 */
#ifndef GATEHOUSE_T_UNIT_TAP_H
#define GATEHOUSE_T_UNIT_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

/* '#' would start a TAP directive in the middle of a sentence. */
static inline void tap_name(const char *name)
{
	for (; *name; name++) {
		if (*name == '#')
			fputs("\\#", stdout);
		else
			putchar(*name);
	}
	putchar('\n');
	fflush(stdout);
}

#define ok(cond, name) tap_ok((cond), (name), __FILE__, __LINE__)
#define is_int(got, want, name) tap_int((int64_t)(got), (int64_t)(want), (name), __FILE__, __LINE__)
#define is_str(got, want, name) tap_str((got), (want), (name), __FILE__, __LINE__)
#define is_mem(got, want, n, name) ok(memcmp((got), (want), (n)) == 0, (name))

static inline bool tap_ok(bool good, const char *name, const char *file, int line)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	tap_name(name);
	if (!good) {
		tap_failed++;
		printf("# at %s line %d\n", file, line);
		fflush(stdout);
	}
	return good;
}

static inline bool tap_int(int64_t got, int64_t want, const char *name, const char *file, int line)
{
	bool good = tap_ok(got == want, name, file, line);

	if (!good)
		printf("#      got: %" PRId64 "\n# expected: %" PRId64 "\n", got, want);
	return good;
}

static inline bool tap_str(
    const char *got, const char *want, const char *name, const char *file, int line)
{
	bool good = tap_ok(got && want ? !strcmp(got, want) : got == want, name, file, line);

	if (!good)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
		    want ? want : "(null)");
	return good;
}

/* Ends the test: what main() returns. */
static inline int done(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed != 0;
}

#endif
