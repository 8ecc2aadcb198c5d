/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `regex`: patterns by PCRE2 with limits on steps, depth and memory. A linear scan from each of many starting points is none of
 * those steps, so there is an automatic callout at each item of a pattern, which looks at the clock.
 *
 * A compiled pattern is kept for the run, under its text, in a table of the registry.
 */
#include "config.h"

#include "script/internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	PATTERN_MAX = 2000,    /* bytes */
	PATTERNS_MAX = 16,     /* of a run */
	STEPS_MAX = 200000,
	DEPTH_MAX = 10000,
	HEAP_KIB_MAX = 1024,
	RESULT_MAX = 1024 * 1024,
	FOUND_MAX = 10000,
	LOOK = 16,             /* callouts between two looks at the clock */
};

struct regex {
	pcre2_code *code;
	pcre2_match_data *found;
	pcre2_match_context *limits;
	struct purse *purse;
	unsigned callouts;
};

static int on_item(pcre2_callout_block *block, void *own)
{
	struct regex *r = own;

	(void)block;
	return ++r->callouts % LOOK == 0 && purse_is_late(r->purse) ? PCRE2_ERROR_CALLOUT : 0;
}

static int release(lua_State *L)
{
	struct regex *r = lua_touserdata(L, 1);

	pcre2_match_data_free(r->found);
	pcre2_match_context_free(r->limits);
	pcre2_code_free(r->code);
	return 0;
}

/* What pcre2_compile says; the message is PCRE2's, in the memory of the state. */
static void complain(lua_State *L, int code, const char *what)
{
	PCRE2_UCHAR text[128] = "";

	pcre2_get_error_message(code, text, sizeof(text));
	luaL_error(L, "%s: %s", what, (const char *)text);
}

static void compile(lua_State *L, struct regex *r, const char *pattern, size_t n)
{
	PCRE2_SIZE at;
	int code;

	r->purse = purse_of(L);
	r->code = pcre2_compile((PCRE2_SPTR)pattern, n, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, &code, &at,
	    NULL);
	if (!r->code)
		complain(L, code, "the pattern is none");
	r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (!r->found || !r->limits)
		luaL_error(L, "no memory for a pattern");
	pcre2_set_match_limit(r->limits, STEPS_MAX);
	pcre2_set_depth_limit(r->limits, DEPTH_MAX);
	pcre2_set_heap_limit(r->limits, HEAP_KIB_MAX);
	pcre2_set_callout(r->limits, on_item, r);
}

/* The pattern at INDEX. Upvalue: the table of those that there are, by text; [1] counts them. */
static struct regex *regex_at(lua_State *L, int index)
{
	size_t n;
	const char *pattern = luaL_checklstring(L, index, &n);
	lua_Integer count;
	struct regex *r;

	lua_pushvalue(L, index);
	if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TUSERDATA) {
		r = lua_touserdata(L, -1);
		lua_pop(L, 1);
		return r;
	}
	lua_rawgeti(L, lua_upvalueindex(1), 1);
	count = lua_tointeger(L, -1);
	lua_pop(L, 2);
	if (n > PATTERN_MAX || count == PATTERNS_MAX)
		luaL_error(L, "a pattern has more than %d bytes, or there are more than %d", PATTERN_MAX, PATTERNS_MAX);
	r = lua_newuserdatauv(L, sizeof(*r), 0);
	*r = (struct regex){ .code = NULL };
	lua_pushvalue(L, lua_upvalueindex(2));
	lua_setmetatable(L, -2);
	compile(L, r, pattern, n);
	lua_pushinteger(L, count + 1);
	lua_rawseti(L, lua_upvalueindex(1), 1);
	lua_pushvalue(L, index);
	lua_insert(L, -2);
	lua_rawset(L, lua_upvalueindex(1));
	return r;
}

/* Whether it matches from byte FROM (0: the first) on; raises where that could not be found out. */
static bool matches(lua_State *L, struct regex *r, const char *s, size_t n, size_t from, uint32_t options)
{
	int rc = pcre2_match(r->code, (PCRE2_SPTR)s, n, from, options, r->found, r->limits);

	if (r->purse->stopped)
		luaL_error(L, "%s", r->purse->stopped);
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		complain(L, rc, "the pattern could not be matched");
	return rc > 0;
}

