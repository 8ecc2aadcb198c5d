/* SPDX-License-Identifier: Apache-2.0 */
/* Common Event Format: a head of fields between bars, then name=value. Each part has escapes of its own. */
#include "config.h"

#include "keeper/event_form.h"

#include <string.h>

/* Control characters become blanks: a line is one event. */
static void add_escaped(struct buf *b, const char *text, const char *special)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			buf_char(b, ' ');
			continue;
		}
		if (*text == '\\' || strchr(special, *text))
			buf_char(b, '\\');
		buf_char(b, *text);
	}
}

static void add(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, " %s=", name);
	add_escaped(b, value, "=");
}

static void add_labelled(struct buf *b, int n, const char *label, const char *value)
{
	if (!value)
		return;
	buf_printf(b, " cs%dLabel=%s cs%d=", n, label, n);
	add_escaped(b, value, "=");
}

void form_cef(struct buf *b, const struct told *t)
{
	const char *severity = told_get(t, T_SEVERITY), *outcome = told_get(t, T_OUTCOME);

	buf_str(b, "CEF:0|Gatehouse|gatehouse|" PACKAGE_VERSION "|");
	add_escaped(b, told_name(t), "|");
	buf_char(b, '|');
	add_escaped(b, told_family(t), "|");
	buf_char(b, ' ');
	add_escaped(b, told_name(t), "|");
	buf_printf(b, "|%d|rt=%lld", severity && !strcmp(severity, "error") ? 6 : outcome && form_status(t) == 2 ? 4 : 2,
	    (long long)(told_time_us(t) / 1000));
	add(b, "externalId", told_get(t, T_ID));
	add(b, "act", told_name(t));
	add(b, "outcome", outcome);
	add(b, "reason", told_get(t, T_REASON));
	add(b, "src", told_get(t, T_CLIENT_IP));
	add(b, "suid", told_get(t, T_SUBJECT));
	add(b, "requestMethod", told_get(t, T_HTTP_METHOD));
	add(b, "requestContext", told_get(t, T_REQUEST_ID));
	add(b, "dhost", told_get(t, T_SERVER_ADDRESS));
	add(b, "dpt", told_get(t, T_SERVER_PORT));
	add(b, "in", told_get(t, T_BYTES_IN));
	add(b, "out", told_get(t, T_BYTES_OUT));
	add(b, "deviceProcessName", told_column(t, TOLD_PROGRAM));
	if (told_column(t, TOLD_NODE) && *told_column(t, TOLD_NODE))
		add(b, "dvchost", told_column(t, TOLD_NODE));
	add_labelled(b, 1, "route", told_get(t, T_OPERATION));
	add_labelled(b, 2, "upstream", told_get(t, T_UPSTREAM));
	add_labelled(b, 3, "capability", told_get(t, T_CAPABILITY));
	add_labelled(b, 4, "clientId", told_get(t, T_CLIENT_ID));
	if (told_get(t, T_POLICY)) {
		add(b, "cnt", told_get(t, T_MATCHES));
		add_labelled(b, 5, "policy", told_get(t, T_POLICY));
		add_labelled(b, 6, "finds", told_get(t, T_FINDS));
	} else {
		add_labelled(b, 5, "object", told_object(t));
		add_labelled(b, 6, "detail", told_detail(t));
	}
}
