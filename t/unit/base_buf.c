/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: the ceiling, and that the two escapings let nothing out. */
#include "config.h"

#include "base/buf.h"

#include "tap.h"

static void ceiling(void)
{
	struct buf b;

	buf_init(&b, 5);
	is_str(buf_text(&b), "", "an unused buffer is an empty text");
	ok(buf_str(&b, "12345"), "content up to the ceiling is taken");
	ok(!buf_char(&b, '6'), "one byte past it is refused");
	ok(b.over && b.len == 5, "an append that is refused changes nothing but over");
	ok(!buf_add(&b, "", 0), "after that every append fails");
	buf_clear(&b);
	ok(buf_printf(&b, "%d", 42) && !b.over, "a cleared buffer starts again");
	ok(!buf_printf(&b, "%d", 4200), "a format past the ceiling is refused");
	is_str(buf_text(&b), "42", "and leaves what was there");
	buf_release(&b);
	ok(buf_str(&b, "again"), "a released buffer may be used again");
	buf_release(&b);
	buf_init(&b, 0);
	ok(!buf_char(&b, 'x') && buf_str(&b, "") == false, "a buffer of no bytes takes none");
	buf_release(&b);
}

static void growth(void)
{
	struct buf b;
	bool same = true;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_char(&b, (char)('a' + i % 26));
	for (int i = 0; i < 100000; i++)
		same = same && b.data[i] == 'a' + i % 26;
	ok(same && b.len == 100000 && b.data[b.len] == '\0', "content survives growth");
	buf_drop(&b, 99999);
	is_str(buf_text(&b), "d", "dropping from the front leaves the rest");
	buf_drop(&b, 7);
	is_str(buf_text(&b), "", "dropping more than there is empties");
	buf_release(&b);
	buf_init(&b, SIZE_MAX);
	ok(buf_str(&b, "x") && b.cap > 1, "a ceiling of all that there may be is one as well");
	buf_release(&b);
}

static const struct {
	const char *text;
	size_t n;
	const char *json, *name;
} json[] = {
	{ "plain", 5, "\"plain\"", "plain text is quoted" },
	{ "a\"b\\c", 5, "\"a\\\"b\\\\c\"", "quote and backslash are escaped" },
	{ "\n\r\t", 3, "\"\\n\\u000d\\u0009\"", "controls are escaped" },
	{ "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"", "NUL and DEL are escaped" },
	{ "gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\"", "UTF-8 passes" },
	{ "\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"", "bytes that are no UTF-8 are replaced" },
	{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "a surrogate is replaced" },
	{ "", 0, "\"\"", "nothing is an empty string" },
};

static const int64_t numbers[] = { 0, 7, -7, 10, 99, 100, -100, 999, 1000, 9999, 10000, 99999999, 100000000, -100000000, INT64_MAX,
	INT64_MIN, INT64_MIN + 1 };

/* A format that does not fit what is there at first. */
static void formats(void)
{
	struct buf b;

	buf_init(&b, 400);
	ok(buf_printf(&b, "%200d|", 1) && buf_printf(&b, "%54d", 2) && b.len == 255, "formats up to the first memory's end");
	ok(buf_printf(&b, "%s", "x") && b.len == 256 && b.data[200] == '|' && !strcmp(b.data + 254, "2x"), "and past it");
	ok(!buf_printf(&b, "%200d", 3) && b.over && b.len == 256 && !b.data[256], "what passes the ceiling leaves nothing");
	buf_release(&b);
}

/* Each byte of ASCII at each place of a text, among letters: it is written as it is by itself. */
static void test_places(void)
{
	struct buf b, alone, want;
	int wrong = 0;

	for (int c = 0; c < 128; c++)
		for (size_t at = 0; at < 20; at++) {
			char text[] = "abcdefghijklmnopqrst", one = (char)c;

			buf_init(&b, 1000);
			buf_init(&alone, 1000);
			buf_init(&want, 1000);
			buf_str(&b, "something that was there, so that there is room for more of it");
			buf_clear(&b);
			text[at] = one;
			buf_json_n(&b, text, 20);
			buf_json_n(&alone, &one, 1);
			buf_printf(&want, "\"%.*s%.*s%s\"", (int)at, text, (int)alone.len - 2, buf_text(&alone) + 1, text + at + 1);
			wrong += strcmp(buf_text(&b), buf_text(&want)) != 0;
			buf_release(&b);
			buf_release(&alone);
			buf_release(&want);
		}
	is_int(wrong, 0, "a byte is written as it is by itself, wherever it stands");
}

/* A name and its value in one step, at each ceiling, for texts of all lengths: what two steps write. */
static void test_behind(void)
{
	static const char first[] = ",\"name\":", text[] = "abcdefgh\"ijklmnopqrs\xc3\xbctuv";
	int wrong = 0;

	for (size_t max = 0; max < 60; max++)
		for (size_t from = 0; from < sizeof(text) - 1; from++)
			for (size_t n = 0; n < sizeof(text) - from; n++) {
				struct buf b, want;

				buf_init(&b, max);
				buf_init(&want, max);
				buf_str(&b, "x");
				buf_str(&want, "x");
				wrong += buf_json_behind(&b, first, sizeof(first) - 1, text + from, n) !=
				    (buf_str(&want, first) && buf_json_n(&want, text + from, n));
				wrong += b.over != want.over || (!b.over && strcmp(buf_text(&b), buf_text(&want)) != 0);
				buf_release(&b);
				buf_release(&want);
			}
	is_int(wrong, 0, "a name and a text in one step are what they are in two");
	wrong = 0;
	for (size_t max = 0; max < 60; max++)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			struct buf b, want;

			buf_init(&b, max);
			buf_init(&want, max);
			buf_str(&b, "x");
			buf_str(&want, "x");
			wrong += buf_int_behind(&b, first, sizeof(first) - 1, numbers[i]) != (buf_str(&want, first) && buf_int(&want, numbers[i]));
			wrong += b.over != want.over || strcmp(buf_text(&b), buf_text(&want)) != 0;
			buf_release(&b);
			buf_release(&want);
		}
	is_int(wrong, 0, "so are a name and a number");
}

int main(void)
{
	struct buf b;

	ceiling();
	growth();
	formats();
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(json) / sizeof(*json); i++) {
		buf_clear(&b);
		buf_json_n(&b, json[i].text, json[i].n);
		is_str(buf_text(&b), json[i].json, json[i].name);
	}
	buf_clear(&b);
	buf_json(&b, NULL);
	is_str(buf_text(&b), "null", "no text is JSON null");
	buf_clear(&b);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		char want[32];

		snprintf(want, sizeof(want), "%lld", (long long)numbers[i]);
		buf_clear(&b);
		ok(buf_int(&b, numbers[i]), "a number fits");
		is_str(buf_text(&b), want, "a number as printf writes it");
	}
	buf_clear(&b);
	buf_html(&b, "<a href='x' title=\"y\">&amp;</a>");
	is_str(buf_text(&b), "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;amp;&lt;/a&gt;",
	    "HTML's five characters are escaped");
	buf_release(&b);
	test_places();
	test_behind();
	return done();
}