/* Capture I, or nil; position captures there are none. */
static void push_capture(lua_State *L, const struct regex *r, const char *s, uint32_t i)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->found);

	if (v[2 * i] == PCRE2_UNSET || v[2 * i + 1] < v[2 * i])
		lua_pushnil(L);
	else
		lua_pushlstring(L, s + v[2 * i], v[2 * i + 1] - v[2 * i]);
}

/* All captures; the whole where the pattern has none. */
static int push_captures(lua_State *L, const struct regex *r, const char *s)
{
	uint32_t n = pcre2_get_ovector_count(r->found);

	luaL_checkstack(L, (int)n + 1, "too many captures");
	for (uint32_t i = n > 1; i < n; i++)
		push_capture(L, r, s, i);
	return n > 1 ? (int)n - 1 : 1;
}

static int regex_test(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);

	lua_pushboolean(L, matches(L, regex_at(L, 2), s, n, 0, 0));
	return 1;
}

static int regex_match(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);
	struct regex *r = regex_at(L, 2);

	if (matches(L, r, s, n, 0, 0))
		return push_captures(L, r, s);
	lua_pushnil(L);
	return 1;
}

static int regex_find(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);
	struct regex *r = regex_at(L, 2);
	lua_Integer from = luaL_optinteger(L, 3, 1);
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->found);

	if (from < 1 || (lua_Unsigned)from > n + 1 || !matches(L, r, s, n, (size_t)from - 1, 0)) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, (lua_Integer)v[0] + 1);
	lua_pushinteger(L, (lua_Integer)v[1]);
	return 2;
}

/* Where the search goes on: never at the same empty match again. */
static size_t next_start(const char *s, size_t n, size_t begin, size_t end)
{
	if (end > begin)
		return end;
	for (end++; end < n && ((unsigned char)s[end] & 0xc0) == 0x80; end++)
		;
	return end;
}

/* An array of the first captures (of the whole matches, where there are no captures). */
static int regex_all(lua_State *L)
{
	size_t n, from = 0;
	const char *s = luaL_checklstring(L, 1, &n);
	struct regex *r = regex_at(L, 2);
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->found);

	lua_newtable(L);
	for (int i = 1; from <= n && matches(L, r, s, n, from, from ? PCRE2_NO_UTF_CHECK : 0); i++) {
		if (i > FOUND_MAX)
			return luaL_error(L, "regex.all: more than %d matches", FOUND_MAX);
		push_capture(L, r, s, pcre2_get_ovector_count(r->found) > 1);
		lua_rawseti(L, -2, i);
		from = next_start(s, n, v[0], v[1]);
	}
	return 1;
}

/* All matches; $1 is the first capture, $$ a dollar. */
static int regex_replace(lua_State *L)
{
	size_t n, m;
	const char *s = luaL_checklstring(L, 1, &n), *with = luaL_checklstring(L, 3, &m);
	struct regex *r = regex_at(L, 2);
	PCRE2_SIZE size = n + m + 256;
	int rc = PCRE2_ERROR_NOMEMORY;

	for (int round = 0; round < 2 && rc == PCRE2_ERROR_NOMEMORY; round++) {
		if (size > RESULT_MAX)
			return luaL_error(L, "regex.replace: the result would have more than %d bytes", RESULT_MAX);
		rc = pcre2_substitute(r->code, (PCRE2_SPTR)s, n, 0, PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH,
		    r->found, r->limits, (PCRE2_SPTR)with, m, lua_newuserdatauv(L, size, 0), &size);
		if (r->purse->stopped)
			return luaL_error(L, "%s", r->purse->stopped);
	}
	if (rc < 0)
		complain(L, rc, "regex.replace");
	lua_pushlstring(L, lua_touserdata(L, -1), size);
	return 1;
}

void regex_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "test", regex_test }, { "match", regex_match }, { "find", regex_find },
		{ "all", regex_all }, { "replace", regex_replace }, { NULL, NULL } };

	lua_newtable(L);
	lua_newtable(L); /* the patterns that there are */
	lua_newtable(L); /* the metatable of each */
	lua_pushcfunction(L, release);
	lua_setfield(L, -2, "__gc");
	luaL_setfuncs(L, functions, 2);
}
