/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign names on pages: whatever they hold, one clean line comes out, and cleaning it again
 * changes nothing.
 */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "page/html.h"

#include <string.h>

enum { MAX = 24 };

static void check(const char *s)
{
	size_t chars = 0;

	must(utf8_is_valid(s, strlen(s)) && *s && *s != ' ' && s[strlen(s) - 1] != ' ');
	while (*s) {
		size_t n;
		uint32_t c = utf8_decode(s, &n);

		must(c >= 0x20 && (c < 0x7f || c > 0x9f));
		must(!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
		     c != 0x200e && c != 0x200f);
		must(!(c == ' ' && s[1] == ' '));
		chars++;
		s += n;
	}
	must(chars <= MAX + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)bytes, n), *clean = html_clean(a, text, MAX);
	struct buf out;

	if (clean) {
		check(clean);
		must(!strcmp(html_clean(a, clean, MAX), clean));
	}
	/* as templates write it: nothing that could begin a tag or end an attribute is left */
	buf_init(&out, n * 6 + 1);
	must(buf_html(&out, text));
	must(!strpbrk(buf_text(&out), "<>\"'"));
	buf_release(&out);
	arena_free(a);
	return 0;
}
