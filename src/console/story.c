/* SPDX-License-Identifier: Apache-2.0 */
/* A call's row holds all of its steps: they are laid out again in the order in which they happened. */
#include "config.h"

#include "console/story.h"

#include "console/view.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_MAX = 256 * 1024 };

/* A member to be told, under another name. */
struct told {
	const char *member, *name;
};

static const struct told request_facts[] = {
	{ "http_method", "HTTP method" },
	{ "operation_id", "Route" },
	{ "mcp_method", "Method" },
	{ "capability_type", "Kind" },
	{ "capability_name", "Capability" },
	{ "subject_id", "User" },
	{ "client_name", "Client" },
	{ "client_id", "Client id" },
	{ "grant_id", "Grant" },
	{ "client_ip", "Address" },
	{ "protocol_version", "Protocol" },
	{ "arguments", "Arguments" },
	{ NULL, NULL },
};

static const struct told credential_facts[] = {
	{ "auth_profile_id", "Profile" },
	{ "upstream_auth_mode", "Mode" },
	{ NULL, NULL },
};

static const struct told upstream_facts[] = {
	{ "upstream_id", "Upstream" },
	{ "server_address", "Server" },
	{ "server_port", "Port" },
	{ "transport", "Answered as" },
	{ NULL, NULL },
};

static const struct told answer_facts[] = {
	{ "outcome", "Outcome" },
	{ "failure_origin", "Failure origin" },
	{ "reason_code", "Reason" },
	{ "mcp_status", "HTTP status" },
	{ "jsonrpc_error_code", "JSON-RPC code" },
	{ "err_name", "Error" },
	{ "err_message", "Said to the client" },
	{ "cause_message", "Cause" },
	{ "result", "Result" },
	{ NULL, NULL },
};

static const struct told policy_facts[] = {
	{ "policy", "Policy" },
	{ "action", "Action" },
	{ "finds", "Found" },
	{ NULL, NULL },
};

static const struct told event_facts[] = {
	{ "outcome", "Outcome" },
	{ "actor", "Who" },
	{ "object", "What" },
	{ "subject_id", "User" },
	{ "client_name", "Client" },
	{ "client_id", "Client id" },
	{ "operation_id", "Route" },
	{ "reason_code", "Reason" },
	{ "err_message", "Error" },
	{ "cause_message", "Cause" },
	{ "detail", "Detail" },
	{ NULL, NULL },
};

static const char *text_of(struct arena *a, struct json_object *row, const char *member)
{
	struct json_object *v = json_get(row, member);

	return !v ? NULL : json_object_is_type(v, json_type_string) ? json_get_string(row, member) : json_text(a, v);
}

static struct story_step *add_step(struct story *s, struct arena *a, const char *title)
{
	s->steps = view_grow(a, s->steps, s->n, sizeof(*s->steps));
	s->steps[s->n].title = title;
	return &s->steps[s->n++];
}

static void add_fact(struct story_step *step, const char *name, const char *value)
{
	if (value && *value && step->n < STORY_FACTS_MAX)
		step->facts[step->n++] = (struct story_fact){ name, value };
}

static void add_facts(struct story_step *step, struct arena *a, struct json_object *row, const struct told *told)
{
	for (; told->member; told++)
		add_fact(step, told->name, text_of(a, row, told->member));
}

static const char *duration_of(struct arena *a, struct json_object *row, const char *member)
{
	return json_get(row, member) ? say_duration(a, json_get_int(row, member, 0)) : NULL;
}

static const char *amount_of(struct arena *a, struct json_object *row, const char *member)
{
	return json_get(row, member) ? say_count(a, json_get_int(row, member, 0)) : NULL;
}

static void tell_call(struct story *s, struct arena *a, struct json_object *row, int64_t at_us)
{
	const char *outcome = json_get_string(row, "outcome");
	struct story_step *step = add_step(s, a, "Request");

	step->at_us = at_us;
	add_facts(step, a, row, request_facts);
	add_fact(step, "Bytes", amount_of(a, row, "bytes_in"));
	if (json_get(row, "upstream_auth_mode"))
		add_facts(add_step(s, a, "Credential"), a, row, credential_facts);
	if (json_get(row, "upstream_us")) {
		step = add_step(s, a, "Upstream");
		add_facts(step, a, row, upstream_facts);
		add_fact(step, "Took", duration_of(a, row, "upstream_us"));
	}
	step = add_step(s, a, "Answer");
	step->at_us = at_us + json_get_int(row, "latency_us", 0);
	step->alarm = outcome && strcmp(outcome, "success") != 0;
	add_facts(step, a, row, answer_facts);
	add_fact(step, "Took in all", duration_of(a, row, "latency_us"));
	add_fact(step, "of that the gateway", duration_of(a, row, "gateway_us"));
	add_fact(step, "Bytes", amount_of(a, row, "bytes_out"));
	add_fact(step, "Tokens, estimated",
	    json_get(row, "tokens_out") || json_get(row, "tokens_in")
		? arena_printf(a, "%lld of arguments, %lld of the result", (long long)json_get_int(row, "tokens_in", 0),
		      (long long)json_get_int(row, "tokens_out", 0))
		: NULL);
}

/* An auth event, a policy's record, a row of the audit trail. */
static void tell_event(struct story *s, struct arena *a, const char *kind, struct json_object *row, int64_t at_us)
{
	const char *name = json_get_string(row, !strcmp(kind, "audit") ? "action" : "name");
	struct story_step *step = add_step(s, a, NULL);

	step->title = arena_printf(a, "%s: %s",
	    !strcmp(kind, "audit") ? "Audit trail" : !strcmp(kind, "policy") ? "Policy" : "Sign-in and tokens",
	    name ? name : "?");
	step->at_us = at_us;
	step->alarm = json_get(row, "outcome") && strcmp(text_of(a, row, "outcome"), "success") != 0;
	if (!strcmp(kind, "policy"))
		add_facts(step, a, row, policy_facts);
	add_facts(step, a, row, event_facts);
}

void story_tell(struct story *s, struct arena *a, const struct db_rows *rows)
{
	const struct scan_limits limits = scan_limits_of(ROW_MAX);

	*s = (struct story){ .n = 0 };
	for (size_t i = 0; i < rows->rows; i++) {
		const char *kind = db_text(rows, i, 0), *text = db_text(rows, i, 2);
		struct err none = { .code = ERR_NONE };
		struct json_object *row = json_parse(a, text, strlen(text), &limits, &none);

		if (!row)
			continue;
		if (!strcmp(kind, "call"))
			tell_call(s, a, row, db_int_at(rows, i, 1));
		else
			tell_event(s, a, kind, row, db_int_at(rows, i, 1));
	}
}
