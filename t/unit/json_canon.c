/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling for each value: what means the same becomes the same, and nothing else does. */
#include "config.h"

#include "tap.h"

#include "json/canon.h"

static const char *canon(struct arena *a, const char *text)
{
	const struct scan_limits limits = scan_limits_of(65536);
	const char *result;
	struct buf b;

	if (!scan_check(text, strlen(text), &limits, NULL))
		return "refused";
	buf_init(&b, 65536);
	canon_write(&b, a, scan_value(text, strlen(text)));
	result = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return result;
}

int main(void)
{
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ " { \"b\" : 1 ,\n\"a\" : [ true , null ] } ", "{\"a\":[true,null],\"b\":1}", "blanks go, members are in order" },
		{ "{\"a\":1,\"B\":2,\"aa\":3,\"\":4}", "{\"\":4,\"B\":2,\"a\":1,\"aa\":3}", "... of their bytes, the shorter first" },
		{ "{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"f\":1,\"e\":2}]}", "{\"a\":[{\"e\":2,\"f\":1}],\"b\":{\"c\":2,\"d\":1}}", "... at every depth" },
		{ "[2,1]", "[2,1]", "the order of an array stays" },
		{ "{\"\\u0061\":\"\\u0062\\/\"}", "{\"a\":\"b/\"}", "what needs no escape has none" },
		{ "\"\\u000a\\t\\u001F\\\"\\\\\"", "\"\\n\\u0009\\u001f\\\"\\\\\"", "what needs one has one and the same" },
		{ "\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "characters are written as such" },
		{ "[1.0,1,1e0,-0,0]", "[1.0,1,1e0,-0,0]", "numbers keep their spelling" },
		{ "\"a\\u0000b\"", "\"a\\u0000b\"", "a text with U+0000 keeps its spelling" },
		{ "{\"a\":{},\"b\":[],\"c\":\"\"}", "{\"a\":{},\"b\":[],\"c\":\"\"}", "what is empty stays" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_str(canon(a, cases[i].text), cases[i].want, cases[i].name);
		is_str(canon(a, cases[i].want), cases[i].want, "... and is its own canonical form");
	}
	arena_free(a);
	return done();
}
