/* SPDX-License-Identifier: Apache-2.0 */
/* Open Cybersecurity Schema Framework 1.3: a class by what an event is, an activity by what was done. */
#include "config.h"

#include "keeper/event_form.h"

#include "keeper/json_write.h"

#include <string.h>

enum { CREATE = 1, READ = 2, UPDATE = 3, DELETE = 4, OTHER = 99 };

static const struct class {
	int category, uid;
	const char *category_name, *name;
} classes[] = {
	[KIND_CALL] = { 6, 6003, "Application Activity", "API Activity" },
	[KIND_LOGIN] = { 3, 3002, "Identity & Access Management", "Authentication" },
	[KIND_CONSENT] = { 3, 3003, "Identity & Access Management", "Authorize Session" },
	[KIND_END] = { 3, 3002, "Identity & Access Management", "Authentication" },
	[KIND_OTHER_AUTH] = { 3, 3003, "Identity & Access Management", "Authorize Session" },
	[KIND_POLICY] = { 6, 6003, "Application Activity", "API Activity" },
	[KIND_ADMINISTRATION] = { 3, 3004, "Identity & Access Management", "Entity Management" },
	[KIND_ANCHOR] = { 3, 3004, "Identity & Access Management", "Entity Management" },
};

/* What a tool does is its own claim, in the annotations that its upstream lists. */
static int activity_of_tool(const char *does)
{
	static const struct {
		const char *does;
		int activity;
	} words[] = { { "read", READ }, { "create", CREATE }, { "update", UPDATE }, { "delete", DELETE } };

	for (size_t i = 0; does && i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(does, words[i].does))
			return words[i].activity;
	return OTHER;
}

static int activity_of_method(const char *method)
{
	static const char *const reads[] = { "initialize", "ping", "resources/read", "prompts/get",
		"completion/complete", NULL };
	size_t n = method ? strlen(method) : 0;

	for (const char *const *r = reads; method && *r; r++)
		if (!strcmp(method, *r))
			return READ;
	if (n > 5 && !strcmp(method + n - 5, "/list"))
		return READ;
	if (method && !strcmp(method, "logging/setLevel"))
		return UPDATE;
	return OTHER;
}

static int activity_of_action(const char *action)
{
	static const struct {
		const char *part;
		int activity;
	} parts[] = { { "revoked", DELETE }, { "ended", DELETE }, { "retired", DELETE }, { "disconnected", DELETE },
		{ "lost", DELETE }, { "added", CREATE }, { "made", CREATE }, { "begun", CREATE },
		{ "approved", CREATE }, { "registered", CREATE }, { "connected", CREATE } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(action, parts[i].part))
			return parts[i].activity;
	return UPDATE;
}

static int activity_of(const struct told *t, enum told_kind kind)
{
	switch (kind) {
	case KIND_CALL:
		return told_does(t) ? activity_of_tool(told_does(t)) : activity_of_method(told_get(t, T_METHOD));
	case KIND_LOGIN:
	case KIND_CONSENT:
		return 1;
	case KIND_END:
		return 2;
	case KIND_ADMINISTRATION:
		return activity_of_action(told_name(t));
	case KIND_ANCHOR:
		return READ;
	case KIND_POLICY:
	case KIND_OTHER_AUTH:
		break;
	}
	return OTHER;
}

static void add_metadata(struct buf *b, const struct told *t)
{
	jw_open(b, "metadata", '{');
	buf_str(b, "\"version\":\"1.3.0\",\"product\":{\"name\":\"Gatehouse\",\"vendor_name\":\"Gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}");
	jw_text(b, "uid", told_get(t, T_ID));
	jw_text(b, "correlation_uid", told_get(t, T_REQUEST_ID));
	jw_text(b, "event_code", told_name(t));
	jw_text(b, "log_name", told_family(t));
	jw_text(b, "log_provider", told_column(t, TOLD_PROGRAM));
	buf_char(b, '}');
}

static void add_user(struct buf *b, const char *name, const struct told *t)
{
	const char *subject = told_get(t, T_SUBJECT);

	jw_open(b, name, '{');
	jw_text(b, "uid", subject ? subject : "anonymous");
	buf_char(b, '}');
}

