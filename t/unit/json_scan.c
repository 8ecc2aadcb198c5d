/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: what it lets through and what not, in rows; its limits; its time; the spans behind it. */
#include "config.h"

#include "json/scan.h"

#include "base/buf.h"
#include "same_json.h"
#include "tap.h"

#define T(text) text, sizeof(text) - 1

enum verdict {
	NO,      /* refused */
	YES,     /* accepted, and json-c reads the same */
	YES_ONLY /* accepted; json_parse() refuses it: null, or what json-c misreads */
};

static const struct {
	const char *text;
	size_t n;
	enum verdict verdict;
	const char *name;
} rows[] = {
	/* values */
	{ T("{}"), YES, "an empty object" },
	{ T("[]"), YES, "an empty array" },
	{ T("\"\""), YES, "an empty string alone" },
	{ T("0"), YES, "a number alone" },
	{ T("true"), YES, "true alone" },
	{ T("false"), YES, "false alone" },
	{ T("null"), YES_ONLY, "null alone" },
	{ T(" \t\r\n[1]\n\r\t "), YES, "blanks around a value" },
	{ T("[ 1 , 2\n,\t3 ]"), YES, "blanks between elements" },
	{ T("{ \"a\" : 1 , \"b\" : 2 }"), YES, "blanks between members" },
	{ T("[null,true,false,0,\"\",{},[]]"), YES, "every kind in an array" },
	{ T("{\"a\":null,\"b\":true,\"c\":{\"a\":[]}}"), YES, "the same name at two depths" },
	{ T("[{\"a\":1},{\"a\":1}]"), YES, "the same name in two objects" },
	{ T("{\"\":0}"), YES, "an empty name" },
	{ T("{\"a\":{},\"A\":{}}"), YES, "names that differ in case" },
	{ T("[[[[[[[[]]]]]]]]"), YES, "eight arrays" },
	{ T("{\"__proto__\":{\"toString\":1}}"), YES, "names that are special elsewhere" },
	/* what is no value */
	{ T(""), NO, "nothing" },
	{ T(" "), NO, "a blank" },
	{ T("\0"), NO, "a NUL" },
	{ T("nul"), NO, "a word cut short" },
	{ T("nulL"), NO, "a word in another case" },
	{ T("True"), NO, "a capital word" },
	{ T("truefalse"), NO, "two words" },
	{ T("nullx"), NO, "a word too long" },
	{ T("NaN"), NO, "NaN" },
	{ T("-NaN"), NO, "-NaN" },
	{ T("Infinity"), NO, "Infinity" },
	{ T("-Infinity"), NO, "-Infinity" },
	{ T("undefined"), NO, "undefined" },
	{ T("'a'"), NO, "single quotes" },
	{ T("a"), NO, "a bare letter" },
	{ T("\xc3\xa9"), NO, "a letter past ASCII outside of strings" },
	{ T("\xef\xbb\xbf{}"), NO, "a byte order mark" },
	{ T("\xff\xfe{\0}\0"), NO, "UTF-16" },
	{ T("\xc2\xa0[]"), NO, "a no-break space is no blank" },
	{ T("\f[]"), NO, "a form feed is no blank" },
	{ T("\v[]"), NO, "a vertical tab is no blank" },
	{ T("[]\0"), NO, "a NUL behind the value" },
	{ T("[] []"), NO, "two values" },
	{ T("{} x"), NO, "bytes behind the value" },
	{ T("[]]"), NO, "a bracket too many" },
	{ T("{}}"), NO, "a brace too many" },
	{ T("1 2"), NO, "two numbers" },
	{ T("/*c*/[]"), NO, "a comment before" },
	{ T("[]//c"), NO, "a comment behind" },
	/* arrays */
	{ T("["), NO, "an open array" },
	{ T("[1"), NO, "an array open behind an element" },
	{ T("[1,"), NO, "an array open behind a comma" },
	{ T("[1,]"), NO, "a trailing comma" },
	{ T("[,1]"), NO, "a leading comma" },
	{ T("[,]"), NO, "a comma alone" },
	{ T("[1,,2]"), NO, "two commas" },
	{ T("[1 2]"), NO, "a missing comma" },
	{ T("[1}"), NO, "an array closed by a brace" },
	{ T("[\"a\":1]"), NO, "a member in an array" },
	{ T("]"), NO, "a closing bracket alone" },
	{ T("[[]"), NO, "one of two arrays open" },
	{ T("[1;2]"), NO, "a semicolon" },
	/* objects */
	{ T("{"), NO, "an open object" },
	{ T("{\"a\""), NO, "an object open behind a name" },
	{ T("{\"a\":"), NO, "an object open behind a colon" },
	{ T("{\"a\":1"), NO, "an object open behind a value" },
	{ T("{\"a\":1,"), NO, "an object open behind a comma" },
	{ T("{\"a\":1,}"), NO, "a trailing comma in an object" },
	{ T("{,\"a\":1}"), NO, "a leading comma in an object" },
	{ T("{\"a\":1,,\"b\":2}"), NO, "two commas in an object" },
	{ T("{\"a\":1 \"b\":2}"), NO, "a missing comma in an object" },
	{ T("{\"a\"}"), NO, "a name alone" },
	{ T("{\"a\" 1}"), NO, "a missing colon" },
	{ T("{\"a\"::1}"), NO, "two colons" },
	{ T("{\"a\":}"), NO, "a missing value" },
	{ T("{:1}"), NO, "a missing name" },
	{ T("{a:1}"), NO, "a bare name" },
	{ T("{1:1}"), NO, "a number as name" },
	{ T("{null:1}"), NO, "a word as name" },
	{ T("{'a':1}"), NO, "a name in single quotes" },
	{ T("{[]:1}"), NO, "an array as name" },
	{ T("{\"a\":1]"), NO, "an object closed by a bracket" },
	{ T("{\"a\":1/**/}"), NO, "a comment in an object" },
	{ T("{\"a\"=1}"), NO, "an equals sign" },
	/* names twice */
	{ T("{\"a\":1,\"a\":1}"), NO, "a name twice" },
	{ T("{\"a\":1,\"b\":2,\"a\":3}"), NO, "a name twice, one between" },
	{ T("{\"\":1,\"\":2}"), NO, "the empty name twice" },
	{ T("{\"a\":1,\"\\u0061\":2}"), NO, "a name twice, once escaped" },
	{ T("{\"\\u0061\":1,\"\\u0061\":2}"), NO, "a name twice, both escaped" },
	{ T("{\"/\":1,\"\\/\":2}"), NO, "a slash twice, once escaped" },
	{ T("{\"\\n\":1,\"\\u000a\":2}"), NO, "a newline twice, escaped in two ways" },
	{ T("{\"\\u000A\":1,\"\\u000a\":2}"), NO, "an escape in two cases" },
	{ T("{\"\xc3\xa9\":1,\"\\u00e9\":2}"), NO, "a letter twice, once escaped" },
	{ T("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"), NO, "a pair of surrogates twice" },
	{ T("{\"x\":{\"a\":1,\"a\":2}}"), NO, "a name twice, deeper" },
	{ T("[{\"a\":1},{\"b\":1,\"b\":2}]"), NO, "a name twice, later" },
	{ T("{\"a\":{\"b\":1},\"a\":2}"), NO, "a name twice, around an object" },
	{ T("{\"e\xcc\x81\":1,\"\xc3\xa9\":2}"), YES, "names equal only when normalised" },
	{ T("{\"a\":1,\"a \":2}"), YES, "names that differ in a blank" },
	{ T("{\"ab\":1,\"a\":2,\"abc\":3}"), YES, "names that begin alike" },
	{ T("{\"\\\\u0061\":1,\"a\":2}"), YES, "an escaped backslash begins no escape" },
	/* NUL */
	{ T("{\"a\\u0000\":1}"), NO, "an escaped NUL in a name" },
	{ T("{\"\\u0000\":1}"), NO, "a name that is a NUL" },
	{ T("{\"a\0b\":1}"), NO, "a raw NUL in a name" },
	{ T("[\"a\0b\"]"), NO, "a raw NUL in a string" },
	{ T("[\"a\\u0000b\"]"), YES, "an escaped NUL in a value" },
	/* strings */
	{ T("\""), NO, "a quote alone" },
	{ T("[\"a]"), NO, "an open string" },
	{ T("[\"\\\"]"), NO, "a string open behind an escaped quote" },
	{ T("[\"\\\\\"]"), YES, "an escaped backslash ends before the quote" },
	{ T("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), YES, "all short escapes" },
	{ T("[\"\\a\"]"), NO, "an unknown escape" },
	{ T("[\"\\'\"]"), NO, "an escaped single quote" },
	{ T("[\"\\0\"]"), NO, "an octal escape" },
	{ T("[\"\\x41\"]"), NO, "a hex escape" },
	{ T("[\"\\U0041\"]"), NO, "a capital U" },
	{ T("[\"\\\n\"]"), NO, "an escaped newline" },
	{ T("[\"\\"), NO, "a text that ends in a backslash" },
	{ T("[\"\\u"), NO, "a text that ends in an escape" },
	{ T("[\"\\u004"), NO, "a text that ends in an escape's digits" },
	{ T("[\"\\u004\"]"), NO, "an escape of three digits" },
	{ T("[\"\\u004g\"]"), NO, "an escape with a letter past f" },
	{ T("[\"\\u+041\"]"), NO, "an escape with a sign" },
	{ T("[\"\\u 041\"]"), NO, "an escape with a blank" },
	{ T("[\"\\u0041\\u00e9\\u20AC\"]"), YES, "escapes of one, two and three bytes" },
	{ T("[\"\\ud83d\\ude00\"]"), YES, "a pair of surrogates" },
	{ T("[\"\\uD83D\\uDE00\"]"), YES, "a pair of surrogates in capitals" },
	{ T("[\"\\ud800\\udc00\\udbff\\udfff\"]"), YES, "the first and the last pair" },
	{ T("[\"\\ud836\\ude06\"]"), YES_ONLY, "a pair that json-c takes for none" },
	{ T("[\"\\ud838\\udc06\"]"), YES, "a pair beside it" },
	{ T("[\"\xf0\x9d\xa8\x86\"]"), YES, "the same character unescaped" },
	{ T("[\"\\ud800\"]"), NO, "a high surrogate alone" },
	{ T("[\"\\udc00\"]"), NO, "a low surrogate alone" },
	{ T("[\"\\ude00\\ud83d\"]"), NO, "a pair in the wrong order" },
	{ T("[\"\\ud83dx\"]"), NO, "a high surrogate before a letter" },
	{ T("[\"\\ud83d\\n\"]"), NO, "a high surrogate before another escape" },
	{ T("[\"\\ud83d\\u0041\"]"), NO, "a high surrogate before an escaped letter" },
	{ T("[\"\\ud83d\\ud83d\\ude00\"]"), NO, "two high surrogates" },
	{ T("[\"\\ud83d\\ude0"), NO, "a text that ends in a pair" },
	{ T("{\"\\ud800\":1}"), NO, "a surrogate alone in a name" },
	{ T("[\"\t\"]"), NO, "a raw tab" },
	{ T("[\"\n\"]"), NO, "a raw newline" },
	{ T("[\"12345678\x1f\"]"), NO, "a raw control behind eight bytes" },
	{ T("[\"\x1f" "12345678\"]"), NO, "a raw control before eight bytes" },
	{ T("[\"\x7f\"]"), YES, "DEL" },
	{ T("[\"\xe2\x80\xa8\"]"), YES, "a line separator" },
	{ T("[\"\xef\xbf\xbf\"]"), YES, "a noncharacter" },
	{ T("[\"\xf4\x8f\xbf\xbf\"]"), YES, "the last character" },
	{ T("[\"\xef\xbb\xbf\"]"), YES, "a byte order mark inside a string" },
	{ T("[\"aaaaaaaa\xc3\xa9" "aaaaaaaa\xe2\x82\xac" "aaaaaaa\"]"), YES, "UTF-8 at odd places" },
	/* what is no UTF-8 */
	{ T("[\"\x80\"]"), NO, "a continuation byte alone" },
	{ T("[\"\xc0\x80\"]"), NO, "NUL spelled in two bytes" },
	{ T("[\"\xc0\xa2\"]"), NO, "a quote spelled in two bytes" },
	{ T("[\"\xe0\x80\xa2\"]"), NO, "a quote spelled in three bytes" },
	{ T("[\"\xc3\"]"), NO, "a character cut by the quote" },
	{ T("[\"\xed\xa0\xbd\xed\xb8\x80\"]"), NO, "surrogates in UTF-8" },
	{ T("[\"\xf4\x90\x80\x80\"]"), NO, "a character past the last" },
	{ T("[\"\xff\"]"), NO, "a byte that never occurs" },
	{ T("[\"12345678\xff\"]"), NO, "the same behind eight bytes" },
	{ T("{\"\xff\":1}"), NO, "a name that is no UTF-8" },
	{ T("[\"\xe2\x82"), NO, "a text that ends in a character" },
	/* numbers */
	{ T("[0,-0,1,-1,10,123456789]"), YES, "integers" },
	{ T("[0.0,-0.0,1.5,0.1e1]"), YES, "fractions" },
	{ T("[1e0,1E0,1e+5,1e-5,1.5E+10]"), YES, "exponents" },
	{ T("[9007199254740993]"), YES, "an integer past a double's precision" },
	{ T("[9223372036854775807,-9223372036854775808]"), YES, "the edges of 64 bits" },
	{ T("[18446744073709551615]"), YES, "the edge of 64 bits without a sign" },
	{ T("[18446744073709551616]"), YES_ONLY, "an integer past 64 bits" },
	{ T("[-9223372036854775809]"), YES_ONLY, "a negative integer past 64 bits" },
	{ T("[1e999]"), YES, "a number past every double" },
	{ T("[0.00000000000000000000000000000000000000000000001]"), YES, "a tiny number" },
	{ T("[-]"), NO, "a minus alone" },
	{ T("-"), NO, "a minus at the end" },
	{ T("[+1]"), NO, "a plus" },
	{ T("[--1]"), NO, "two signs" },
	{ T("[- 1]"), NO, "a blank behind the sign" },
	{ T("[01]"), NO, "a leading zero" },
	{ T("[-01]"), NO, "a leading zero behind a minus" },
	{ T("[00]"), NO, "two zeros" },
	{ T("[.5]"), NO, "a fraction without a whole" },
	{ T("[-.5]"), NO, "a negative fraction without a whole" },
	{ T("[1.]"), NO, "a point without digits" },
	{ T("1."), NO, "a point at the end" },
	{ T("[1.e5]"), NO, "a point before the exponent" },
	{ T("[1e]"), NO, "an exponent without digits" },
	{ T("[1e+]"), NO, "an exponent's sign without digits" },
	{ T("1e"), NO, "an exponent at the end" },
	{ T("[1e5.5]"), NO, "a fraction in the exponent" },
	{ T("[1.2.3]"), NO, "two points" },
	{ T("[0x10]"), NO, "hex" },
	{ T("[1_000]"), NO, "an underscore" },
	{ T("[1a]"), NO, "a letter behind a number" },
	{ T("[1\xc2\xa0]"), NO, "a no-break space behind a number" },
	{ T("[\xef\xbc\x91]"), NO, "a fullwidth digit" },
	{ T("{\"a\":-}"), NO, "a minus as member" },
};

static bool check(const char *text, size_t n, struct err *e)
{
	struct scan_limits limits = scan_limits_of(1 << 20);

	return scan_check(text, n, &limits, e);
}

/* In memory of exactly its size, so that a byte read past it is seen by a sanitizer. */
static bool check_exact(const char *text, size_t n, struct err *e)
{
	char *copy = xmalloc(n);
	bool good;

	if (n)
		memcpy(copy, text, n);
	good = check(copy, n, e);
	free(copy);
	return good;
}

static void verdicts(void)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	char name[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = { .code = ERR_NONE };
		struct arena *a = arena_new();
		bool good = check_exact(rows[i].text, rows[i].n, &e);

		snprintf(name, sizeof(name), "%s: %s", rows[i].name,
		    rows[i].verdict == NO ? "refused" : "accepted");
		ok(good == (rows[i].verdict != NO) && good == (e.code == ERR_NONE), name);
		if (rows[i].verdict == YES) {
			struct json_object *o =
			    json_parse(a, rows[i].text, rows[i].n, &limits, NULL);

			snprintf(name, sizeof(name), "%s: json-c reads the same", rows[i].name);
			ok(same_json(scan_value(rows[i].text, rows[i].n), o, a), name);
		} else {
			struct err why = { .code = ERR_NONE };

			snprintf(name, sizeof(name), "%s: json_parse refuses it", rows[i].name);
			ok(!json_parse(a, rows[i].text, rows[i].n, &limits, &why) &&
			        why.code == ERR_SYNTAX,
			    name);
		}
		arena_free(a);
	}
}

static void errors(void)
{
	struct err e = { .code = ERR_NONE };
	char text[400] = "{\"", *p = text + 2;

	check(T("[1,\n  x]"), &e);
	is_str(e.text, "a value is missing at byte 6", "an error says what and at which byte");
	err_clear(&e);
	check(T("{\"ab\":1, \"\\u0061b\":2}"), &e);
	is_str(e.text, "duplicate member \"\\u0061b\" at byte 9", "a duplicate is named as spelled");
	err_clear(&e);
	memset(p, 'n', 150);
	strncpy(p + 150, "\":1,\"", 6);
	memset(p + 155, 'n', 150);
	strncpy(p + 305, "\":1}", 5);
	check(text, strlen(text), &e);
	ok(strlen(e.text) < 110 && strstr(e.text, "duplicate"), "a long name is cut in the error");
	err_set(&e, ERR_IO, "", "");
	ok(!check(T("x"), &e) && e.code == ERR_SYNTAX && strstr(e.text, "duplicate"),
	    "an error that is there already stays");
	ok(!check(T("x"), NULL), "nobody needs to listen");
}

/* N times OPEN, then N times CLOSE. */
static void nest(struct buf *b, size_t n, const char *open, const char *close)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		buf_str(b, open);
	for (size_t i = 0; i < n; i++)
		buf_str(b, close);
}

