/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of .env and of the process, and the references to them. */
#include "config.h"

#include "conf/env.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "conf/file.h"

enum { ENV_FILES_MAX = 256 };

struct env_line {
	struct env_line *next;
	const char *name, *value;
	unsigned line;
};

struct env_seen { /* files that values came from */
	const char *files[ENV_FILES_MAX + 1];
	size_t n;
};

struct env {
	struct arena *arena;
	const char *dir;
	char *const *environ;
	struct env_line *lines;
	struct env_seen *seen;
};

struct env *env_new(struct arena *a, const char *dir, char *const *environ_)
{
	struct env *env = arena_alloc(a, sizeof(*env));

	env->arena = a;
	env->dir = dir;
	env->environ = environ_;
	env->seen = arena_calloc(a, 1, sizeof(*env->seen));
	return env;
}

static bool is_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

bool env_is_name(const char *s, size_t n)
{
	if (n == 0 || n > ENV_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_name_char(s[i], i == 0))
			return false;
	return true;
}

bool env_is_request_variable(const char *name)
{
	/* RFC 3875 section 4.1, and what Apache and lighttpd add to it; "_" at the end: a prefix */
	static const char *const names[] = { "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE",
		"CONTEXT_", "DOCUMENT_ROOT", "DOCUMENT_URI", "FCGI_", "GATEWAY_INTERFACE", "HTTPS",
		"HTTP_", "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "REDIRECT_", "REMOTE_",
		"REQUEST_", "SCRIPT_", "SERVER_", "SSL_", "UNIQUE_ID" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (names[i][n - 1] == '_' ? !strncmp(name, names[i], n) : !strcmp(name, names[i]))
			return true;
	}
	return false;
}

/* One line of .env while it is read. */
struct cursor {
	const char *p, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool at_end(const struct cursor *c)
{
	return c->p == c->end || *c->p == '#';
}

static char *value_single(struct arena *a, struct cursor *c, const char **fault)
{
	const char *start = ++c->p;
	const char *close = memchr(start, '\'', (size_t)(c->end - start));

	if (!close) {
		*fault = "the single quote is not closed on its line";
		return NULL;
	}
	c->p = close + 1;
	return arena_strndup(a, start, (size_t)(close - start));
}

static bool unescape(char letter, char *out)
{
	static const char letters[] = "nrt\"\\$", meant[] = "\n\r\t\"\\$";
	const char *found = letter ? strchr(letters, letter) : NULL;

	if (found)
		*out = meant[found - letters];
	return found != NULL;
}

static char *value_double(struct arena *a, struct cursor *c, const char **fault)
{
	char *out = arena_alloc(a, (size_t)(c->end - c->p) + 1), *w = out;

	for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p != '\\') {
			*w++ = *c->p;
		} else if (++c->p == c->end || !unescape(*c->p, w++)) {
			*fault =
			    "a backslash in double quotes is not one of \\n \\r \\t \\\" \\\\ \\$";
			return NULL;
		}
	}
	if (c->p == c->end) {
		*fault = "the double quote is not closed on its line";
		return NULL;
	}
	c->p++;
	return out;
}

static char *value_plain(struct arena *a, struct cursor *c)
{
	const char *start = c->p, *stop = c->p;

	for (; c->p < c->end; c->p++) {
		bool blank = *c->p == ' ' || *c->p == '\t';

		if (*c->p == '#' && c->p > start && (c->p[-1] == ' ' || c->p[-1] == '\t'))
			break;
		if (!blank)
			stop = c->p + 1;
	}
	return arena_strndup(a, start, (size_t)(stop - start));
}

/* The value after '='; NULL with what is wrong. */
static char *read_value(struct arena *a, struct cursor *c, const char **fault)
{
	char *value;
	bool quoted;

	skip_blanks(c);
	if (at_end(c))
		return arena_strdup(a, "");
	quoted = *c->p == '\'' || *c->p == '"';
	value = *c->p == '\'' ? value_single(a, c, fault)
		: quoted      ? value_double(a, c, fault)
			      : value_plain(a, c);
	skip_blanks(c);
	if (value && quoted && !at_end(c)) {
		*fault = "something follows the closing quote";
		return NULL;
	}
	return value;
}

static const char *read_name(struct arena *a, struct cursor *c)
{
	static const char export[] = "export";
	const size_t n = sizeof(export) - 1;
	const char *start;

	if ((size_t)(c->end - c->p) > n && !memcmp(c->p, export, n) &&
	    (c->p[n] == ' ' || c->p[n] == '\t')) {
		c->p += n;
		skip_blanks(c);
	}
	start = c->p;
	while (c->p < c->end && is_name_char(*c->p, c->p == start))
		c->p++;
	return env_is_name(start, (size_t)(c->p - start))
		   ? arena_strndup(a, start, (size_t)(c->p - start))
		   : NULL;
}

static const struct env_line *find_line(const struct env *env, const char *name)
{
	for (const struct env_line *l = env->lines; l; l = l->next)
		if (!strcmp(l->name, name))
			return l;
	return NULL;
}

static void line_fault(struct problems *ps, unsigned line, const char *fault)
{
	problem_add(ps, true, ".env", "", "write NAME=value, NAME='value' or NAME=\"value\"",
	    "line %u: %s", line, fault);
}

