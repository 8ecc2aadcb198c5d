/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of an event: one line of text each, without its end. What may be told was decided before (event/event.h). */
#ifndef GATEHOUSE_KEEPER_EVENT_FORM_H
#define GATEHOUSE_KEEPER_EVENT_FORM_H

#include "base/buf.h"
#include "conf/destination.h"
#include "keeper/told.h"
#include "rpc/trace.h"

enum { FORM_LINE_MAX = 160 * 1024 }; /* all texts of an event, escaped */

void form_write(struct buf *, enum event_form, const struct told *);

/*
 * Where the parts of a line of the gateway's own form are in the buffer. Most parts of a line are those of the line before it, which
 * told_unpack() leaves in one place: they are copied from there. Zeroed: there is no line before.
 */
enum { FORM_PARTS = 64 };
struct form_before {
	const struct db_rows *rows;
	size_t row;
	size_t head, at[FORM_PARTS + 1];
};
/* As form_write() of FORM_GATEHOUSE, into the buffer that has the line before. */
void form_write_next(struct buf *, const struct told *, struct form_before *);

/* "gatehouse", "ecs", "ocsf", "cef"; false for another word. */
bool event_form_parse(const char *word, enum event_form *);

/* Its trace context; what was checked when it came. */
static inline void form_trace(struct trace_ids *ids, const struct told *t)
{
	trace_ids(ids, told_get(t, T_ID), told_get(t, T_TRACE_PARENT));
}

/* What sort of thing an event is, for forms that have classes of them. */
enum told_kind {
	KIND_CALL,
	KIND_LOGIN,
	KIND_CONSENT, /* and tokens issued */
	KIND_END,     /* revocation, sign-out */
	KIND_OTHER_AUTH,
	KIND_POLICY,
	KIND_ADMINISTRATION,
	KIND_ANCHOR,
};
enum told_kind form_kind(const struct told *);
/* 1 success, 2 failure, 0 neither. */
int form_status(const struct told *);

void form_ecs(struct buf *, const struct told *);
void form_ocsf(struct buf *, const struct told *);
void form_cef(struct buf *, const struct told *);

#endif
