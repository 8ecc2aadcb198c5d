/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a project's files share. */
#include "config.h"

#include "conf/load.h"

#include <stdarg.h>
#include <string.h>

#include "conf/file.h"
#include "conf/place.h"

static struct json_object *parse_failed(
    struct loader *l, const char *file, const char *plain, size_t n, const struct err *e)
{
	struct scan_limits limits = scan_limits_of(CONF_FILE_MAX);
	size_t at = 0;

	/* what json_parse() refused: once more, for the place */
	if (plain)
		scan_check_at(plain, n, &limits, &at, NULL);
	problem_add(l->problems, true, file, plain ? place_pointer(l->arena, plain, n, at) : "",
	    "mend it: JSON, with comments and trailing commas allowed, and no member twice",
	    at ? "%s (line %u)" : "%s", e->text, plain ? place_line(plain, at) : 0);
	return NULL;
}

struct json_object *load_json(struct loader *l, const char *file, bool *absent)
{
	struct scan_limits limits = scan_limits_of(CONF_FILE_MAX);
	struct json_object *doc;
	struct err e = { 0 };
	struct conf_text text;
	char *plain;

	if (!conf_read(
		&text, l->arena, conf_path(l->arena, l->files_dir, file), CONF_FILE_MAX, &e)) {
		if (absent && e.code == ERR_NOT_FOUND)
			*absent = true;
		else
			problem_add(l->problems, true, file, "", "put a readable file there",
			    "the file %s", e.text);
		return NULL;
	}
	if (text.modified > l->p->modified)
		l->p->modified = text.modified;
	plain = jsonc_blank(l->arena, text.p, text.n, &e);
	doc = plain ? json_parse(l->arena, plain, text.n, &limits, &e) : NULL;
	if (!doc)
		return parse_failed(l, file, plain, text.n, &e);
	if (!json_object_is_type(doc, json_type_object)) {
		problem_add(
		    l->problems, true, file, "", "write { … }", "the file must hold an object");
		return NULL;
	}
	return doc;
}

const char *const *load_strings(struct loader *l, struct json_object *array)
{
	size_t n = array ? json_object_array_length(array) : 0;
	const char **list = arena_calloc(l->arena, n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = json_object_get_string(json_object_array_get_idx(array, i));
	return list;
}

/* The place of the references at hand. */
struct reporting {
	struct loader *l;
	const char *file, *pointer;
	struct expansion *x;
};

/* What to do about a variable that is not set. */
static const char *variable_remedy(const struct loader *l, const char *name)
{
	if (env_is_request_variable(name))
		return arena_printf(l->arena,
		    "put %s=… into .env, or choose another name: a web server sets this one "
		    "itself, so the "
		    "process's environment is not asked for it",
		    name);
	if (!l->has_env_file)
		return arena_printf(l->arena,
		    "not set up yet: make the file .env with a line %s=… (or set %s or %s_FILE in "
		    "the "
		    "environment of the programs)",
		    name, name, name);
	return arena_printf(l->arena,
	    "add a line %s=… to .env (or set %s or %s_FILE in the environment of the programs)",
	    name, name, name);
}

static void report(void *context, const char *name, const struct err *e)
{
	struct reporting *r = context;
	struct loader *l = r->l;
	struct expansion *x = r->x;
	/* a fresh clone has no .env yet: that it needs one is news, not an error */
	bool not_set_up = l->check && !l->has_env_file && e->code == ERR_NOT_FOUND;

	x->missing = true;
	if (!x->needed && e->code != ERR_SYNTAX)
		return;
	problem_add(l->problems, x->used && !not_set_up, r->file, r->pointer,
	    e->code == ERR_NOT_FOUND ? variable_remedy(l, name)
	    : e->code == ERR_IO      ? "give it the path of a readable file"
				     : "mend the reference",
	    "%s: %s", x->owner, e->text);
	if (!x->fault)
		x->fault =
		    arena_printf(l->arena, "%s#%s: %s: %s", r->file, r->pointer, x->owner, e->text);
}

const char *load_expand(struct loader *l, enum env_form form, const char *text, const char *file,
    const char *pointer, struct expansion *x)
{
	struct reporting r = { .l = l, .file = file, .pointer = pointer, .x = x };

	return env_expand(l->env, form, text, report, &r);
}

bool load_is_needed(const struct loader *l, enum policy_class class)
{
	static const char *const nothing[] = { "discovery", "consent", "console" };

	if (!l->program || l->check)
		return true;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		if (!strcmp(l->program, nothing[i]))
			return false;
	if (!strcmp(l->program, "oauth"))
		return class == POLICY_OAUTH;
	if (!strcmp(l->program, "connect"))
		return class == POLICY_EXCHANGE;
	return strcmp(l->program, "mcp") != 0 || class != POLICY_OAUTH;
}

void route_fault(struct loader *l, struct mcp_route *r, const char *pointer, const char *remedy,
    const char *fmt, ...)
{
	size_t mark = problems_mark(l->problems);
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(l->arena, fmt, ap);
	va_end(ap);
	problem_add(l->problems, true, ROUTES_FILE, pointer, remedy, "%s", text);
	if (!r->fault)
		r->fault = problems_fault(l->problems, mark);
}

bool path_is_under(const char *a, const char *b)
{
	size_t n = strlen(b);

	return n > 0 && !strncmp(a, b, n) && (a[n] == '\0' || a[n] == '/');
}

static bool is_path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~!$&'()+,=:@/", c) != NULL;
}

bool path_is_sound(const char *path)
{
	if (*path != '/')
		return false;
	for (const char *p = path; *p; p++) {
		size_t n = strcspn(p + 1, "/");

		if (!is_path_char(*p))
			return false;
		if (*p == '/' && (n == 0 || (p[1] == '.' && (n == 1 || (n == 2 && p[2] == '.')))))
			return false;
	}
	return true;
}
