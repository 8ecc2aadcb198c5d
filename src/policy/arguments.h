/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator lets callers say to a tool: {"pin": {name: value}, "remove": [name], "schema": {…}}.
 *
 * A pinned argument vanishes from the schema that is published, and is set on each call, whatever the caller says. One that is removed
 * vanishes, and a call that has it all the same is refused: dropped in silence, a caller would believe that it counted. The
 * schema (schema.h) narrows what is published, and is enforced. What spells a name of these in another case is refused, since
 * some upstreams would take it for the name.
 */
#ifndef GATEHOUSE_POLICY_ARGUMENTS_H
#define GATEHOUSE_POLICY_ARGUMENTS_H

#include "policy/schema.h"

struct arguments;

extern const struct option arguments_options[];

/* From the option, checked by its table, in the arena; NULL after a problem. Holds references to OBJECT. */
const struct arguments *arguments_new(struct arena *, struct json_object *object, struct problems *, const char *file,
    const char *pointer);

/*
 * The arguments that go upstream for those that the caller SAID (of a checked text; absent: none), appended to OUT. ERR_INVALID_REQUEST with a
 * text for the caller.
 */
bool arguments_apply(const struct arguments *, struct arena *, struct span said, struct buf *out, struct err *);

/* A tool's inputSchema, SCHEMA of a checked text, as it is published, appended to OUT. False: it is too large to read. */
bool arguments_publish(const struct arguments *, struct arena *, struct span schema, struct buf *out);

#endif
