/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A catalog of capabilities: which tools, prompts, resources and resource templates a route shows, and how.
 * Pure: it reads and writes text. Names are compared exactly, after JSON decoding. What is kept
 * without a projection is kept byte for byte, in the upstream's order; schemas always come from upstream.
 */
#ifndef GATEHOUSE_POLICY_CATALOG_H
#define GATEHOUSE_POLICY_CATALOG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

enum catalog_kind { CATALOG_TOOLS, CATALOG_PROMPTS, CATALOG_RESOURCES, CATALOG_TEMPLATES, CATALOG_KINDS };

/* "tools", "prompts", "resources", "resourceTemplates": the option, and the member of a list's result. */
const char *catalog_option(enum catalog_kind);
/* "name", "uri" or "uriTemplate": what identifies an item. */
const char *catalog_key(enum catalog_kind);

struct catalog;

/* Who asks. Where the catalog has no access control it does not matter. */
struct catalog_caller {
	struct span roles, groups; /* arrays of strings, or one string; absent: none */
};

/*
 * The caller with these CLAIMS (the text of a checked JSON object; NULL: nobody, who sees what is public). A claim's name
 * is taken literally first ("cognito:groups"), then as a path ("realm_access.roles").
 */
struct catalog_caller catalog_caller(const struct catalog *, struct arena *, const char *claims);

/* Whether accessControl.mode is rolesAndGroups. */
bool catalog_is_by_roles(const struct catalog *);

/* From the options of the filter (checked); in the arena, holding references to OPTIONS. */
struct catalog *catalog_new(struct arena *, struct json_object *options);

/* Whether an item is listed for the caller (or its kind is not filtered at all). */
bool catalog_shows(const struct catalog *, const struct catalog_caller *, enum catalog_kind, const char *name);

/*
 * Whether a call may be made: TYPE is "tool", "prompt" or "resource" (rpc.h). A resource may be read if
 * resources are not filtered, if it is listed, or if it matches a listed template; a completion may name a
 * listed template itself. A name that is NULL (no text, absent) may not where its kind is filtered.
 */
bool catalog_allows(const struct catalog *, const struct catalog_caller *, const char *type, const char *name);

/*
 * TEXT, one JSON-RPC message or a batch of them from an upstream, with every list in a result cut down to
 * what is shown, appended to OUT. False with ERR_UPSTREAM, reason upstream_malformed, if TEXT is no sound JSON
 * or a list is not what it should be.
 */
bool catalog_filter(const struct catalog *, const struct catalog_caller *, struct arena *, const char *text, size_t n, struct buf *out,
    struct err *);

#endif