static enum err_code why(const struct buf *b, const struct scan_limits *limits)
{
	struct err e = { .code = ERR_NONE };

	scan_check(buf_text(b), b->len, limits, &e);
	return e.code;
}

static void limits(struct buf *b)
{
	struct scan_limits l = scan_limits_of(1 << 20);

	nest(b, 32, "[", "]");
	is_int(why(b, &l), ERR_NONE, "32 arrays deep is accepted");
	nest(b, 33, "[", "]");
	is_int(why(b, &l), ERR_LIMIT, "33 arrays deep is refused");
	nest(b, 32, "{\"a\":", "}");
	is_int(why(b, &l), ERR_SYNTAX, "a missing value at the deepest place is seen");
	nest(b, 33, "{\"a\":[", "]}");
	is_int(why(b, &l), ERR_LIMIT, "objects count like arrays");
	nest(b, 100000, "[", "");
	is_int(why(b, &l), ERR_LIMIT, "100,000 opening brackets are refused");
	l.depth = 1000000;
	is_int(why(b, &l), ERR_LIMIT, "even where the caller would allow a million");
	l.depth = 0;
	buf_clear(b);
	buf_str(b, "\"scalar\"");
	is_int(why(b, &l), ERR_NONE, "a scalar has depth 0");

	l = (struct scan_limits){ .bytes = 10, .depth = 2, .members = 3 };
	buf_clear(b);
	buf_str(b, "[12345678]");
	is_int(why(b, &l), ERR_NONE, "a text of as many bytes as allowed");
	buf_char(b, ' ');
	is_int(why(b, &l), ERR_LIMIT, "one byte more is refused");
	buf_clear(b);
	buf_str(b, "[1,[1]]");
	is_int(why(b, &l), ERR_NONE, "as many members as allowed, arrays and all");
	buf_clear(b);
	buf_str(b, "[1,[1,2]]");
	is_int(why(b, &l), ERR_LIMIT, "one member more is refused");
}

