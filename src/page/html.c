/* SPDX-License-Identifier: Apache-2.0 */
/* Cleaning foreign text for display. */
#include "config.h"

#include "page/html.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

enum { MARKS_MAX = 3 };

struct range {
	uint32_t from, to;
};

/* Blanks: they fold into one. */
static const struct range blanks[] = {
	{ 0x09, 0x0d },
	{ 0x20, 0x20 },
	{ 0x85, 0x85 },
	{ 0xa0, 0xa0 },
	{ 0x1680, 0x1680 },
	{ 0x2000, 0x200a },
	{ 0x2028, 0x2029 },
	{ 0x202f, 0x202f },
	{ 0x205f, 0x205f },
	{ 0x2800, 0x2800 }, /* a Braille cell without dots */
	{ 0x3000, 0x3000 },
};

/*
 * What has no shape of its own and can hide, reorder or imitate text. U+200C and U+200D stay:
 * Persian, Indic scripts and emoji need them, and inside a line they reorder nothing.
 */
static const struct range dropped[] = {
	{ 0x00, 0x1f }, { 0x7f, 0x9f }, /* controls */
	{ 0xad, 0xad },                 /* soft hyphen */
	{ 0x034f, 0x034f },             /* grapheme joiner */
	{ 0x061c, 0x061c },             /* bidirectional controls: this, 200e-f, 202a-e, 2066-9 */
	{ 0x115f, 0x1160 },             /* Hangul fillers: this, 3164, ffa0 */
	{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200b }, { 0x200e, 0x200f },
	{ 0x202a, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
	{ 0xe000, 0xf8ff }, /* private use: whatever the font makes of it */
	{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
	{ 0xe0000, 0x10ffff }, /* tags, selectors, private use */
};

static const struct range marks[] = {
	{ 0x0300, 0x036f },
	{ 0x0483, 0x0489 },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20ff },
	{ 0xfe20, 0xfe2f },
};

static bool in(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}
#define IN(c, table) in(c, table, sizeof(table) / sizeof((table)[0]))

static bool is_joiner(uint32_t c)
{
	return c == 0x200c || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f);
}

struct cleaner {
	struct buf out;
	size_t chars, max;
	unsigned marks;
	bool blank_due; /* written before the next character, so never at an end */
	bool visible;
};

/* False when the room is used up. */
static bool put(struct cleaner *k, uint32_t c)
{
	char bytes[4];

	if (k->chars >= k->max)
		return false;
	buf_add(&k->out, bytes, utf8_encode(bytes, c));
	k->chars++;
	return true;
}

static bool clean_one(struct cleaner *k, uint32_t c)
{
	if (IN(c, blanks)) {
		k->blank_due = k->chars > 0;
		return true;
	}
	if (IN(c, dropped))
		return true;
	if (IN(c, marks) || is_joiner(c)) {
		if (!k->chars || k->blank_due || ++k->marks > MARKS_MAX)
			return true;
	} else {
		k->marks = 0;
		k->visible = true;
	}
	if (k->blank_due && !put(k, ' '))
		return false;
	k->blank_due = false;
	return put(k, c);
}

char *html_clean(struct arena *a, const char *text, size_t max)
{
	struct cleaner k = { .max = max };
	const char *end;
	bool room = true;
	char *result;

	if (!text)
		return NULL;
	buf_init(&k.out, max * 4 + 4);
	for (end = text + strlen(text); room && text < end;) {
		size_t n = utf8_length(text, (size_t)(end - text));

		room = clean_one(&k, n ? utf8_decode(text, &n) : 0xfffd);
		text += n ? n : 1;
	}
	if (!room)
		buf_str(&k.out, "\xe2\x80\xa6");
	result = k.visible ? arena_strdup(a, buf_text(&k.out)) : NULL;
	buf_release(&k.out);
	return result;
}

char *html_sentence(struct arena *a, const char *text)
{
	bool ends = !*text || strchr(".!?", text[strlen(text) - 1]);
	char *s = arena_printf(a, "%s%s", text, ends ? "" : ".");

	if (*s >= 'a' && *s <= 'z')
		*s = (char)(*s - 'a' + 'A');
	return s;
}
