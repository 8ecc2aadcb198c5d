/* SPDX-License-Identifier: Apache-2.0 */
/* What patterns find, and what becomes of those that would search for ever. */
#include "config.h"

#include "tap.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/pattern.h"

#include <stdlib.h>

static bool is_even(const char *s, size_t n)
{
	return n && (s[n - 1] - '0') % 2 == 0;
}

/* All that is found, joined by bars; "limit" at the end if one was hit. */
static void found(struct buf *out, const char *pattern, pattern_check *check, const char *text, size_t n)
{
	struct pattern *p = pattern_new(pattern, NULL);
	struct pattern_search *s = pattern_search_new();
	enum pattern_answer answer = PATTERN_NONE;
	size_t start, end = 0;

	buf_clear(out);
	while (p && (answer = pattern_find(s, p, check, text, n, end, &start, &end)) == PATTERN_FOUND) {
		buf_add(out, text + start, end - start);
		buf_char(out, '|');
	}
	if (answer == PATTERN_LIMIT)
		buf_str(out, "limit");
	pattern_search_free(s);
	pattern_free(p);
}

static void test_find(void)
{
	static const struct {
		const char *pattern, *text, *want, *name;
		pattern_check *check;
	} cases[] = {
		{ "a+", "caat a", "aa|a|", "each match is found", NULL },
		{ "b", "caat", "", "or none", NULL },
		{ "x*", "axxb x", "xx|x|", "an empty match is none", NULL },
		{ "key=\\K\\w+", "key=abc", "abc|", "a match may begin at \\K", NULL },
		{ "a(?=b)\\K", "ab", "", "where nothing is left of it, there is none", NULL },
		{ "^a", "aaa", "a|", "the beginning is the text's, not that of a search", NULL },
		{ "(?<=\xc3\xa9)x", "\xc3\xa9x \xf0\x9f\x98\x80x", "x|", "characters are those of UTF-8", NULL },
		{ ".", "\xc3\xa9", "\xc3\xa9|", "and are never split", NULL },
		{ "\\d+(?C1)", "123 45 6", "12|4|6|", "a check makes a match shorter, or later", is_even },
		{ "\\d+", "123", "123|", "a pattern without a callout does not ask", is_even },
	};
	struct buf out;

	buf_init(&out, 65536);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found(&out, cases[i].pattern, cases[i].check, cases[i].text, strlen(cases[i].text));
		is_str(buf_text(&out), cases[i].want, cases[i].name);
	}
	found(&out, "a.c", NULL, "a\0c", 3);
	is_int(out.len, 4, "NUL is a character like others");
	buf_release(&out);
}

/* Texts longer than what is searched at a time. */
static void test_long(void)
{
	char *text = xmalloc(3 << 20);
	struct buf out;

	buf_init(&out, 65536);
	memset(text, 'a', 3 << 20);
	for (size_t at = 0; at < 6000; at++) {
		text[at] = 'b';
		found(&out, "b", NULL, text, 6001);
		if (strcmp(buf_text(&out), "b|") != 0)
			break;
		text[at] = 'a';
	}
	is_str(buf_text(&out), "b|", "a match is found wherever it begins");
	for (size_t i = 0; i + 1 < 6000; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	found(&out, "a", NULL, text, 6001);
	is_str(buf_text(&out), "a|", "also where characters have two bytes");
	memset(text, 'a', 3 << 20);
	found(&out, "(a+)+$", NULL, text, 3000);
	text[2999] = 'b';
	found(&out, "(a+)+$", NULL, text, 3000);
	is_str(buf_text(&out), "limit", "a pattern that tries everything hits a limit");
	text[2999] = 'a';
	found(&out, "\\w{1,60}?\\w{1,60}?[+-]\\d", NULL, text, 3 << 20);
	is_str(buf_text(&out), "limit", "so does one that takes little at each of many places");
	free(text);
	buf_release(&out);
}

static void test_faults(void)
{
	static const char *const bad[] = { "(", "[a", "a{2,1}", "*", "\\C", "(?<=a+)b", "\xff" };
	struct err e;
	char *long_one = xcalloc(1, PATTERN_MAX + 2);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pattern *p;

		err_clear(&e);
		p = pattern_new(bad[i], &e);
		ok(!p && e.code == ERR_SYNTAX && strstr(e.text, ", at offset "), "a broken pattern is refused, with the place");
		pattern_free(p);
	}
	memset(long_one, 'a', PATTERN_MAX + 1);
	ok(!pattern_new(long_one, NULL), "so is one that is too long");
	free(long_one);
}

int main(void)
{
	test_find();
	test_long();
	test_faults();
	return done();
}