/* An object of N members whose names are made by FMT. */
static void many(struct buf *b, int n, const char *fmt, const char *last)
{
	buf_clear(b);
	buf_char(b, '{');
	for (int i = 0; i < n; i++) {
		buf_printf(b, fmt, i);
		buf_str(b, ":0,");
	}
	buf_printf(b, "%s:0}", last);
}

static bool passes(const struct buf *b)
{
	struct scan_limits l = { .bytes = SIZE_MAX, .depth = 32, .members = 10000000 };

	return scan_check(buf_text(b), b->len, &l, NULL);
}

/* None of these would end in good time if it grew with the square of something. */
static void hostile(struct buf *b)
{
	bool told = true;

	many(b, 100000, "\"n%06d\"", "\"last\"");
	ok(passes(b), "100,000 names of one length are told apart");
	many(b, 100000, "\"n%06d\"", "\"n000000\"");
	ok(!passes(b), "the first of 100,000 again at the end is found");
	many(b, 100000, "\"\\u0061\\u0062%d\"", "\"ab0\"");
	ok(!passes(b), "as it is with every name escaped");
	many(b, 2000, "\"%0500d\"", "\"\"");
	ok(passes(b), "names that begin alike for 490 bytes");
	for (int n = 1; n <= 40; n++) {
		many(b, n, "\"k%d\"", "\"x\"");
		told = told && passes(b);
		many(b, n, "\"k%d\"", "\"\\u006b0\"");
		told = told && !passes(b);
	}
	ok(told, "objects of 1 to 40 members: equal names are found, others are not");
	buf_clear(b);
	buf_char(b, '"');
	for (int i = 0; i < 300000; i++)
		buf_str(b, "\\ud83d\\ude00");
	buf_char(b, '"');
	ok(passes(b), "3.6 MB of escapes");
	buf_clear(b);
	for (int i = 0; i < 3000000; i++)
		buf_char(b, ' ');
	buf_char(b, '1');
	ok(passes(b), "3 MB of blanks");
	buf_clear(b);
	buf_char(b, '[');
	for (int i = 0; i < 20000; i++)
		buf_printf(b, "%s{\"a\":{\"b\":{\"c\":[{\"d\":1}]}}}", i ? "," : "");
	buf_char(b, ']');
	ok(passes(b), "many small objects");
}

