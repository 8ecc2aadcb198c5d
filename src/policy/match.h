/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a catalog that stand for many names: globs and regular expressions. Both must match a whole name. */
#ifndef GATEHOUSE_POLICY_MATCH_H
#define GATEHOUSE_POLICY_MATCH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/pattern.h"

enum { MATCH_NAME_MAX = 1024 /* bytes: a longer name is none that an expression matches */ };

struct match;

/* "*" stands for any characters, "?" for one. All others stand for themselves. In the arena. */
const struct match *match_new_glob(struct arena *, const char *text);

/* By PCRE2. NULL with ERR_SYNTAX, whose text says what is wrong. */
const struct match *match_new_regex(struct arena *, const char *text, struct err *);

/*
 * Whether it is a match for NAME (UTF-8). IS_URI: then none with a dot segment in any spelling is, as in
 * uri_template.h. What takes too long is no match. *SEARCH is NULL at first, made where one is needed, and the caller's to
 * free.
 */
bool match_name(const struct match *, struct pattern_search **search, const char *name, bool is_uri);

#endif