static void add_actor(struct buf *b, const struct told *t)
{
	jw_open(b, "actor", '{');
	add_user(b, "user", t);
	jw_text(b, "app_uid", told_get(t, T_CLIENT_ID));
	jw_text(b, "app_name", told_get(t, T_CLIENT_NAME));
	buf_char(b, '}');
}

static void add_endpoints(struct buf *b, const struct told *t)
{
	jw_open(b, "src_endpoint", '{');
	jw_text(b, "ip", told_get(t, T_CLIENT_IP));
	buf_char(b, '}');
	if (!told_get(t, T_SERVER_ADDRESS))
		return;
	jw_open(b, "dst_endpoint", '{');
	jw_text(b, "hostname", told_get(t, T_SERVER_ADDRESS));
	jw_raw(b, "port", told_get(t, T_SERVER_PORT));
	buf_char(b, '}');
}

static void add_api(struct buf *b, const struct told *t)
{
	jw_open(b, "api", '{');
	jw_text(b, "operation", told_name(t));
	jw_open(b, "service", '{');
	jw_text(b, "name", told_get(t, T_OPERATION) ? told_get(t, T_OPERATION) : "gatehouse");
	buf_char(b, '}');
	jw_text(b, "version", told_get(t, T_VERSION));
	jw_open(b, "request", '{');
	jw_text(b, "uid", told_get(t, T_REQUEST_ID) ? told_get(t, T_REQUEST_ID) : "");
	buf_char(b, '}');
	jw_open(b, "response", '{');
	jw_raw(b, "code", told_get(t, T_STATUS));
	jw_text(b, "error", told_get(t, T_ERROR_TYPE));
	jw_text(b, "message", told_get(t, T_ERROR_MESSAGE));
	buf_str(b, "}}");
	if (!told_get(t, T_CAPABILITY))
		return;
	buf_str(b, ",\"resources\":[");
	jw_open(b, NULL, '{');
	jw_text(b, "name", told_get(t, T_CAPABILITY));
	jw_text(b, "type", told_get(t, T_CAPABILITY_TYPE));
	buf_str(b, "}]");
}

static void add_entity(struct buf *b, const struct told *t)
{
	const char *object = told_object(t), *colon = object ? strchr(object, ':') : NULL;

	jw_open(b, "entity", '{');
	jw_text(b, "name", object ? object : told_name(t));
	jw_text(b, "type", colon ? arena_strndup(t->arena, object, (size_t)(colon - object)) : "gateway");
	buf_char(b, '}');
	jw_text(b, "comment", told_name(t));
	if (told_detail(t)) {
		jw_open(b, "unmapped", '{');
		jw_raw(b, "detail", told_detail(t));
		buf_char(b, '}');
	}
}

void form_ocsf(struct buf *b, const struct told *t)
{
	static const char *const statuses[] = { "Unknown", "Success", "Failure" };
	enum told_kind kind = form_kind(t);
	const struct class *c = &classes[kind];
	const char *severity = told_get(t, T_SEVERITY), *latency = told_get(t, T_LATENCY);
	int activity = activity_of(t, kind), status = form_status(t);

	buf_char(b, '{'); /* whatever stands before it */
	jw_int(b, "class_uid", c->uid);
	jw_text(b, "class_name", c->name);
	jw_int(b, "category_uid", c->category);
	jw_text(b, "category_name", c->category_name);
	jw_int(b, "activity_id", activity);
	jw_int(b, "type_uid", c->uid * 100 + activity);
	jw_int(b, "time", told_time_us(t) / 1000);
	jw_int(b, "severity_id", severity && !strcmp(severity, "error") ? 3 : 1);
	jw_int(b, "status_id", status);
	jw_text(b, "status", statuses[status]);
	jw_text(b, "status_detail", told_get(t, T_REASON));
	if (latency)
		jw_int(b, "duration", told_number(t, T_LATENCY) / 1000);
	add_metadata(b, t);
	add_actor(b, t);
	if (c->uid == 6003)
		add_api(b, t);
	else if (c->uid == 3004)
		add_entity(b, t);
	else
		add_user(b, "user", t);
	add_endpoints(b, t);
	buf_char(b, '}');
}