static const char *text_of(struct span s, struct arena *a)
{
	return s.p ? arena_strndup(a, s.p, s.n) : NULL;
}

static void test_folds(void)
{
	static const struct {
		const char *text, *name;
		bool want;
	} cases[] = {
		{ "\"tools\"", "a name folds to itself", true },
		{ "\"TooLs\"", "in any case", true },
		{ "\"t\\u004fols\"", "in escapes", true },
		{ "\"tool\xc5\xbf\"", "with a long s", true },
		{ "\"tool\\u017f\"", "in an escape, too", true },
		{ "\"tool\"", "a shorter name does not", false },
		{ "\"toolss\"", "nor a longer one", false },
		{ "\"tool\xc3\xa9\"", "nor one with another letter", false },
		{ "\"tool\xf0\x9f\x98\x80\"", "however long", false },
		{ "7", "nor what is no string", false },
	};
	struct span value;
	char out[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(scan_string_folds_to(scan_value(cases[i].text, strlen(cases[i].text)), "tools") == cases[i].want, cases[i].name);
	ok(scan_sole_member(scan_value("{\"a\":1,\"Key\":2}", 15), "tools", &value) && !value.p, "a member that is not there");
	ok(scan_sole_member(scan_value("{\"a\":1,\"key\":2}", 15), "key", &value) && *value.p == '2', "one that is");
	ok(!scan_sole_member(scan_value("{\"key\":1,\"Key\":2}", 17), "key", &value), "two, for some");
	ok(!scan_sole_member(scan_value("{\"Key\":2}", 9), "key", &value), "one, for some");
	ok(scan_sole_member(scan_value("7", 1), "key", &value) && !value.p, "what is no object has none");
	ok(scan_string_folds_to(scan_value("\"\xe2\x84\xaa" "ey\"", 7), "key"), "the Kelvin sign is a k");
	is_int(scan_decode(scan_value("\"a\\u0000\\n\"", 11), out), 3, "a NUL is decoded like others");
	is_mem(out, "a\0\n", 3, "... to itself");
	is_int(scan_decode(scan_value("7", 1), out), 0, "a number is no text");
}

static void lookup(void)
{
	static const char text[] = "{ \"a\" : [1, {\"x\":\"]}\"} , \"\\\"\"],\"\\u0062\":{\"c\":-1.5e3},"
				   "\"s\":\"h\\u00e9\\n\\ud83d\\ude00\",\"z\":\"a\\u0000b\",\"e\":{},\"t\":true }";
	struct span whole = { T(text) }, name, value;
	struct arena *a = arena_new();
	size_t pos = 0;
	char small[4];

	ok(check(text, sizeof(text) - 1, NULL), "the text of the lookups passes the gate");
	is_str(text_of(scan_member(whole, "a"), a), "[1, {\"x\":\"]}\"} , \"\\\"\"]",
	    "an array's span is exact, brackets inside of strings do not end it");
	is_str(text_of(scan_path(whole, "b", "c", NULL), a), "-1.5e3",
	    "a path finds a name however it is escaped");
	ok(!scan_path(whole, "b", "d", NULL).p && !scan_path(whole, "x", "c", NULL).p,
	    "a path that leads nowhere is absent");
	ok(!scan_path(whole, "t", "c", NULL).p && !scan_member(whole, "c").p,
	    "so is a member of a scalar, or of a deeper object");
	is_str(text_of(scan_path(whole, NULL), a), text, "an empty path is the value itself");
	is_str(scan_string(scan_member(whole, "s"), a), "h\xc3\xa9\n\xf0\x9f\x98\x80",
	    "escapes are decoded");
	ok(!scan_string(scan_member(whole, "z"), a), "a string with a NUL is no C string");
	ok(!scan_string_is(scan_member(whole, "z"), "a"), "and equals none that is cut there");
	ok(!scan_string(scan_member(whole, "e"), a) && !scan_string((struct span){ NULL, 0 }, a),
	    "what is no string has no text");
	ok(scan_string_is(scan_member(whole, "s"), "h\xc3\xa9\n\xf0\x9f\x98\x80") &&
	        !scan_string_is(scan_member(whole, "s"), "h\xc3\xa9\n") &&
	        !scan_string_is(scan_member(whole, "s"), "h\xc3\xa9\n\xf0\x9f\x98\x80x"),
	    "a string is compared decoded and whole");
	ok(scan_copy((struct span){ T("\"abc\"") }, small, 4) && !strcmp(small, "abc"),
	    "a string is copied where it fits");
	ok(!scan_copy((struct span){ T("\"abcd\"") }, small, 4) &&
	        !scan_copy((struct span){ T("\"ab\\u00e9\"") }, small, 4) && !scan_copy((struct span){ T("\"ab\xc3\xa9\"") }, small, 4),
	    "and not where it does not");
	ok(scan_copy((struct span){ T("\"a\\tb\"") }, small, 4) && !strcmp(small, "a\tb") &&
	        scan_copy((struct span){ T("\"\\n\xc3\xa9\"") }, small, 4) && !strcmp(small, "\n\xc3\xa9") &&
	        scan_copy((struct span){ T("\"\"") }, small, 1) && !*small,
	    "what stands beside escapes is copied as it is");
	is_int(scan_kind(scan_member(whole, "t")), 't', "a word has its letter as kind");
	is_int(scan_kind(scan_path(whole, "b", "c", NULL)), '0', "a negative number is a number");
	is_int(scan_kind(scan_member(whole, "q")), 0, "an absent value has no kind");
	value = scan_member(whole, "e");
	ok(!scan_next(value, &pos, &name, &value), "an empty object has no members");
	value = scan_member(whole, "a");
	for (pos = 0; scan_next(scan_member(whole, "a"), &pos, &name, &value);)
		;
	ok(!name.p && scan_string_is(value, "\""), "elements have no name, the last is reached");
	pos = 0;
	ok(!scan_next(scan_member(whole, "s"), &pos, &name, &value), "a string has no members");
	arena_free(a);
}

/* Whatever is cut off, lookups stay inside and end: the fuzzer does this with more texts. */
static void lookup_unchecked(void)
{
	static const char text[] = "{\"a\\u0041\":[1,\"\\\"\\ud83d\\ude00\",{\"b\":null}],\"c\":tru";
	struct arena *a = arena_new();
	bool ended = true;

	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = xmalloc(n);
		struct span s = { copy, n }, name, value;
		size_t pos = 0, rounds = 0;

		memcpy(copy, text, n);
		while (scan_next(s, &pos, &name, &value) && rounds++ < 100)
			scan_string(value, a);
		ended = ended && rounds < 100;
		scan_path(s, "c", "b", NULL);
		free(copy);
	}
	ok(ended, "lookups in a text that never passed the gate end and stay inside");
	arena_free(a);
}

