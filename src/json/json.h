/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c behind the gate: trees are only made from text that passed scan_check(), and they
 * end with their arena. The getters return a fallback for an absent or wrongly typed member.
 */
#ifndef GATEHOUSE_JSON_JSON_H
#define GATEHOUSE_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

/* The tree of N bytes of TEXT, owned by the arena; NULL with ERR_SYNTAX or ERR_LIMIT. JSON null as
 * the whole document is ERR_SYNTAX. */
struct json_object *json_parse(
    struct arena *, const char *text, size_t n, const struct scan_limits *, struct err *);

/* New containers owned by the arena. What is added to them belongs to them. */
struct json_object *json_new_object(struct arena *);
struct json_object *json_new_array(struct arena *);

/* Adds to an object or array (NAME NULL: an array). A NULL string adds nothing. */
void json_add_string(struct json_object *, const char *name, const char *value);
void json_add_int(struct json_object *, const char *name, int64_t value);
void json_add_bool(struct json_object *, const char *name, bool value);
/* A reference is taken: VALUE may also belong to an arena. */
void json_add(struct json_object *, const char *name, struct json_object *value);

struct json_object *json_get(struct json_object *, const char *name); /* NULL: absent, or no object */
const char *json_get_string(struct json_object *, const char *name);  /* NULL: absent, or no string, or with a NUL inside */
bool json_get_bool(struct json_object *, const char *name, bool fallback);
int64_t json_get_int(struct json_object *, const char *name, int64_t fallback);

/*
 * A copy of its own, the caller's to add or put. What many threads share is read or copied: even its references are not counted
 * for two at once, and json_text() keeps notes in it.
 */
struct json_object *json_copy(struct json_object *);

/* The tree as text in the arena, slashes unescaped, no added blanks. */
const char *json_text(struct arena *, struct json_object *);

/*
 * JSON with // and block comments and trailing commas (outside strings): returns a copy of TEXT, of the same length,
 * with these blanked, in the arena, ready for json_parse(). ERR_SYNTAX for an unended comment.
 */
char *jsonc_blank(struct arena *, const char *text, size_t n, struct err *);

#endif
