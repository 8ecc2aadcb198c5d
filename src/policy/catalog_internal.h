/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the catalog: catalog.c reads it, catalog_view.c says who sees what, catalog_edit.c writes messages. */
#ifndef GATEHOUSE_POLICY_CATALOG_INTERNAL_H
#define GATEHOUSE_POLICY_CATALOG_INTERNAL_H

#include "policy/arguments.h"
#include "policy/catalog.h"
#include "policy/match.h"

/* Members of an item that an entry replaces, and those that it merges into. Both lists end with NULL. */
enum { REPLACED = 3, MERGED = 2 };
extern const char *const catalog_replaced[REPLACED + 1];
extern const char *const catalog_merged[MERGED + 1];

/* Immutable, and shared by threads: trees are only read, what is written of them is text. */
struct entry {
	const char *key;             /* the upstream's name; NULL: */
	const struct match *match;
	const char *shown;           /* what clients call it: `key`, but for a rename */
	const char *shown_text, *key_text; /* both as JSON strings */
	struct json_object *marks;   /* roles, groups, public; NULL: none */
	const char *replaced[REPLACED]; /* JSON text; NULL: as the upstream has it */
	struct json_object *merged[MERGED];
	const char *merged_text[MERGED];
	const struct arguments *arguments;
	bool plain;                  /* items are kept as they are */
};

struct list {
	bool filtered;
	size_t n;                /* entries with a name, */
	struct entry *entries;   /* by it, */
	const struct entry **by_shown; /* and by what clients call it */
	size_t patterns_n;
	struct entry *patterns;  /* in the order of the configuration */
};

struct catalog {
	struct list lists[CATALOG_KINDS];
	enum catalog_access access;
	bool changes_calls;
	const char *role_claim, *group_claim, *text;
};

/* "tools", "prompts", "resources", "resourceTemplates": the option, and the member of a list's result. */
const char *catalog_option(enum catalog_kind);
/* "name", "uri" or "uriTemplate": what identifies an item. */
const char *catalog_key(enum catalog_kind);

/* A catalog as one caller sees it, while one text is read. */
struct view {
	const struct catalog *c;
	const struct catalog_caller *who;
	struct arena *arena;
	struct pattern_search *search; /* NULL at first; view_end() frees it */
};
void view_end(struct view *);

/* Whether the lists of a kind differ from the upstream's for anybody. */
bool view_filters(const struct view *, enum catalog_kind);
/* What is shown of the upstream's NAME; NULL: nothing. */
const struct entry *view_find(struct view *, enum catalog_kind, const char *name);
/* What a client means by NAME, and in *UPSTREAM what it is called there; NULL: nothing that it may use. */
const struct entry *view_find_shown(struct view *, enum catalog_kind, const char *name, const char **upstream);

#endif