/* Each length, each place, each kind of byte that ends plain text: in the middle of a block and behind the last whole one. */
static void plain_text(void)
{
	static const char stops[] = { '"', '\\', '\n', 0, 0x1f, (char)0x80, (char)0xff };
	char text[180];
	unsigned wrong = 0;

	for (size_t n = 0; n < sizeof(text); n++) {
		for (size_t at = 0; at <= n; at++) {
			for (size_t i = 0; i < sizeof(text); i++)
				text[i] = (char)(i % 3 ? '~' + i % 2 : ' ' + i % 2);
			text[n] = '"'; /* not to be seen */
			if (at < n)
				text[at] = stops[(n + at) % sizeof(stops)];
			wrong += scan_plain_end(text, text + n) != text + at;
		}
	}
	is_int(wrong, 0, "plain text ends where it ends");
}

static void random_value(struct buf *b, unsigned *seed, unsigned depth);

static void random_blanks(struct buf *b, unsigned *seed)
{
	static const char *const blanks[] = { "", "", "", " ", "\n\t", "  " };

	buf_str(b, blanks[(unsigned)rand_r(seed) % 6]);
}

/* Of N members or elements. */
static void random_container(struct buf *b, unsigned *seed, unsigned depth, bool object)
{
	unsigned n = (unsigned)rand_r(seed) % 5;

	buf_char(b, object ? '{' : '[');
	random_blanks(b, seed);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		random_blanks(b, seed);
		if (object) {
			buf_printf(b, "\"%s%u\"", rand_r(seed) % 3 ? "name" : "\\u0041\\\"{", i);
			random_blanks(b, seed);
			buf_char(b, ':');
			random_blanks(b, seed);
		}
		random_value(b, seed, depth + 1);
		random_blanks(b, seed);
	}
	buf_char(b, object ? '}' : ']');
}

