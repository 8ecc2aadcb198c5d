/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What data loss prevention can look for: rows from which the search, the validation of `entities` and the manual's list
 * come. An entity may have several rows: one for each of its forms.
 */
#ifndef GATEHOUSE_POLICY_DLP_ENTITIES_H
#define GATEHOUSE_POLICY_DLP_ENTITIES_H

#include <stdbool.h>

#include "base/pattern.h"

struct dlp_entity {
	const char *id;        /* category-scope-name */
	const char *about;     /* for the manual; NULL: the row before says it */
	const char *pattern;   /* PCRE2; with (?C1) where `check` is asked */
	double confidence;     /* of a match without context; below 0.5 it needs some */
	pattern_check *check;  /* NULL: the form is all */
	const char *literal;   /* a text that must be there, or the pattern is not tried; NULL: none */
	unsigned digits;       /* so many digits must be there */
	const char *const *context; /* words in lower case, ended by NULL; a blank stands for any or no separator. NULL: none */
};

extern const struct dlp_entity dlp_entities[]; /* ended by a NULL id */

/* Groups beside the beginnings of ids, ended by a NULL name. */
struct dlp_group {
	const char *name, *about;
	const char *begin; /* beginnings of ids, separated by blanks; NULL: see `scopes` */
	const char *scopes;
};
extern const struct dlp_group dlp_groups[];

/*
 * Whether SELECTOR, of the option `entities`, takes this entity: its id, the beginning of its id up to a hyphen, a group,
 * "region-" with its country, or "all".
 */
bool dlp_selects(const char *selector, const struct dlp_entity *);

#endif
