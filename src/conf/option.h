/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as rows of a table: name, type, range, default, a sentence. Validation, error
 * messages ("unknown option 'scops' (did you mean 'scopes'?)") and the manual's lists come
 * from the same rows.
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

struct arena;
struct problems;

struct option {
	const char *name;
	enum option_type type;
	bool required;
	int64_t min, max;    /* integers: inclusive, when max > min */
	const char *words;   /* OPTION_ENUM */
	const char *initial; /* the default as the manual shows it; NULL: none */
	const char *about;   /* one sentence for the manual */
	const struct option *sub;
	/* checked, but without effect in this version: the manual and `check` say so */
	bool later;
};

/* Where a table is applied, for the messages. */
struct option_place {
	struct problems *problems;
	struct arena *arena;
	const char *file;
	const char *noun; /* what a member is called: "option", "key" */
};

/*
 * Checks OBJECT (its pointer is POINTER) by TABLE: unknown members with the nearest known
 * name, missing ones, types, ranges, words. Every fault is a problem; true if there was
 * none. No value is ever shown. Strings marked by option_mark_unresolved() pass as any
 * type.
 */
bool option_check(const struct option_place *, const struct option *table,
    struct json_object *object, const char *pointer);

/* Marks a string whose $env reference has no value: what it should have been is unknown. */
void option_mark_unresolved(struct json_object *);
bool option_is_unresolved(struct json_object *);

/*
 * The one of NAMES (ended by NULL) that a person who wrote NAME may have meant; NULL if
 * none is near. Case counts less than letters, swapped neighbours as one slip.
 */
const char *name_nearest(const char *name, const char *const *names);

#endif
