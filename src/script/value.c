/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as Lua has it: objects and arrays are tables, null is `null`. An array that is empty, or made by a script, is told
 * by `array`, a metatable that scripts cannot see; a table without it is an array if its keys are 1 to n, else an object.
 */
#include "config.h"

#include "script/internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Its address marks the metatable of arrays in the registry. */
static const char array_mark;

/* ---- in */

static void push_string(lua_State *L, struct span s)
{
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, s.n);

	luaL_pushresultsize(&b, scan_decode(s, out));
}

/* The text of a checked number; only those of a sane length can be more than noise. */
static void push_number(lua_State *L, struct span s)
{
	char text[64], *end;
	long long whole;

	snprintf(text, sizeof(text), "%.*s", (int)(s.n < sizeof(text) ? s.n : sizeof(text) - 1), s.p);
	errno = 0;
	whole = strtoll(text, &end, 10);
	if (!*end && !errno)
		lua_pushinteger(L, whole);
	else
		lua_pushnumber(L, strtod(text, NULL));
}

static void mark_array(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &array_mark);
	lua_setmetatable(L, -2);
}

static void push_container(lua_State *L, struct span s)
{
	struct span name, value;
	lua_Integer i = 0;
	size_t at = 0;

	luaL_checkstack(L, 6, "nested too deep");
	lua_newtable(L);
	if (scan_kind(s) == '[')
		mark_array(L);
	while (scan_next(s, &at, &name, &value)) {
		if (scan_kind(s) == '{')
			push_string(L, name);
		value_push(L, value);
		if (scan_kind(s) == '{')
			lua_rawset(L, -3);
		else
			lua_rawseti(L, -2, ++i);
	}
}

void value_push(lua_State *L, struct span s)
{
	switch (scan_kind(s)) {
	case '{':
	case '[':
		push_container(L, s);
		break;
	case '"':
		push_string(L, s);
		break;
	case '0':
		push_number(L, s);
		break;
	case 't':
	case 'f':
		lua_pushboolean(L, scan_kind(s) == 't');
		break;
	default:
		lua_pushlightuserdata(L, NULL);
	}
}

/* ---- out */

struct writer {
	lua_State *L;
	struct buf *out;
	int depth;
};

static void write_value(struct writer *, int index, struct span like);

static bool is_array(lua_State *L, int index, struct span like)
{
	bool marked = false;

	if (lua_getmetatable(L, index)) {
		lua_rawgetp(L, LUA_REGISTRYINDEX, &array_mark);
		marked = lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	lua_pushnil(L);
	if (!lua_next(L, index)) /* empty: as it was, else as it is marked */
		return scan_kind(like) == '[' || (marked && scan_kind(like) != '{');
	lua_pop(L, 2);
	return marked || lua_rawlen(L, index) > 0;
}

/* A key outside of 1 to N would be lost. */
static void check_keys(lua_State *L, int index, lua_Integer n)
{
	lua_Integer keys = 0;

	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		keys += lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= n ? 1 : n + 1;
	if (keys != n)
		luaL_error(L, "a table is neither an array without holes nor an object");
}

static void write_array(struct writer *w, int index, struct span like)
{
	lua_State *L = w->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, index);
	size_t at = 0;

	check_keys(L, index, n);
	buf_char(w->out, '[');
	for (lua_Integer i = 1; i <= n; i++) {
		struct span old = { NULL, 0 };

		if (scan_kind(like) == '[' && !scan_next(like, &at, NULL, &old))
			old.p = NULL;
		if (i > 1)
			buf_char(w->out, ',');
		lua_rawgeti(L, index, i);
		write_value(w, lua_gettop(L), old);
		lua_pop(L, 1);
	}
	buf_char(w->out, ']');
}

static void write_comma(struct writer *w, bool *first)
{
	if (!*first)
		buf_char(w->out, ',');
	*first = false;
}

