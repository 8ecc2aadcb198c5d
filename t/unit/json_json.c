/* SPDX-License-Identifier: Apache-2.0 */
/* json-c's trees: parsing through the gate, getters and their fallbacks, writing. */
#include "config.h"

#include "json/json.h"

#include "tap.h"

static struct json_object *parse(struct arena *a, const char *text)
{
	struct scan_limits limits = scan_limits_of(1 << 16);

	return json_parse(a, text, strlen(text), &limits, NULL);
}

static enum err_code why(const char *text, size_t n, const struct scan_limits *limits)
{
	struct arena *a = arena_new();
	struct err e = { .code = ERR_NONE };

	json_parse(a, text, n, limits, &e);
	arena_free(a);
	return e.code;
}

static void refusals(void)
{
	struct scan_limits l = { .bytes = 40, .depth = 3, .members = 10 };

	is_int(why("{}", 2, &l), ERR_NONE, "a text within its limits is parsed");
	is_int(why("{\"a\":1,\"a\":2}", 13, &l), ERR_SYNTAX, "json-c alone would keep the last of two");
	is_int(why("{\"a\\u0000b\":1}", 14, &l), ERR_SYNTAX, "json-c alone would cut the name");
	is_int(why("[99999999999999999999]", 22, &l), ERR_SYNTAX, "json-c alone would clamp it");
	is_int(why("null", 4, &l), ERR_SYNTAX, "null is no document");
	is_int(why(" null ", 6, &l), ERR_SYNTAX, "with blanks neither");
	is_int(why("[[[1]]]", 7, &l), ERR_NONE, "as deep as allowed");
	is_int(why("[[[[1]]]]", 9, &l), ERR_LIMIT, "one deeper is refused");
	is_int(why("12", 2, &l), ERR_NONE, "a number at the very end is parsed");
	is_int(why("{} \n", 4, &l), ERR_NONE, "blanks at the end do not matter");
	l.depth = 256;
	l.bytes = l.members = 1000;
	{
		char deep[600];

		memset(deep, '[', 256);
		memset(deep + 256, ']', 256);
		is_int(why(deep, 512, &l), ERR_NONE, "json-c is told the depth that the gate allows");
	}
}

static void getters(struct arena *a)
{
	struct json_object *o = parse(a,
	    "{\"s\":\"x\",\"n\":-5,\"big\":18446744073709551615,\"f\":1.5,\"t\":true,\"z\":null,"
	    "\"nul\":\"a\\u0000b\",\"o\":{\"s\":\"in\"},\"num\":\"7\"}");

	is_str(json_get_string(o, "s"), "x", "a string");
	ok(!json_get_string(o, "n") && !json_get_string(o, "none") && !json_get_string(o, "z"),
	    "a number, nothing and null are no strings");
	ok(!json_get_string(o, "nul"), "a string with a NUL inside is none");
	is_int(json_get_int(o, "n", 1), -5, "an integer");
	is_int(json_get_int(o, "big", 1), 1, "an integer past int64 is not clamped");
	is_int(json_get_int(o, "f", 1), 1, "a fraction is no integer");
	is_int(json_get_int(o, "num", 1), 1, "a string of digits is no integer");
	is_int(json_get_int(o, "t", 1), 1, "true is no integer");
	ok(json_get_bool(o, "t", false) && !json_get_bool(o, "n", false) && json_get_bool(o, "z", true),
	    "only a boolean is one");
	is_str(json_get_string(json_get(o, "o"), "s"), "in", "an object inside");
	ok(!json_get(json_get(o, "s"), "s") && !json_get(NULL, "s"), "only objects have members");
}

