/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of JSON Schema (2020-12) that operators may hold a tool's arguments to: type, enum, const, minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern, items, minItems, maxItems, properties, required,
 * additionalProperties; title, description, default, examples, format and deprecated are for readers. Another keyword is an error: what is not
 * enforced must not look as if it were. Nothing is ever fetched.
 */
#ifndef GATEHOUSE_POLICY_SCHEMA_H
#define GATEHOUSE_POLICY_SCHEMA_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/problem.h"
#include "json/json.h"

struct schema;

/*
 * Reads one, with its patterns, into the arena; it holds references to OBJECT. NULL after a problem: each names its
 * pointer below POINTER.
 */
const struct schema *schema_new(struct arena *, struct json_object *object, struct problems *, const char *file,
    const char *pointer);

/*
 * Whether VALUE, of a checked text, is what the schema wants. ERR_INVALID_REQUEST, with a text for the caller that says which
 * value ("limit: it is more than 100") and never repeats it. Patterns that take too long are no match.
 */
bool schema_check(const struct schema *, struct arena *, struct span value, struct err *);

/*
 * BASE, an upstream's schema, with what THIS object of an operator's says merged into it: of two bounds the tighter one stays, of two
 * lists of values what is in both. Changes BASE, and only reads the other, which may be shared.
 */
void schema_narrow(struct json_object *base, struct json_object *with);

#endif