/* The members of LIKE that are still there, in its order. */
static void write_old_members(struct writer *w, int index, struct span like, bool *first)
{
	struct span name, old;
	size_t at = 0;

	while (scan_kind(like) == '{' && scan_next(like, &at, &name, &old)) {
		push_string(w->L, name);
		if (lua_rawget(w->L, index) != LUA_TNIL) {
			write_comma(w, first);
			buf_add(w->out, name.p, name.n);
			buf_char(w->out, ':');
			write_value(w, lua_gettop(w->L), old);
		}
		lua_pop(w->L, 1);
	}
}

/* Pushes a table of the names that LIKE has, as keys. */
static void push_names(lua_State *L, struct span like)
{
	struct span name, old;
	size_t at = 0;

	lua_newtable(L);
	while (scan_kind(like) == '{' && scan_next(like, &at, &name, &old)) {
		push_string(L, name);
		lua_pushboolean(L, true);
		lua_rawset(L, -3);
	}
}

static void write_new_members(struct writer *w, int index, struct span like, bool *first)
{
	lua_State *L = w->L;
	int names;

	push_names(L, like);
	names = lua_gettop(L);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		size_t n;
		const char *name;

		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "a key of an object is no text");
		lua_pushvalue(L, -2);
		if (lua_rawget(L, names) == LUA_TNIL) {
			write_comma(w, first);
			name = lua_tolstring(L, -3, &n);
			buf_json_n(w->out, name, n);
			buf_char(w->out, ':');
			write_value(w, lua_gettop(L) - 1, (struct span){ NULL, 0 });
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void write_table(struct writer *w, int index, struct span like)
{
	bool first = true;

	if (++w->depth > SCRIPT_DEPTH_MAX)
		luaL_error(w->L, "a table is nested deeper than %d", SCRIPT_DEPTH_MAX);
	luaL_checkstack(w->L, 12, "nested too deep");
	if (is_array(w->L, index, like)) {
		write_array(w, index, like);
	} else {
		buf_char(w->out, '{');
		write_old_members(w, index, like, &first);
		write_new_members(w, index, like, &first);
		buf_char(w->out, '}');
	}
	w->depth--;
}

static void write_number(struct writer *w, int index)
{
	double x = lua_tonumber(w->L, index);

	if (lua_isinteger(w->L, index))
		buf_printf(w->out, "%lld", (long long)lua_tointeger(w->L, index));
	else if (isfinite(x))
		buf_printf(w->out, "%.17g", x);
	else
		luaL_error(w->L, "JSON has no such number");
}

/* Whether the scalar at INDEX is what LIKE says: then LIKE's text is the better one. */
static bool is_same(lua_State *L, int index, struct span like)
{
	bool same;

	if (!like.p || scan_kind(like) == '{' || scan_kind(like) == '[')
		return false;
	value_push(L, like);
	same = lua_rawequal(L, index, -1);
	lua_pop(L, 1);
	return same;
}

static void write_value(struct writer *w, int index, struct span like)
{
	lua_State *L = w->L;
	const char *s;
	size_t n;

	if (w->out->over)
		luaL_error(L, "what it returns is too large");
	if (is_same(L, index, like)) {
		buf_add(w->out, like.p, like.n);
		return;
	}
	switch (lua_type(L, index)) {
	case LUA_TTABLE:
		write_table(w, index, like);
		break;
	case LUA_TSTRING:
		s = lua_tolstring(L, index, &n);
		buf_json_n(w->out, s, n);
		break;
	case LUA_TNUMBER:
		write_number(w, index);
		break;
	case LUA_TBOOLEAN:
		buf_str(w->out, lua_toboolean(L, index) ? "true" : "false");
		break;
	case LUA_TNIL:
	case LUA_TLIGHTUSERDATA: /* `null` is the only one there is */
		buf_str(w->out, "null");
		break;
	default:
		luaL_error(L, "a %s has no JSON form", luaL_typename(L, index));
	}
}

void value_write(lua_State *L, int index, struct span like, struct buf *out)
{
	struct writer w = { .L = L, .out = out };

	write_value(&w, lua_absindex(L, index), like);
	if (out->over)
		luaL_error(L, "what it returns is too large");
}

/* ---- what scripts see of it */

static int array(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	mark_array(L);
	return 1;
}

void value_open(lua_State *L)
{
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &array_mark);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	lua_pushcfunction(L, array);
	lua_setfield(L, -2, "array");
}
