/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as rows of a table: name, type, range, default, a sentence. Validation, error
 * messages ("unknown option 'scops' (did you mean 'scopes'?)") and the manual's lists come from the same rows.
 */
#ifndef GATEHOUSE_CONF_OPTION_H
#define GATEHOUSE_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

enum option_type {
	OPTION_END = 0, /* the zero row ends a table */
	OPTION_STRING,
	OPTION_SECRET, /* a string that must never be shown */
	OPTION_URL,    /* an absolute http(s) URL */
	OPTION_BOOL,
	OPTION_INT,
	OPTION_NUMBER,
	OPTION_ENUM,    /* one of `words`, separated by blanks */
	OPTION_STRINGS, /* an array of strings */
	OPTION_OBJECT,  /* `sub` describes its members; NULL: any object */
	OPTION_OBJECTS, /* an array of objects, each as `sub` */
	OPTION_ANY,     /* checked by the policy's own load */
};

struct option {
	const char *name;
	enum option_type type;
	bool required;
	int64_t min, max;   /* integers: inclusive, when max > min */
	const char *words;  /* OPTION_ENUM */
	const char *initial; /* the default as the manual shows it; NULL: none */
	const char *about;  /* one sentence for the manual */
	const struct option *sub;
};

#endif
