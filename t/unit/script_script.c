/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox: what functions get and give, what is kept from them, and that whatever they do ends. */
#include "config.h"

#include "tap.h"

#include "json/scan.h"
#include "script/script.h"

static struct err last;

/* The answer of a module's function to INPUT; "failed", or "not loaded". LEFT (may be NULL) gets what it left of the input. */
static const char *run(struct arena *a, const char *text, size_t n, const char *export, const char *input, const char **left)
{
	const struct script *s;
	struct buf result, rest;
	const char *got = "failed";

	last = (struct err){ .code = ERR_NONE };
	s = script_new(a, "policies/t.lua", text, n, export, &last);
	if (!s)
		return "not loaded";
	buf_init(&result, 0);
	buf_init(&rest, 0);
	if (script_run(s, scan_value(input, strlen(input)), &result, left ? &rest : NULL, &last))
		got = arena_strdup(a, buf_text(&result));
	if (left)
		*left = arena_strdup(a, buf_text(&rest));
	buf_release(&result);
	buf_release(&rest);
	return got;
}

static const char *answer(struct arena *a, const char *body, const char *input)
{
	const char *text = arena_printf(a, "return function(input) %s end", body);

	return run(a, text, strlen(text), NULL, input, NULL);
}

static void test_values(void)
{
	static const struct {
		const char *body, *input, *want, *name;
	} cases[] = {
		{ "return input", "{\"a\":[1,2.5,\"x\",null,true,{}]}", "{\"a\":[1,2.5,\"x\",null,true,{}]}",
		    "values go in and out" },
		{ "return input", "[]", "[]", "an empty array stays one" },
		{ "return {}", "1", "{}", "an empty table is an object" },
		{ "return array({})", "1", "[]", "but for `array`" },
		{ "return { 1, 2 }", "1", "[1,2]", "1 to n is an array" },
		{ "return { a = 1 }", "1", "{\"a\":1}", "names make an object" },
		{ "return", "1", "null", "nothing is null" },
		{ "return null", "1", "null", "so is null" },
		{ "return input == null", "null", "true", "which a script can tell" },
		{ "return input", "\"\\u0000\\ud83d\\ude00\\n\"", "\"\\u0000\xf0\x9f\x98\x80\\n\"", "text is decoded and encoded" },
		{ "return #input", "\"a\\u0000b\"", "3", "a NUL is a byte like others" },
		{ "return input + 1", "9007199254740993", "9007199254740994", "whole numbers are exact" },
		{ "return input", "1e400", "failed", "infinity has no JSON form" },
		{ "return 0/0", "1", "failed", "nor has what is no number" },
		{ "return { 1, nil, 3 }", "1", "failed", "an array with a hole is none" },
		{ "return { 1, a = 2 }", "1", "failed", "nor is half an object" },
		{ "return { [true] = 1 }", "1", "failed", "names are texts" },
		{ "return print", "1", "null", "there is no print" },
		{ "return type", "1", "failed", "a function has no JSON form" },
		{ "local t = {} t.t = t return t", "1", "failed", "nor has a circle" },
		{ "return (\"%d-%s\"):format(3, true)", "1", "\"3-true\"", "strings have their methods" },
		{ "return (\"aXbX\"):find(\"X\", 3, true)", "1", "4", "plain text is found" },
		{ "return (\"ab\"):find(\"\", 9, true)", "1", "null", "not behind the end" },
		{ "return (\"ab\"):rep(3, \",\")", "1", "\"ab,ab,ab\"", "and repeated" },
		{ "return (''):rep(1e15)", "1", "\"\"", "nothing often is nothing, at once" },
		{ "local t = { 3, 1, 2 } table.sort(t) return t", "1", "[1,2,3]", "tables are sorted" },
		{ "local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return t", "1", "[3,2,1]", "in any order" },
		{ "return tostring(input)", "[]", "\"table\"", "no address is shown" },
		{ "return (\"%s\"):format(type)", "1", "\"function\"", "nor by format" },
		{ "return (\"%p\"):format({})", "1", "failed", "which has no %p" },
		{ "return (\"\\0%p\"):format({})", "1", "failed", "nor behind a NUL" },
		{ "return #(\"\\0%d\"):format(7)", "1", "2", "where other formats are served" },
		{ "return regex.match(\"key: value\", \"(\\\\w+): (\\\\w+)\")", "1", "\"key\"", "patterns have captures" },
		{ "return select(2, regex.match(\"key: value\", \"(\\\\w+): (\\\\w+)\"))", "1", "\"value\"", "several" },
		{ "return { regex.find(\"abc\", \"b.\") }", "1", "[2,3]", "are found at a place" },
		{ "return { regex.find(\"abcb\", \"b\", 3) }", "1", "[4,4]", "from a place on" },
		{ "return regex.all(\"a1b22\", \"\\\\d+\")", "1", "[\"1\",\"22\"]", "all of them" },
		{ "return #regex.all(\"\xc3\xa4\xc3\xb6\", \"\")", "1", "3", "empty ones too, character by character" },
		{ "return regex.replace(\"a.b.c\", \"\\\\.(.)\", \"<$1>\")", "1", "\"a<b><c>\"", "and replaced" },
		{ "return regex.replace(\"x\", \"x\", (\"y\"):rep(2000))", "1", NULL, "by much more" },
		{ "return regex.test(\"a\", \"^[b-z]\")", "1", "false", "or not found" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = answer(a, cases[i].body, cases[i].input);

		if (cases[i].want)
			is_str(got, cases[i].want, cases[i].name);
		else
			is_int(strlen(got), 2002, cases[i].name);
		if (strcmp(got, "failed") == 0)
			is_str(err_reason_of(&last), "script_failed", "... as an error of a script");
	}
	arena_free(a);
}

static void test_left(void)
{
#define MESSAGE "{\"id\": 1e2 ,\"params\":{\"b\":12345678901234567890, \"a\":[1.0,\"\\u0061\",{}],\"empty\":[],\"none\":{}}}"
	static const struct {
		const char *body, *want, *name;
	} cases[] = {
		{ "", "{\"id\":1e2,\"params\":{\"b\":12345678901234567890,\"a\":[1.0,\"\\u0061\",{}],\"empty\":[],\"none\":{}}}",
		    "what is not changed stays as it was written" },
		{ "input.params.b = 7", "{\"id\":1e2,\"params\":{\"b\":7,\"a\":[1.0,\"\\u0061\",{}],\"empty\":[],\"none\":{}}}",
		    "one value is changed in its place" },
		{ "input.params.a[2] = nil input.params.a[3] = nil input.params.empty = nil",
		    "{\"id\":1e2,\"params\":{\"b\":12345678901234567890,\"a\":[1.0],\"none\":{}}}", "values are removed" },
		{ "input.params = nil input.new = { x = {} }", "{\"id\":1e2,\"new\":{\"x\":{}}}", "and added" },
		{ "input.params.none.x = 1 table.insert(input.params.empty, 'y')",
		    "{\"id\":1e2,\"params\":{\"b\":12345678901234567890,\"a\":[1.0,\"\\u0061\",{}],\"empty\":[\"y\"],\"none\":{\"x\":1}}}",
		    "also where there was nothing" },
		{ "input = 1", "{\"id\":1e2,\"params\":{\"b\":12345678901234567890,\"a\":[1.0,\"\\u0061\",{}],\"empty\":[],\"none\":{}}}",
		    "another value of the name is not the input" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = arena_printf(a, "return function(input) %s end", cases[i].body), *left;

		is_str(run(a, text, strlen(text), NULL, MESSAGE, &left), "null", "a function may return nothing");
		is_str(left, cases[i].want, cases[i].name);
	}
	arena_free(a);
}

static void test_modules(void)
{
	static const struct {
		const char *text, *export, *want, *error;
	} cases[] = {
		{ "return function() return 1 end", NULL, "1", "" },
		{ "local M = {} function M.f() return 2 end return M", "f", "2", "" },
		{ "return { f = 1 }", "f", "not loaded", "policies/t.lua: the table that it returns has no function 'f'" },
		{ "return {}", NULL, "not loaded",
		    "policies/t.lua: it returns no function (name an 'export' where it returns a table)" },
		{ "return 1", "f", "not loaded", "policies/t.lua: it returns no table with the function 'f'" },
		{ "local x =\n\n= 1", NULL, "not loaded", "policies/t.lua:3: unexpected symbol near '='" },
		{ "\nlocal t = nil\nreturn t.x", NULL, "not loaded",
		    "policies/t.lua:3: attempt to index a nil value (local 't')" },
		{ "while true do end", NULL, "not loaded", "policies/t.lua: it took too" },
		{ "\x1bLua\x54", NULL, "not loaded", "policies/t.lua: attempt to load a binary chunk (mode is 't')" },
	};
	struct arena *a = arena_new();
	char *large = arena_alloc(a, SCRIPT_TEXT_MAX + 2);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_str(run(a, cases[i].text, strlen(cases[i].text), cases[i].export, "1", NULL), cases[i].want, cases[i].text);
		ok(!strncmp(last.text, cases[i].error, strlen(cases[i].error)), "... with its reason");
		if (strncmp(last.text, cases[i].error, strlen(cases[i].error)) != 0)
			printf("# %s\n", last.text);
	}
	memset(large, ' ', SCRIPT_TEXT_MAX + 1);
	is_str(run(a, large, SCRIPT_TEXT_MAX + 1, NULL, "1", NULL), "not loaded", "a module has a size");
	arena_free(a);
}

/* Nothing of these may do more than fail. Whatever takes long is stopped, or this test never ends. */
static void test_hostile(void)
{
	static const struct {
		const char *body, *name;
	} cases[] = {
		{ "while true do end", "a loop without an end" },
		{ "::a:: goto a", "one by goto" },
		{ "repeat until false", "one by repeat" },
		{ "for i = 1, math.huge do end", "one by for" },
		{ "for i = 1, 1e300, 1e-300 do end", "a loop of steps that change nothing" },
		{ "local function f() return f() end return f()", "tail calls without an end" },
		{ "local function f() return 1 + f() end return f()", "recursion without an end" },
		{ "local function f() f() f() end f()", "recursion that doubles" },
		{ "local s = 'x' while true do s = s .. s end", "a string that doubles" },
		{ "local s = 'x' for i = 1, 23 do s = s .. s end while true do local t = s .. i end", "large strings, again and again" },
		{ "return ('x'):rep(1e9)", "a string of a billion bytes" },
		{ "return ('x'):rep(1e15, '')", "a string that no number can size" },
		{ "return ('x'):rep(1 << 62, ('y'):rep(1000))", "one whose size runs over" },
		{ "return ('%1000d'):format(1)", "a format of a width that is none" },
		{ "local s = ('%99d'):rep(10000) return s:format(1)", "a format with too few values" },
		{ "local t = {} while true do t[#t + 1] = t end", "a table that grows" },
		{ "local t = {} for i = 1, math.huge do t[i] = {} end", "tables in a table" },
		{ "local t = {} for i = 1, 1e6 do t[i] = i % 7 end table.sort(t, function() return true end)",
		    "an order that is none" },
		{ "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
		    "an order without an end" },
		{ "local s, t = ('x'):rep(1000000), {} for i = 1, 1e5 do t[i] = s end table.sort(t)", "an order of large strings" },
		{ "local t = {} table.sort(t, 1)", "an order that is no function" },
		{ "local function f() table.sort({ 1, 2, 3 }, f) end f()", "orders in orders" },
		{ "local t = {} for i = 1, 1e5 do table.insert(t, 1, i) end", "a table that is shifted again and again" },
		{ "local t = {} for i = 1, 2e5 do t[i] = i end while true do table.remove(t, 1) table.insert(t, 1) end",
		    "one that is shifted to the front" },
		{ "local t = {} for i = 1, 1000 do t[i] = ('x'):rep(100000) end return table.concat(t)", "a concatenation of much" },
		{ "return table.concat({}, 'x', 1, 1 << 62)", "a concatenation of nothing, often" },
		{ "return table.unpack({}, 1, 1e8)", "more values than there is room for" },
		{ "return table.unpack({}, -9e18, 9e18)", "more values than numbers have" },
		{ "return table.move({}, 1, 1e15, 2)", "a move of nothing, often" },
		{ "local t = {} for i = 1, 2e5 do t[i] = i end while true do local k = next(t) t[k] = nil end", "a slow walk" },
		{ "return string.dump(function() end)", "the code of a function" },
		{ "return load('return 1')", "code in a string" },
		{ "return load('\\27Lua')", "code in bytes" },
		{ "return loadstring('return 1')", "code as it was once loaded" },
		{ "return dofile('/etc/passwd')", "a file as code" },
		{ "return require('os')", "a library by its name" },
		{ "return package.loaded.os", "a library that is there" },
		{ "return os.execute('true')", "a program" },
		{ "return os.getenv('HOME')", "the environment" },
		{ "return io.open('/etc/passwd')", "a file" },
		{ "return debug.getregistry()", "the registry" },
		{ "return debug.sethook()", "the hook" },
		{ "return collectgarbage('stop')", "the collector" },
		{ "return coroutine.wrap(function() while true do end end)()", "a coroutine" },
		{ "return pcall(error)", "an error that is caught" },
		{ "return xpcall(error, function() end)", "an error that is handled" },
		{ "while true do pcall(function() while true do end end) end", "errors that are caught for ever" },
		{ "return setmetatable({}, { __gc = function() while true do end end })", "a finalizer" },
		{ "return getmetatable('').__index", "the metatable of strings" },
		{ "getmetatable('').__index = nil", "and what it says" },
		{ "return rawset(string, 'x', 1)", "a raw write" },
		{ "return _G.os", "the globals by name" },
		{ "return _ENV.os.time()", "or by environment" },
		{ "local x <close> = { } return 1", "a variable that is closed" },
		{ "return ('aaa'):match('a*')", "a pattern of Lua's" },
		{ "return ('a'):rep(30):gsub(('a*'):rep(30) .. 'b', '')", "a slow one" },
		{ "return string.pack('i4', 1)", "packed bytes" },
		{ "return string.format('%p', {})", "an address" },
		{ "return math.random(1)", "chance" },
		{ "return regex.test(('a'):rep(40) .. 'b', '(a+)+$')", "a pattern that backs up for ever" },
		{ "return regex.test(('a'):rep(1000000), '^(a|a)*$')", "one that remembers too much" },
		{ "return regex.test(('a'):rep(1000000), 'a*+[bc]')", "one that begins at each place anew" },
		{ "return regex.test('x', ('('):rep(900) .. (')'):rep(900))", "one that is nested too deep" },
		{ "return regex.test('x', '(((a{1,1000}){1,1000}){1,1000})')", "one that is too large" },
		{ "return regex.test('x', ('a'):rep(3000))", "one that is too long" },
		{ "return regex.test('x', '(')", "one that is none" },
		{ "return regex.test('x', '\\\\C')", "one that cuts characters" },
		{ "return regex.test('\\xff', '.')", "bytes that are no text" },
		{ "return regex.test('aaaa', '(?R)a|')  and regex.test('a', '(?R)')", "one that calls itself" },
		{ "for i = 1, 100 do regex.test('x', 'a' .. i) end", "many of them" },
		{ "return regex.replace(('a'):rep(100000), 'a', ('b'):rep(1000))", "a replacement that grows" },
		{ "return regex.all(('a'):rep(1000000), '')", "all of nothing" },
		{ "error({})", "an error that is no text" },
		{ "error(nil)", "an error that is nothing" },
		{ "error()", "one without anything" },
		{ "error(setmetatable)", "one of what is not there" },
		{ "local t = { 'x' } for i = 1, 40 do t = { t, t } end return t", "an answer that doubles" },
		{ "local t = {} for i = 1, 100 do t = { t } end return t", "an answer nested too deep" },
		{ "return ('x'):rep(1048576)", "an answer that is too large" },
		{ "local t = {} for i = 1, 1e6 do t[i] = 'long' end return t", "a table as large" },
		{ "local a, b = ('x'):rep(1000000), ('x'):rep(1000000) while a <= b do end", "large strings compared" },
		{ "while true do tostring(1) end", "calls without an end" },
		{ "for k in pairs(_ENV or {}) do _ENV[k] = nil end string = nil return 1 + nil", "no globals left" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = answer(a, cases[i].body, "1");

		is_str(got, "failed", arena_printf(a, "%zu: %s", i, cases[i].name));
		ok(last.detail[0] != '\0', "... with its reason in the log");
	}
	ok(sizeof(cases) / sizeof(cases[0]) >= 40, "so many were tried");
	arena_free(a);
}

/* Each of the two would see what the first run left. */
static void test_nothing_stays(void)
{
	static const char *const cases[] = {
		"return function(input) local old = kept kept = input return old end",
		"return function(input) local old = string.kept string.kept = input return old end",
		"return function(input) local old = table.kept table.kept = input return old end",
		"return function(input) local old = ('').kept string.kept = input return old end",
		"local kept return function(input) local old = kept kept = input return old end",
		"return function(input) local old = regex.kept regex.kept = input return old end",
		"return function(input) local t = array({}) local old = t.kept t.kept = input t.kept = nil return old end",
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct script *s = script_new(a, "t", cases[i], strlen(cases[i]), NULL, NULL);

		for (int round = 0; round < 2; round++) {
			struct buf out;

			buf_init(&out, 0);
			ok(s && script_run(s, scan_value("\"ann\"", 5), &out, NULL, NULL), cases[i]);
			is_str(buf_text(&out), "null", "... keeps nothing for the next user");
			buf_release(&out);
		}
	}
	arena_free(a);
}

int main(void)
{
	test_values();
	test_left();
	test_modules();
	test_hostile();
	test_nothing_stays();
	return done();
}