static void parse_line(struct env *env, struct cursor c, unsigned line, struct problems *ps)
{
	const struct env_line *before;
	const char *name, *fault = NULL;
	struct env_line *l;
	char *value;

	skip_blanks(&c);
	if (at_end(&c))
		return;
	name = read_name(env->arena, &c);
	skip_blanks(&c);
	if (!name || c.p == c.end || *c.p != '=') {
		line_fault(ps, line, "this is no NAME=value");
		return;
	}
	c.p++;
	value = read_value(env->arena, &c, &fault);
	if (!value) {
		line_fault(ps, line, fault);
		return;
	}
	before = find_line(env, name);
	if (before) {
		problem_add(ps, true, ".env", "", "keep one of the two lines",
		    "line %u: %s is set in line %u already", line, name, before->line);
		return;
	}
	l = arena_alloc(env->arena, sizeof(*l));
	*l = (struct env_line){ .next = env->lines, .name = name, .value = value, .line = line };
	env->lines = l;
}

void env_parse(struct env *env, const char *text, size_t n, struct problems *ps)
{
	const char *p = text, *end = text + n;

	if (memchr(text, '\0', n) || !utf8_is_valid(text, n)) {
		problem_add(ps, true, ".env", "", "save the file as UTF-8 text",
		    "the file is not UTF-8 text");
		return;
	}
	if (n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	for (unsigned line = 1; p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		parse_line(env,
		    (struct cursor){
			.p = p, .end = stop > p && stop[-1] == '\r' ? stop - 1 : stop },
		    line, ps);
		p = nl ? nl + 1 : end;
	}
}

static const char *find_process(const struct env *env, const char *name)
{
	size_t n = strlen(name);

	if (!env->environ || env_is_request_variable(name))
		return NULL;
	for (char *const *e = env->environ; *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

static const char *find_value(const struct env *env, const char *name)
{
	const char *value = find_process(env, name);
	const struct env_line *l = value ? NULL : find_line(env, name);

	return l ? l->value : value;
}

/* What the file that NAME_FILE names holds, without a line end at its end. */
static const char *read_value_file(
    const struct env *env, const char *name, const char *path, struct err *e)
{
	struct conf_text text;
	struct err io = { 0 };

	path = conf_path(env->arena, env->dir, path);
	if (env->seen->n < ENV_FILES_MAX)
		env->seen->files[env->seen->n++] = path;
	if (!conf_read(&text, env->arena, path, ENV_VALUE_MAX, &io)) {
		err_set(e, ERR_IO, "", "%s", io.detail);
		return err_text(e, "the file that %s_FILE names %s", name, io.text), NULL;
	}
	if (memchr(text.p, '\0', text.n)) {
		err_set(e, ERR_IO, "", "");
		return err_text(e, "the file that %s_FILE names holds a NUL", name), NULL;
	}
	if (text.n && text.p[text.n - 1] == '\n')
		text.p[--text.n] = '\0';
	if (text.n && text.p[text.n - 1] == '\r')
		text.p[--text.n] = '\0';
	return text.p;
}

const char *const *env_files(const struct env *env)
{
	return env->seen->files;
}

const char *env_get(const struct env *env, const char *name, struct err *e)
{
	const char *value = find_value(env, name), *path;

	if (value)
		return value;
	path = find_value(env, arena_printf(env->arena, "%s_FILE", name));
	if (path)
		return read_value_file(env, name, path, e);
	err_set(e, ERR_NOT_FOUND, "", "");
	err_text(e, "the variable %s is not set", name);
	return NULL;
}

struct form {
	const char *open;
	char close;
};

static const struct form forms[] = {
	[ENV_CALL] = { "$env(", ')' },
	[ENV_BRACES] = { "${env.", '}' },
};

/* The value of the reference whose name begins at S; *END is behind it. */
static const char *reference(const struct env *env, const struct form *f, const char *s,
    const char **end, env_report *report, void *context)
{
	const char *close = strchr(s, f->close), *value, *name;
	struct err e = { 0 };

	*end = close ? close + 1 : s;
	if (!close || !env_is_name(s, (size_t)(close - s))) {
		err_set(&e, ERR_SYNTAX, "", "");
		err_text(&e, "a reference is not of the form %sNAME%c", f->open, f->close);
		report(context, "", &e);
		return NULL;
	}
	name = arena_strndup(env->arena, s, (size_t)(close - s));
	value = env_get(env, name, &e);
	if (!value)
		report(context, name, &e);
	return value;
}

const char *env_expand(
    const struct env *env, enum env_form form, const char *text, env_report *report, void *context)
{
	const struct form *f = &forms[form];
	const char *s = text, *at, *end, *result = NULL;
	struct buf out;
	bool whole = true;

	if (!strstr(text, f->open))
		return text;
	buf_init(&out, 4 * ENV_VALUE_MAX);
	for (; (at = strstr(s, f->open)); s = end) {
		const char *value = reference(env, f, at + strlen(f->open), &end, report, context);

		whole &= value != NULL;
		buf_add(&out, s, (size_t)(at - s));
		buf_str(&out, value ? value : "");
	}
	buf_str(&out, s);
	if (out.over) {
		struct err e = { 0 };

		err_set(&e, ERR_LIMIT, "the text is too long once its references are replaced", "");
		report(context, "", &e);
	} else if (whole) {
		result = arena_strndup(env->arena, buf_text(&out), out.len);
	}
	buf_release(&out);
	return result;
}