static void random_value(struct buf *b, unsigned *seed, unsigned depth)
{
	static const char *const scalars[] = { "null", "true", "-1.5e3", "0", "\"\"", "\"a \\\"}\"", "\"[{\"", "{}", "[]", "\"\xc3\xa9, \"" };
	unsigned kind = (unsigned)rand_r(seed) % 10;

	if (depth < 4 && kind < (depth ? 6 : 10))
		random_container(b, seed, depth, kind % 3 != 0);
	else
		buf_str(b, scalars[(unsigned)rand_r(seed) % 10]);
}

/* Members that the check tells, of the rows above and of texts at random, with room for few and for many. */
static void told_parts(void)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	unsigned seed = 20261128, wrong = 0, refused = 0;
	struct scan_part list[4];
	struct scan_parts parts = { .of = list, .max = 4 };
	struct span text, name = { T("\"b\"") };
	const struct scan_part *end;
	struct buf b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].verdict != NO)
			wrong += !same_told((struct span){ rows[i].text, rows[i].n }, &limits, 64);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 20000; i++) {
		buf_clear(&b);
		random_blanks(&b, &seed);
		random_value(&b, &seed, 0);
		random_blanks(&b, &seed);
		text = (struct span){ b.data, b.len };
		refused += !scan_check(b.data, b.len, &limits, NULL);
		for (unsigned depth = 1; depth < 6; depth++) {
			limits.depth = depth;
			if (scan_check(b.data, b.len, &limits, NULL))
				wrong += !same_told(text, &limits, 64) || !same_told(text, &limits, (unsigned)rand_r(&seed) % 8);
		}
		limits.depth = scan_limits_of(0).depth;
	}
	is_int(refused, 0, "texts at random are JSON");
	is_int(wrong, 0, "members that are told are those that a walk finds");
	buf_release(&b);
	text = (struct span){ T("{\"a\":{\"b\":{\"b\":1}},\"c\":[{\"b\":2}]}") };
	ok(scan_check_parts(text.p, text.n, &limits, &parts, NULL) && parts.n == 3, "those of two levels are told");
	ok(scan_parts_of(&parts, scan_member(text, "a"), &end) == &list[1] && end == &list[2] && list[1].name.n == name.n &&
	    !memcmp(list[1].name.p, name.p, name.n), "an inner object's are found");
	ok(!scan_parts_of(&parts, scan_path(text, "a", "b", NULL), &end) && !scan_parts_of(&parts, scan_member(text, "c"), &end),
	    "deeper ones, and elements, are not known");
	parts.max = 2;
	ok(scan_check_parts(text.p, text.n, &limits, &parts, NULL) && parts.over && !scan_parts_of(&parts, text, &end),
	    "where there is no room for all, none is known");
	ok(!scan_parts_of(NULL, text, &end), "without a list neither");
}

int main(void)
{
	struct buf b;

	buf_init(&b, 64 << 20);
	test_folds();
	verdicts();
	errors();
	limits(&b);
	hostile(&b);
	lookup();
	lookup_unchecked();
	plain_text();
	told_parts();
	buf_release(&b);
	return done();
}
