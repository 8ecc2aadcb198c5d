/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A catalog of capabilities: which tools, prompts, resources and resource templates a route shows, and how. An entry is one
 * name, or a pattern of names. One with the name decides alone, else the first pattern that matches.
 * Pure: it reads and writes text. Names are compared exactly, after JSON decoding. What is kept
 * without a projection is kept byte for byte, in the upstream's order; schemas always come from upstream.
 */
#ifndef GATEHOUSE_POLICY_CATALOG_H
#define GATEHOUSE_POLICY_CATALOG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/problem.h"
#include "json/json.h"

enum catalog_kind { CATALOG_TOOLS, CATALOG_PROMPTS, CATALOG_RESOURCES, CATALOG_TEMPLATES, CATALOG_KINDS };

/* "tools", "prompts", "resources", "resourceTemplates": the option, and the member of a list's result. */
const char *catalog_option(enum catalog_kind);
/* "name", "uri" or "uriTemplate": what identifies an item. */
const char *catalog_key(enum catalog_kind);

struct catalog;

enum catalog_access { CATALOG_FOR_ALL, CATALOG_BY_ROLES, CATALOG_BY_FUNCTION };

/* Who asks. Where the catalog has no access control it does not matter. */
struct catalog_caller {
	struct span roles, groups; /* arrays of strings, or one string; absent: none */
	/*
	 * By function: what it answered, checked JSON: an array of identifiers of every kind that is filtered, or an object with such an
	 * array for each kind ("tools": […]). Absent, or anything else: nothing at all is allowed.
	 */
	struct span allowed;
};

/*
 * The caller with these CLAIMS (the text of a checked JSON object; NULL: nobody, who sees what is public). A claim's name
 * is taken literally first ("cognito:groups"), then as a path ("realm_access.roles").
 */
struct catalog_caller catalog_caller(const struct catalog *, struct arena *, const char *claims);

enum catalog_access catalog_access(const struct catalog *);

/*
 * From the options of the filter (checked by its table), in the arena, holding references to OPTIONS. NULL after a problem, which says what the table
 * could not: POINTER is that of OPTIONS.
 */
struct catalog *catalog_new(struct arena *, struct json_object *options, struct problems *, const char *file,
    const char *pointer);

/* For functions: the names, or {"match": …}, {"regex": …}, of each kind that is filtered, as a JSON object. */
const char *catalog_text(const struct catalog *);

/*
 * Whether a call may be made: TYPE is "tool", "prompt" or "resource" (rpc.h), NAME what the client calls it. A resource may be read if
 * resources are not filtered, if it is listed, or if it matches a listed template; a completion may name a
 * listed template itself. A name that is NULL (no text, absent) may not where its kind is filtered.
 */
bool catalog_allows(const struct catalog *, const struct catalog_caller *, const char *type, const char *name);

/* Whether some entry has another name for clients, or constrains arguments: else catalog_call() changes nothing. */
bool catalog_changes_calls(const struct catalog *);

/*
 * TEXT, a checked message of the client or a batch of them whose calls are allowed, as it goes upstream, appended to OUT. False with
 * ERR_INVALID_REQUEST and a text for the client (arguments that are refused), or ERR_ACCESS_DENIED (a call that is not
 * allowed).
 */
bool catalog_call(const struct catalog *, const struct catalog_caller *, struct arena *, const char *text, size_t n,
    struct buf *out, struct err *);

/*
 * TEXT, one JSON-RPC message or a batch of them from an upstream, with every list in a result cut down to
 * what is shown, appended to OUT. False with ERR_UPSTREAM, reason upstream_malformed, if TEXT is no sound JSON
 * or a list is not what it should be; also if a member spells "result" or a list's name in another case, since some clients would take it
 * for the name.
 */
bool catalog_filter(const struct catalog *, const struct catalog_caller *, struct arena *, const char *text, size_t n, struct buf *out,
    struct err *);

#endif
