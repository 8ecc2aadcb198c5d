/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a function. All of it happens inside one protected call: whatever raises, also for want of memory,
 * ends there.
 *
 * Limits: a hook counts instructions and looks at the clock, also at every call, since one C function after the other would be
 * few instructions and much time; past a limit it raises on every instruction. The allocator refuses memory
 * past the limit, and large pieces when the time is up.
 */
#include "config.h"

#include "script/script.h"

#include "base/clock.h"
#include "base/may_block.h"
#include "script/internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	STEP = 100,      /* instructions between two looks at the clock */
	LARGE = 16384,   /* what is worth a look at the clock in the allocator */
	/*
	 * A thread that the machine did not let run is not to blame: past SCRIPT_MS_MAX it is stopped once it has had so much
	 * of a processor, or after this many times SCRIPT_MS_MAX in any case.
	 */
	CPU_MS = 20,
	PATIENCE = 10,
};

struct script {
	const char *name, *text, *export;
	size_t n;
};

/* One run. */
struct job {
	const struct script *script;
	struct span input;         /* absent: only look whether the function is there */
	struct buf *result, *left;
	struct purse purse;
};

/* ---- limits */

struct purse *purse_of(lua_State *L)
{
	return *(struct purse **)lua_getextraspace(L);
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool purse_is_late(struct purse *p)
{
	int64_t wall_ms = p->began_us ? (clock_us() - p->began_us) / 1000 : 0;

	if (wall_ms > SCRIPT_MS_MAX && !p->stopped &&
	    (wall_ms > SCRIPT_MS_MAX * PATIENCE || cpu_us() - p->began_cpu_us > CPU_MS * 1000))
		p->stopped = "it took too long";
	return p->stopped;
}

static void clock_starts(struct purse *p)
{
	p->began_us = clock_us();
	p->began_cpu_us = cpu_us();
}

static void hook(lua_State *L, lua_Debug *event)
{
	struct purse *p = purse_of(L);

	if (event->event == LUA_HOOKCOUNT)
		p->instructions += STEP;
	if (p->instructions > SCRIPT_INSTRUCTIONS_MAX && !p->stopped)
		p->stopped = "it took too many instructions";
	if (!purse_is_late(p))
		return;
	lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKCALL, 1);
	luaL_error(L, "%s", p->stopped);
}

static void *allocate(void *own, void *old, size_t had, size_t want)
{
	struct purse *p = own;

	if (!old) /* then HAD is a type */
		had = 0;
	if (!want) {
		free(old);
		p->memory -= had;
		return NULL;
	}
	if (want > had && (want - had > p->memory_max - p->memory || (want > LARGE && purse_is_late(p))))
		return NULL;
	p->memory += want - had;
	return xrealloc(old, want);
}

/* ---- one run */

/* The module's answer, or the function in it, pushed. */
static void find_function(lua_State *L, const struct script *s)
{
	const char *chunk = lua_pushfstring(L, "@%s", s->name);

	if (luaL_loadbufferx(L, s->text, s->n, chunk, "t"))
		lua_error(L);
	lua_call(L, 0, 1);
	if (s->export) {
		if (!lua_istable(L, -1))
			luaL_error(L, "%s: it returns no table with the function '%s'", s->name, s->export);
		lua_getfield(L, -1, s->export);
	}
	if (lua_isfunction(L, -1))
		return;
	if (s->export)
		luaL_error(L, "%s: the table that it returns has no function '%s'", s->name, s->export);
	luaL_error(L, "%s: it returns no function (name an 'export' where it returns a table)", s->name);
}

static void write_answers(lua_State *L, struct job *j)
{
	static const struct span nothing;

	value_write(L, -1, nothing, j->result);
	if (j->left)
		value_write(L, -2, j->input, j->left);
}

static int run(lua_State *L)
{
	struct job *j = lua_touserdata(L, 1);

	lib_open(L);
	if (j->input.p)
		value_push(L, j->input);
	lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKCALL, STEP);
	clock_starts(&j->purse);
	find_function(L, j->script);
	if (j->input.p) {
		lua_pushvalue(L, 2);
		lua_call(L, 1, 1);
		lua_pushvalue(L, 2);
		lua_insert(L, -2);
	}
	j->purse.began_us = 0;
	if (j->input.p)
		write_answers(L, j);
	return 0;
}

/* Why it failed: in the state, or of static storage. */
static const char *reason(lua_State *L, const struct job *j)
{
	if (j->purse.stopped)
		return j->purse.stopped;
	if (lua_type(L, -1) == LUA_TSTRING)
		return lua_tostring(L, -1);
	return "it raised an error that is no text";
}

/* False with the reason in WHY. */
static bool protect(struct job *j, char *why, size_t size)
{
	lua_State *L = lua_newstate(allocate, &j->purse);
	bool ok;

	if (!L) {
		snprintf(why, size, "no memory for it");
		return false;
	}
	*(struct purse **)lua_getextraspace(L) = &j->purse;
	/* neither of the two takes memory, so neither can raise */
	lua_pushcfunction(L, run);
	lua_pushlightuserdata(L, j);
	ok = !lua_pcall(L, 1, 0, 0);
	if (!ok)
		snprintf(why, size, "%s", reason(L, j));
	lua_close(L);
	return ok;
}

const struct script *script_new(struct arena *a, const char *name, const char *text, size_t n, const char *export,
    struct err *e)
{
	struct script *s = arena_alloc(a, sizeof(*s));
	struct job j = { .script = s, .purse = { .memory_max = SCRIPT_MEMORY_MAX } };
	char why[400];

	*s = (struct script){ arena_strdup(a, name), arena_strndup(a, text, n), export ? arena_strdup(a, export) : NULL, n };
	if (n > SCRIPT_TEXT_MAX)
		snprintf(why, sizeof(why), "%.200s: it has more than %d bytes", name, SCRIPT_TEXT_MAX);
	else if (protect(&j, why, sizeof(why)))
		return s;
	err_set(e, ERR_SYNTAX, "", "");
	if (strncmp(why, name, strlen(name)) != 0) /* a limit is reached at no line, and says no file */
		err_text(e, "%s: %s", name, why);
	else
		err_text(e, "%s", why);
	return NULL;
}

bool script_run(const struct script *s, struct span input, struct buf *result, struct buf *left, struct err *e)
{
	struct job j = { s, input, result, left,
		{ .memory_max = SCRIPT_MEMORY_MAX + SCRIPT_MEMORY_TIMES * input.n } };
	char why[400];

	may_block(); /* for as long as its limits let it run */
	result->max = SCRIPT_RESULT_MAX;
	if (left)
		left->max = SCRIPT_RESULT_MAX + SCRIPT_RESULT_TIMES * input.n;
	if (protect(&j, why, sizeof(why)))
		return true;
	return err_reason(e, ERR_INTERNAL, "script_failed", "a function of the gateway's configuration failed", "%s", why);
}
