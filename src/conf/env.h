/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The variables that a project's files may refer to: .env beside them, and the environment that
 * the program was started with, which wins. NAME_FILE gives a value by the file that holds it.
 *
 * .env has lines NAME=value. A value may stand in single quotes (taken as it is) or double
 * quotes (\n \r \t \" \\ \$ are escapes); without quotes it ends at " #" or the line,
 * blanks around it do not count. "export " before the name and lines that begin with # are
 * allowed. A name may be given once.
 *
 * A plain CGI program finds the request in its environment, written by the client: variables of
 * CGI, and HTTP_*, are never taken from there.
 */
#ifndef GATEHOUSE_CONF_ENV_H
#define GATEHOUSE_CONF_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/project.h"

enum {
	ENV_TEXT_MAX = 256 * 1024, /* of .env */
	ENV_VALUE_MAX = 64 * 1024, /* of one value, and of the file that a NAME_FILE names */
	ENV_NAME_MAX = 128,
};

struct env;

/*
 * DIR is what relative NAME_FILE paths are relative to. ENVIRON is "NAME=value" texts ended
 * by NULL (it must outlive the env), or NULL for none.
 */
struct env *env_new(struct arena *, const char *dir, char *const *environ);

/*
 * Adds the lines of a .env file. Each fault is a problem of file ".env" with its line; the
 * other lines count.
 */
void env_parse(struct env *, const char *text, size_t n, struct problems *);

/*
 * Whether N bytes at S are a name: letters, digits and _, not first a digit, at most
 * ENV_NAME_MAX.
 */
bool env_is_name(const char *s, size_t n);

/* Whether the name belongs to a CGI request, so that the process's environment is not asked. */
bool env_is_request_variable(const char *name);

/*
 * The value; NULL with ERR_NOT_FOUND (not set anywhere) or ERR_IO (NAME_FILE cannot be
 * used; the text says why). The text never holds a value.
 */
const char *env_get(const struct env *, const char *name, struct err *);

/* The files that NAME_FILE variables led to so far, readable or not: absolute paths, ended by NULL. */
const char *const *env_files(const struct env *);

/* How references are written. */
enum env_form {
	ENV_CALL,   /* $env(NAME), in policy options */
	ENV_BRACES, /* ${env.NAME}, in rewritePattern */
};

/* Told of each reference that has no value. NAME is "" for a malformed one (ERR_SYNTAX). */
typedef void env_report(void *context, const char *name, const struct err *);

/*
 * TEXT with its references replaced, in the env's arena. What is put in is not looked at
 * again. NULL if any reference has no value: REPORT was called for each.
 */
const char *env_expand(
    const struct env *, enum env_form, const char *text, env_report *report, void *context);

#endif
