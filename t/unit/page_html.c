/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text, cleaned for display. */
#include "config.h"

#include "page/html.h"

#include "tap.h"

#define ELLIPSIS "\xe2\x80\xa6"

int main(void)
{
	static const struct {
		const char *text;
		size_t max;
		const char *want, *name;
	} rows[] = {
		{ "Claude", 20, "Claude", "a plain name stays" },
		{ "<script>alert(1)</script>", 40, "<script>alert(1)</script>",
		    "markup stays: escaping is not its part" },
		{ "  a \t\n b  ", 20, "a b", "blanks fold, and vanish at the ends" },
		{ "a\xc2\xa0\xe3\x80\x80\xe2\x80\xa9"
		  "b",
		    20, "a b", "and so do blanks of other kinds" },
		{ "abcdef", 6, "abcdef", "a text that just fits stays whole" },
		{ "abcdefg", 6, "abcdef" ELLIPSIS, "one character more, and it is cut" },
		{ "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", 2, "\xd7\xa9\xd7\x9c" ELLIPSIS,
		    "cutting counts characters, not bytes" },
		{ "abcdef   ", 6, "abcdef", "trailing blanks do not count" },
		{ "good\xe2\x80\xae"
		  "evil",
		    20, "goodevil", "a right-to-left override is dropped" },
		{ "\xe2\x81\xa6"
		  "a\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c",
		    20, "a", "and so are isolates and marks" },
		{ "a\xe2\x80\x8b\xef\xbb\xbf\xc2\xad\xe2\x81\xa0"
		  "b",
		    20, "ab", "what has no width is dropped" },
		{ "a\x01\x1b[31m\x7f\xc2\x9b", 20, "a[31m", "controls are dropped" },
		{ "\xf3\xa0\x81\xa1"
		  "a",
		    20, "a", "tag characters are dropped" },
		{ "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 20, "a\xcc\x81\xcc\x81\xcc\x81",
		    "a heap of accents keeps three" },
		{ "\xcc\x81"
		  "a",
		    20, "a", "an accent upon nothing is dropped" },
		{ "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae", 20,
		    "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae", "Persian keeps its joiners" },
		{ "a\xff"
		  "b\xc0\xaf",
		    20,
		    "a\xef\xbf\xbd"
		    "b\xef\xbf\xbd\xef\xbf\xbd",
		    "what is not UTF-8 shows that it is not" },
		{ "", 20, NULL, "nothing is no name" },
		{ " \xe2\x80\x8b\xe3\x85\xa4\xe2\xa0\x80 ", 20, NULL,
		    "what cannot be seen is no name" },
		{ "\xe2\x80\x8d\xe2\x80\x8d", 20, NULL, "joiners alone are no name" },
		{ NULL, 20, NULL, "NULL is no name" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(html_clean(a, rows[i].text, rows[i].max), rows[i].want, rows[i].name);
	is_str(html_sentence(a, "code has expired"), "Code has expired.",
	    "an error's text becomes a sentence");
	is_str(html_sentence(a, "Who are you?"), "Who are you?", "a sentence stays one");
	is_str(html_sentence(a, ""), "", "nothing stays nothing");
	arena_free(a);
	return done();
}