static void writing(struct arena *a)
{
	struct json_object *o = json_new_object(a), *list = json_new_array(a);

	json_add_string(o, "url", "https://h/\"x\"\n");
	json_add_string(o, "none", NULL);
	json_add_int(o, "n", INT64_MIN);
	json_add_bool(o, "b", false);
	json_add_string(list, NULL, "one");
	json_add_int(list, NULL, 2);
	json_add_bool(list, NULL, true);
	json_add_string(list, NULL, NULL);
	json_add(o, "list", list);
	json_add(o, "again", list);
	is_str(json_text(a, o),
	    "{\"url\":\"https://h/\\\"x\\\"\\n\",\"n\":-9223372036854775808,\"b\":false,"
	    "\"list\":[\"one\",2,true],\"again\":[\"one\",2,true]}",
	    "a tree as text: slashes plain, NULL strings left out, an object shared");
	is_str(json_text(a, parse(a, "{\"a\":1.10,\"b\":1e5, \"c\":\"\xc3\xa9\"}")),
	    "{\"a\":1.10,\"b\":1e5,\"c\":\"\xc3\xa9\"}", "numbers keep their spelling");
}

static const struct {
	const char *text, *blanked, *name;
} jsonc[] = {
	{ "{}", "{}", "plain JSON stays" },
	{ "{}//c", "{}   ", "a comment at the end" },
	{ "//c\n{}", "   \n{}", "a line comment leaves its newline" },
	{ "//c\r{}", "   \r{}", "a carriage return ends a line, too" },
	{ "/*c*/{}", "     {}", "a block comment" },
	{ "/*a\nb*/{}", "   \n   {}", "a block comment leaves its newlines" },
	{ "/***/{}", "     {}", "stars in a comment" },
	{ "/*/ */1", "      1", "a slash behind the opening does not close" },
	{ "/*a*/*/1", "     */1", "comments do not nest" },
	{ "[1,]", "[1 ]", "a trailing comma in an array" },
	{ "{\"a\":1,}", "{\"a\":1 }", "a trailing comma in an object" },
	{ "[1, /*c*/ //d\n]", "[1           \n]", "a trailing comma before comments" },
	{ "[[1,],]", "[[1 ] ]", "two trailing commas" },
	{ "[{},]", "[{} ]", "a trailing comma behind an object" },
	{ "[\"a\",]", "[\"a\" ]", "a trailing comma behind a string" },
	{ "[1,,]", "[1,,]", "two commas stay, for the gate to refuse" },
	{ "[,]", "[,]", "a comma without a value stays" },
	{ "{\"a\":,}", "{\"a\":,}", "a comma behind a colon stays" },
	{ ",]", ",]", "a comma at the start stays" },
	{ "[1,2]", "[1,2]", "a comma between stays" },
	{ "[\"//x\",\"/*y*/\"]", "[\"//x\",\"/*y*/\"]", "strings are left alone" },
	{ "[\"\\\"//x\"]", "[\"\\\"//x\"]", "an escaped quote does not end a string" },
	{ "[\"\\\\\"//x\n]", "[\"\\\\\"   \n]", "an escaped backslash does" },
	{ "[\",]\"]", "[\",]\"]", "a comma in a string is left alone" },
	{ "{\"u\":\"https://h\"}", "{\"u\":\"https://h\"}", "a URL is no comment" },
	{ "[1/2]", "[1/2]", "a slash alone stays" },
	{ "1/", "1/", "a slash at the end stays" },
	{ "\"open //", "\"open //", "an open string stays" },
	{ "\"open\\", "\"open\\", "a backslash at the end stays" },
	{ "/*open", NULL, "an open comment is refused" },
	{ "/*", NULL, "an open comment without text is refused" },
	{ "/*/", NULL, "one slash does not open and close" },
	{ "1/*open*", NULL, "a comment open but for a slash is refused" },
	{ "", "", "nothing stays nothing" },
};

static void blanking(struct arena *a)
{
	for (size_t i = 0; i < sizeof(jsonc) / sizeof(*jsonc); i++) {
		struct err e = { .code = ERR_NONE };
		const char *got = jsonc_blank(a, jsonc[i].text, strlen(jsonc[i].text), &e);

		is_str(got, jsonc[i].blanked, jsonc[i].name);
		if (!got)
			is_int(e.code, ERR_SYNTAX, "and says so");
	}
	is_str(json_get_string(parse(a, jsonc_blank(a, "{ // c\n \"a\": \"b\", }", 20, NULL)), "a"), "b",
	    "what is blanked parses");
}

int main(void)
{
	struct arena *a = arena_new();

	refusals();
	getters(a);
	writing(a);
	blanking(a);
	arena_free(a);
	return done();
}
