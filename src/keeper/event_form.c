/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own form, which is that of its log, and what all forms share. */
#include "config.h"

#include "keeper/event_form.h"

#include "keeper/json_write.h"

#include <string.h>

static const char *const words[] = {
	[FORM_GATEHOUSE] = "gatehouse",
	[FORM_ECS] = "ecs",
	[FORM_OCSF] = "ocsf",
	[FORM_CEF] = "cef",
};

bool event_form_parse(const char *word, enum event_form *out)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i])) {
			*out = (enum event_form)i;
			return true;
		}
	return false;
}

/* ---- what an event is ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

enum told_kind form_kind(const struct told *t)
{
	static const struct {
		const char *end;
		enum told_kind kind;
	} kinds[] = {
		{ "_login_succeeded", KIND_LOGIN },
		{ "_login_failed", KIND_LOGIN },
		{ "_consent_approved", KIND_CONSENT },
		{ "_consent_denied", KIND_CONSENT },
		{ "_token_issued", KIND_CONSENT },
		{ "_connection_established", KIND_CONSENT },
		{ "_revoked", KIND_END },
		{ "_logout", KIND_END },
		{ "_signed_out", KIND_END },
	};
	const char *family = told_family(t), *name = told_name(t);

	if (!strcmp(family, "call"))
		return KIND_CALL;
	if (!strcmp(family, "policy"))
		return KIND_POLICY;
	if (!strcmp(family, "audit"))
		return KIND_ADMINISTRATION;
	if (!strcmp(family, "anchor"))
		return KIND_ANCHOR;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (ends_with(name, kinds[i].end))
			return kinds[i].kind;
	return KIND_OTHER_AUTH;
}

int form_status(const struct told *t)
{
	const char *outcome = told_get(t, T_OUTCOME), *severity = told_get(t, T_SEVERITY);

	if (!outcome)
		return severity && !strcmp(severity, "error") ? 2 : !strcmp(told_family(t), "audit") ? 1 : 0;
	if (!strcmp(outcome, "success"))
		return 1;
	return !strcmp(outcome, "cancelled") || !strcmp(outcome, "partial") ? 0 : 2;
}

/* ---- the gateway's own ---- */

/* 12345 microseconds as 12.345. */
static void add_ms(struct buf *b, const char *name, const char *us)
{
	int64_t n = told_decimal(us, 0);
	const char rest[] = { '.', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10) };

	jw_name(b, name);
	buf_int(b, n / 1000);
	buf_add(b, rest, sizeof(rest));
}

static void add_field(struct buf *b, const struct record_field *f, const char *text)
{
	if (!text || f->offset == offsetof(struct record, severity))
		return;
	for (const char *name = f->name; name; name = name == f->name ? f->alias : NULL) {
		if (f->kind == RECORD_TEXT || f->kind == RECORD_BODY)
			jw_text(b, name, text);
		else if (f->kind == RECORD_TIME)
			add_ms(b, name, text);
		else
			jw_raw(b, name, text);
	}
}

static void add_head(struct buf *b, const struct told *t)
{
	const char *family = told_family(t);

	jw_text(b, "level", told_get(t, T_SEVERITY));
	jw_text(b, "program", told_column(t, TOLD_PROGRAM));
	if (told_column(t, TOLD_NODE) && *told_column(t, TOLD_NODE))
		jw_text(b, "node", told_column(t, TOLD_NODE));
	jw_text(b, "family", !strcmp(family, "auth") ? "auth_event" : !strcmp(family, "policy") ? "policy_event" : family);
}

static bool same_head(const struct told *t, const struct told *old)
{
	return !told_column(t, TOLD_AT) == !told_column(old, TOLD_AT) && /* its comma */
	       told_get(t, T_SEVERITY) == told_get(old, T_SEVERITY) && told_column(t, TOLD_PROGRAM) == told_column(old, TOLD_PROGRAM) &&
	       told_column(t, TOLD_NODE) == told_column(old, TOLD_NODE) && told_column(t, TOLD_FAMILY) == told_column(old, TOLD_FAMILY);
}

/* Fields from I on that are those of the line before, of which AT is filled in; returns the field behind them. */
static size_t copy_fields(struct buf *b, const char *const *fields, const char *const *old, const struct form_before *p, size_t i, size_t *at)
{
	size_t first = i;

	for (; record_fields[i].name && i < FORM_PARTS && fields[i] == old[i]; i++)
		at[i] = b->len + (p->at[i] - p->at[first]);
	buf_again(b, p->at[first], p->at[i] - p->at[first]);
	return i;
}

void form_write_next(struct buf *b, const struct told *t, struct form_before *p)
{
	struct form_before now = { .rows = t->rows, .row = t->row };
	const struct told old = { .rows = t->rows, .row = p->row };
	bool follows = p->rows == t->rows && p->row + 1 == t->row;
	const char *const *fields = told_fields(t), *const *fields_old = follows ? told_fields(&old) : NULL;
	size_t i = 0;

	buf_char(b, '{'); /* whatever stands before it */
	jw_text(b, "time", told_column(t, TOLD_AT));
	now.head = b->len;
	if (follows && same_head(t, &old))
		buf_again(b, p->head, p->at[0] - p->head);
	else
		add_head(b, t);
	while (record_fields[i].name && i < FORM_PARTS) {
		if (follows && fields[i] == fields_old[i]) {
			i = copy_fields(b, fields, fields_old, p, i, now.at);
		} else {
			now.at[i] = b->len;
			add_field(b, &record_fields[i], fields[i]);
			i++;
		}
	}
	now.at[i] = b->len;
	jw_text(b, "object", told_object(t));
	jw_raw(b, "detail", told_detail(t));
	buf_char(b, '}');
	*p = now;
}

static void form_gatehouse(struct buf *b, const struct told *t)
{
	struct form_before none = { .rows = NULL };

	form_write_next(b, t, &none);
}

void form_write(struct buf *b, enum event_form form, const struct told *t)
{
	switch (form) {
	case FORM_GATEHOUSE:
		form_gatehouse(b, t);
		break;
	case FORM_ECS:
		form_ecs(b, t);
		break;
	case FORM_OCSF:
		form_ocsf(b, t);
		break;
	case FORM_CEF:
		form_cef(b, t);
		break;
	}
}
