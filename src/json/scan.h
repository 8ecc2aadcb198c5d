/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate for foreign JSON (RFC 8259), before any other parser sees it. It refuses what
 * parsers disagree on: duplicate members (compared after decoding), a NUL in a name,
 * invalid or overlong UTF-8, lone surrogates, raw control characters, NaN and Infinity, a BOM, trailing
 * bytes, depth and size past the limits.
 *
 * After the gate, spans of values can be looked up in the checked text without building
 * a tree, and without changing a byte (ids keep their spelling: protocol §4.6).
 */
#ifndef GATEHOUSE_JSON_SCAN_H
#define GATEHOUSE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct scan_limits {
	size_t bytes;     /* of the whole text */
	unsigned depth;   /* of nested arrays and objects; a scalar alone has depth 0 */
	unsigned members; /* of all objects and arrays together */
	bool tree;        /* refuse too what json-c misreads; json_parse() sets it (see json.c) */
};

/* security.md §4: depth 32; the byte limit is the caller's. */
struct scan_limits scan_limits_of(size_t bytes);

/*
 * Whether the N bytes at TEXT are one JSON value that every parser reads alike. No memory is kept.
 * ERR_SYNTAX (malformed, duplicate; the text names the member and the byte offset) or ERR_LIMIT.
 */
bool scan_check(const char *text, size_t n, const struct scan_limits *, struct err *);

/* The same; *AT is the offset of the byte that is wrong (of a duplicate name, its quote), 0 if none is. */
bool scan_check_at(const char *text, size_t n, const struct scan_limits *, size_t *at, struct err *);

/* A value inside a checked text. p == NULL: absent. */
struct span {
	const char *p;
	size_t n;
};

/* A member of an object, as the check passed it. */
struct scan_part {
	struct span name; /* raw, with its quotes */
	struct span value;
	unsigned after;   /* the place in the list of the part that follows it, behind those that lie in it */
	bool has_inner;   /* its own members are in the list */
};

/*
 * The members of the outermost object, and of the objects that are its members: whoever looks for some of them need not walk through
 * the text again.
 */
struct scan_parts {
	struct scan_part *of; /* the caller's, MAX of them */
	unsigned max, n;
	bool over; /* there were more: nothing is known */
	const char *whole; /* where the outermost object begins; NULL: the value is none */
};

/* scan_check(), which fills PARTS too. */
bool scan_check_parts(const char *text, size_t n, const struct scan_limits *, struct scan_parts *parts, struct err *);

/* The first of the members of OBJECT, and in *END what is behind the last; NULL if they are not in PARTS (which may be NULL): scan_next()
 * finds them. */
const struct scan_part *scan_parts_of(const struct scan_parts *parts, struct span object, const struct scan_part **end);

/* The one behind P. */
static inline const struct scan_part *scan_part_next(const struct scan_parts *parts, const struct scan_part *p)
{
	return parts->of + p->after;
}

/* The value in N checked bytes, without the blanks around it. */
struct span scan_value(const char *text, size_t n);

/* The value (without surrounding blanks) of member NAME of the object at OBJECT; absent if none, or no object. */
struct span scan_member(struct span object, const char *name);

/* scan_member along a path of names ended by NULL. */
struct span scan_path(struct span object, ...) __attribute__((sentinel));

/* '{', '[', '"', '0' (a number), 't', 'f', 'n'; 0 for an absent span. */
char scan_kind(struct span);

/* Walks an array or object: *POS is 0 at the start. False at the end. NAME (may be NULL) gets the raw name with its quotes. */
bool scan_next(struct span container, size_t *pos, struct span *name, struct span *value);

/* The decoded text of a string value, in the arena; NULL if not a string or it holds U+0000. */
char *scan_string(struct span, struct arena *);

/* The same in the SIZE bytes at OUT; false also if it does not fit. */
bool scan_copy(struct span, char *out, size_t size);

/* The decoded bytes of a string value, U+0000 too, at OUT, where there is room for s.n of them: how many; 0 if it is no string. */
size_t scan_decode(struct span, char *out);

/* Whether the span is a string that decodes to TEXT. Takes no memory. */
bool scan_string_is(struct span, const char *text);

/*
 * The same, whatever the case of letters, for readers that do not tell it apart. TEXT is ASCII; Unicode has two letters more that
 * fold to ASCII, the long s and the Kelvin sign.
 */
bool scan_string_folds_to(struct span, const char *text);

/* The member NAME (ASCII), or absent. False: there is one that only such readers take for it. */
bool scan_sole_member(struct span object, const char *name, struct span *value);

/*
 * Decodes the byte, or the escape, at *P, before END, of the text between a string's quotes into OUT, and passes it. Returns
 * its length in OUT; 0: a broken escape.
 */
size_t scan_decode_one(const char **p, const char *end, char out[4]);

/* The first byte from P on that is no plain part of a string: a quote, a backslash, a control, or beyond ASCII; END if none. Fast. */
const char *scan_plain_end(const char *p, const char *end);

#endif
