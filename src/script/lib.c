/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a script finds: an allow list of Lua's libraries, and ours in the place of what one call could run for ever in, or
 * reach out with. Left out on purpose: io, os, debug, package, coroutine; load, dofile, require, pcall, xpcall, collectgarbage,
 * getmetatable, setmetatable, raw…; string.dump, pack, unpack; table.move (its bounds are numbers, not what is there);
 * math.random.
 */
#include "config.h"

#include "script/internal.h"

#include <string.h>

enum { TEXT_MAX = 1024 * 1024 /* of what string.rep makes */ };

struct part {
	const char *name;
	lua_CFunction open;
	const char *const *keep;
};

static const char *const keep_base[] = { "assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "type", NULL };
static const char *const keep_string[] = { "byte", "char", "len", "lower", "reverse", "sub", "upper", NULL };
static const char *const keep_table[] = { "concat", "insert", "pack", "remove", "unpack", NULL };
static const char *const keep_math[] = { "abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min", "mininteger", "modf",
	"sqrt", "tointeger", "type", "ult", NULL };
static const char *const keep_utf8[] = { "char", "codepoint", "codes", "len", "offset", NULL };

static const struct part parts[] = {
	{ LUA_STRLIBNAME, luaopen_string, keep_string },
	{ LUA_TABLIBNAME, luaopen_table, keep_table },
	{ LUA_MATHLIBNAME, luaopen_math, keep_math },
	{ LUA_UTF8LIBNAME, luaopen_utf8, keep_utf8 },
};

/* The kind of what has no text of its own: an address is nobody's business. */
static int to_string(lua_State *L)
{
	luaL_checkany(L, 1);
	switch (lua_type(L, 1)) {
	case LUA_TNIL:
	case LUA_TBOOLEAN:
	case LUA_TNUMBER:
	case LUA_TSTRING:
		luaL_tolstring(L, 1, NULL);
		break;
	case LUA_TLIGHTUSERDATA: /* the only one there is */
		lua_pushliteral(L, "null");
		break;
	default:
		lua_pushstring(L, luaL_typename(L, 1));
	}
	return 1;
}

static int string_rep(lua_State *L)
{
	size_t n, m;
	const char *s = luaL_checklstring(L, 1, &n), *between = luaL_optlstring(L, 3, "", &m);
	lua_Integer times = luaL_checkinteger(L, 2);
	luaL_Buffer b;

	if (times < 1) {
		lua_pushliteral(L, "");
		return 1;
	}
	if (n + m && (size_t)times > TEXT_MAX / (n + m))
		return luaL_error(L, "string.rep: the result would have more than %d bytes", TEXT_MAX);
	luaL_buffinit(L, &b);
	for (lua_Integer i = 0; n + m && i < times; i++) {
		luaL_addlstring(&b, s, n);
		if (i + 1 < times)
			luaL_addlstring(&b, between, m);
	}
	luaL_pushresult(&b);
	return 1;
}

/* %p is refused, and nothing else shows an address. Upvalue: Lua's own. */
static int string_format(lua_State *L)
{
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len), *end = s + len; /* a format may hold NULs */
	int n = lua_gettop(L);

	while ((s = memchr(s, '%', (size_t)(end - s)))) {
		s++;
		s += strspn(s, "-+ #0123456789.");
		if (*s == 'p')
			return luaL_error(L, "string.format: there is no %%p");
		s += s < end;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	for (int i = 3; i <= n + 1; i++)
		if (!lua_isnil(L, i) && !lua_isboolean(L, i) && lua_type(L, i) != LUA_TNUMBER && lua_type(L, i) != LUA_TSTRING) {
			lua_pushcfunction(L, to_string);
			lua_pushvalue(L, i);
			lua_call(L, 1, 1);
			lua_replace(L, i);
		}
	lua_call(L, n, 1);
	return 1;
}

/* string.find(s, text [, from [, true]]): for plain text alone. */
static int string_find(lua_State *L)
{
	size_t n, m;
	const char *s = luaL_checklstring(L, 1, &n), *text = luaL_checklstring(L, 2, &m), *found;
	lua_Integer from = luaL_optinteger(L, 3, 1);

	if (!lua_toboolean(L, 4))
		return luaL_error(L, "string.find takes plain text only, with true as its fourth argument; "
		    "patterns are regex.find's");
	if (from < 0)
		from = from < -(lua_Integer)n ? 1 : (lua_Integer)n + from + 1;
	if (from < 1)
		from = 1;
	found = (size_t)from > n + 1 ? NULL : memmem(s + from - 1, n - (size_t)from + 1, text, m);
	if (!found) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, found - s + 1);
	lua_pushinteger(L, found - s + (lua_Integer)m);
	return 2;
}

/* Upvalue: what the author looked for. */
static int no_patterns(lua_State *L)
{
	return luaL_error(L, "string.%s is not there: the functions of 'regex' take its place",
	    lua_tostring(L, lua_upvalueindex(1)));
}

/* Upvalue 1: the script's own comparison, or nil. A look at the clock at each, as no instruction may lie between. */
static int compare(lua_State *L)
{
	struct purse *p = purse_of(L);

	if (purse_is_late(p))
		return luaL_error(L, "%s", p->stopped);
	if (lua_isnil(L, lua_upvalueindex(1))) {
		lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
		return 1;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

/* Upvalue: Lua's own. */
static int table_sort(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	lua_pushcclosure(L, compare, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 0);
	return 0;
}

/* From the table below the top one into the top one. */
static void keep(lua_State *L, const char *const *names)
{
	for (; *names; names++) {
		lua_getfield(L, -2, *names);
		lua_setfield(L, -2, *names);
	}
}

/* Of the library below, with its own function as the upvalue. */
static void wrap(lua_State *L, const char *name, lua_CFunction f)
{
	lua_getfield(L, -2, name);
	lua_pushcclosure(L, f, 1);
	lua_setfield(L, -2, name);
}

/* The library is below, ours on top. */
static void more_of(lua_State *L, const char *library)
{
	static const char *const gone[] = { "match", "gmatch", "gsub", NULL };

	if (!strcmp(library, LUA_TABLIBNAME))
		wrap(L, "sort", table_sort);
	if (strcmp(library, LUA_STRLIBNAME) != 0)
		return;
	wrap(L, "format", string_format);
	lua_pushcfunction(L, string_rep);
	lua_setfield(L, -2, "rep");
	lua_pushcfunction(L, string_find);
	lua_setfield(L, -2, "find");
	for (const char *const *name = gone; *name; name++) {
		lua_pushstring(L, *name);
		lua_pushcclosure(L, no_patterns, 1);
		lua_setfield(L, -2, *name);
	}
	/* the methods of strings: ("x"):rep(…) is ours, too */
	lua_pushliteral(L, "");
	if (lua_getmetatable(L, -1)) {
		lua_pushvalue(L, -3);
		lua_setfield(L, -2, "__index");
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

void lib_open(lua_State *L)
{
	lua_pushcfunction(L, luaopen_base);
	lua_call(L, 0, 1);
	lua_newtable(L);
	keep(L, keep_base);
	lua_pushcfunction(L, to_string);
	lua_setfield(L, -2, "tostring");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		lua_pushcfunction(L, parts[i].open);
		lua_call(L, 0, 1);
		lua_newtable(L);
		keep(L, parts[i].keep);
		more_of(L, parts[i].name);
		lua_setfield(L, -3, parts[i].name);
		lua_pop(L, 1);
	}
	regex_open(L);
	lua_setfield(L, -2, "regex");
	value_open(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); /* chunks that are loaded from now on see this one */
	lua_pop(L, 1);
}
