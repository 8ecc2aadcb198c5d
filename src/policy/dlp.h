/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data loss prevention: finds personal data, secrets and own patterns in messages, and masks them.
 *
 * Searched are all strings and numbers of a message, and the names of members, each by itself after decoding, so
 * that no escape hides anything; not the parts that are the protocol's own (see dlp_message()). A match counts from
 * `minConfidence` on; words near it, in the text or as the name of the member that holds it, add 0.45.
 */
#ifndef GATEHOUSE_POLICY_DLP_H
#define GATEHOUSE_POLICY_DLP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	DLP_WINDOW = 60 /* bytes before and behind a match in which words count */
};
#define DLP_CONTEXT 0.45 /* what they add */

/* What is looked for: made once, then shared by threads. */
struct dlp;

/* In the arena, with all that is added to it. MASK replaces what is found. */
struct dlp *dlp_new(struct arena *, double min_confidence, const char *mask);

/* The entities of a selector (dlp_entities.h). False: it takes none. */
bool dlp_add_entities(struct dlp *, const char *selector);

/* CONTEXT is ended by NULL, or NULL. False with ERR_SYNTAX: the text says what PCRE2 objects to. */
bool dlp_add_pattern(struct dlp *, const char *name, const char *pattern, double confidence, const char *const *context,
    struct err *);

/* A value that is no match; letters in any case. */
void dlp_allow(struct dlp *, const char *value);

/* Whether anything is looked for; whether the mask itself would be found. */
bool dlp_is_empty(const struct dlp *);
bool dlp_finds_mask(const struct dlp *);

/* What one message held. */
struct dlp_report {
	size_t found;     /* matches, all together */
	unsigned *counts; /* of each entity or pattern, as dlp_names() orders them */
	size_t unsearched; /* values for which a limit of the search was hit: taken for matches */
};

/* How long `counts` is; and what several messages held: added to a total whose counts are there. */
size_t dlp_counts(const struct dlp *);
void dlp_report_add(const struct dlp *, struct dlp_report *total, const struct dlp_report *);

/* The names of what was found: "id-us-ssn, contact-global-email", with COUNTS "id-us-ssn: 2, …"; in the arena. */
const char *dlp_names(const struct dlp *, const struct dlp_report *, struct arena *, bool counts);

/*
 * Searches a message or batch, N bytes at TEXT, and appends it to OUT with all matches masked; with OUT NULL it is only searched.
 * What holds no match stays byte for byte. A number with a match becomes a string.
 *
 * Neither searched nor changed: jsonrpc, id, method; the name of a tool or prompt that is called or listed; progress tokens,
 * cursors, the ids of requests and tasks, requestState, protocol versions.
 *
 * False with ERR_SYNTAX where TEXT passes not the gate, ERR_LIMIT where the masked message is longer than OUT may be.
 */
bool dlp_message(const struct dlp *, struct arena *, const char *text, size_t n, struct buf *out, struct dlp_report *,
    struct err *);

#endif
