/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data loss prevention, for requests and answers, and its short form for secrets. What is found, and how, is in dlp.h;
 * here is what becomes of it. No value that was found is ever shown or logged: names and numbers only.
 */
#include "config.h"

#include "conf/problem.h"
#include "policy/dlp.h"
#include "policy/dlp_entities.h"
#include "policy/policy.h"
#include "policy/recorded.h"
#include "policy/upstream_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARAM "Mcp-Param-"

enum action { MASK, BLOCK, LOG };
static const char *const action_names[] = { "mask", "block", "log" };

struct prevention {
	struct dlp *dlp;
	enum action action;
};

static const struct option pattern_options[] = {
	{ "name", OPTION_STRING, true, .about = "What a match is called." },
	{ "pattern", OPTION_STRING, true, .about = "A regular expression of PCRE2." },
	{ "confidence", OPTION_NUMBER, false, 0, 1, .initial = "0.85",
	    .about = "How sure a match is." },
	{ "context", OPTION_STRINGS, .about = "Words near a match that add 0.45 to that, in lower case; a blank stands for "
		                              "any separator, or none." },
	{ 0 },
};

static const struct option dlp_options[] = {
	{ "entities", OPTION_STRINGS, .initial = "pii, secret",
	    .about = "What is looked for: ids, beginnings of ids up to a hyphen, or groups. See DATA LOSS PREVENTION." },
	{ "action", OPTION_ENUM, .words = "mask block log", .initial = "mask",
	    .about = "What happens to a match: it is masked, the message is refused (422, with the names of "
		     "what was found), or it is only logged." },
	{ "mask", OPTION_STRING, .initial = "[REDACTED]", .about = "What a match is replaced by." },
	{ "customPatterns", OPTION_OBJECTS, .sub = pattern_options, .about = "Own patterns." },
	{ "allowValues", OPTION_STRINGS, .about = "Values that are no match; letters in any case." },
	{ "minConfidence", OPTION_NUMBER, false, 0, 1, .initial = "0.5",
	    .about = "The confidence from which a match counts." },
	{ "contentTypes", OPTION_STRINGS,
	    .about = "Accepted for projects of the hosted product. Messages of MCP are application/json, in streams too, "
		     "and are always read: the list must have that type, or a pattern for it." },
	{ 0 },
};

static const struct option masking_options[] = {
	{ "mask", OPTION_STRING, .initial = "[REDACTED]",
	    .about = "What a secret is replaced by." },
	{ "additionalPatterns", OPTION_STRINGS, .about = "Regular expressions (PCRE2) of more secrets." },
	{ 0 },
};

/* ---- loading */

struct loading {
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
	struct json_object *doc;
};

static double number_of(struct json_object *doc, const char *name, double fallback)
{
	struct json_object *value = json_get(doc, name);

	return value ? json_object_get_double(value) : fallback;
}

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static const char *string_at(struct json_object *list, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(list, i));
}

static const char *const *strings_of(struct arena *a, struct json_object *list)
{
	const char **words = arena_calloc(a, length_of(list) + 1, sizeof(*words));

	for (size_t i = 0; i < length_of(list); i++)
		words[i] = string_at(list, i);
	return words;
}

static const char *nearest_selector(struct arena *a, const char *name)
{
	const char **names;
	size_t n = 0, groups = 0, entities = 0;

	while (dlp_groups[groups].name)
		groups++;
	while (dlp_entities[entities].id)
		entities++;
	names = arena_calloc(a, groups + entities + 1, sizeof(*names));
	for (size_t i = 0; i < groups; i++)
		names[n++] = dlp_groups[i].name;
	for (size_t i = 0; i < entities; i++)
		names[n++] = dlp_entities[i].id;
	return name_nearest(name, names);
}

static void add_entities(const struct loading *l, struct dlp *d)
{
	struct json_object *list = json_get(l->doc, "entities");
	const char *at = pointer_member(l->arena, l->pointer, "entities");

	if (!list) {
		dlp_add_entities(d, "pii");
		dlp_add_entities(d, "secret");
	}
	for (size_t i = 0; i < length_of(list); i++) {
		const char *name = string_at(list, i), *near;

		if (dlp_add_entities(d, name))
			continue;
		near = nearest_selector(l->arena, name);
		problem_add(l->problems, true, l->file, pointer_item(l->arena, at, i),
		    near ? arena_printf(l->arena, "write '%s'", near) : "gatehouse-policies(5) lists what there is",
		    "there is no entity or group '%.64s'", name);
	}
}

static void add_pattern(const struct loading *l, struct dlp *d, const char *name, const char *pattern, double confidence,
    const char *const *context, const char *at)
{
	struct err e = { .code = ERR_NONE };

	if (!dlp_add_pattern(d, name, pattern, confidence, context, &e))
		problem_add(l->problems, true, l->file, at, "write it as pcre2pattern(3) says", "this is no regular expression: %s",
		    e.text);
}

static void add_patterns(const struct loading *l, struct dlp *d)
{
	struct json_object *list = json_get(l->doc, "customPatterns");
	const char *at = pointer_member(l->arena, l->pointer, "customPatterns");

	for (size_t i = 0; i < length_of(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i), *context = json_get(item, "context");

		add_pattern(l, d, json_get_string(item, "name"), json_get_string(item, "pattern"),
		    number_of(item, "confidence", 0.85), context ? strings_of(l->arena, context) : NULL,
		    pointer_member(l->arena, pointer_item(l->arena, at, i), "pattern"));
	}
}

static void check_types(const struct loading *l)
{
	static const char *const all[] = { "application/json", "application/*", "*/*", "*", NULL };
	struct json_object *list = json_get(l->doc, "contentTypes");

	for (size_t i = 0; i < length_of(list); i++)
		for (size_t k = 0; all[k]; k++)
			if (!strcasecmp(string_at(list, i), all[k]))
				return;
	if (list)
		problem_add(l->problems, true, l->file, pointer_member(l->arena, l->pointer, "contentTypes"),
		    "add 'application/json', or remove the option", "nothing would be read: messages of MCP are application/json");
}

static void check_mask(const struct loading *l, const struct dlp *d)
{
	if (dlp_finds_mask(d))
		problem_add(l->problems, true, l->file, pointer_member(l->arena, l->pointer, "mask"),
		    "choose another mask, or a narrower pattern", "the mask itself would be found");
}

static const char *mask_of(struct json_object *doc)
{
	const char *mask = json_get_string(doc, "mask");

	return mask ? mask : "[REDACTED]";
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a, struct problems *problems,
    const char *file, const char *pointer)
{
	const struct loading l = { a, problems, file, pointer, doc };
	struct prevention *p = arena_alloc(a, sizeof(*p));
	const char *action = json_get_string(doc, "action");

	(void)use;
	while (action && strcmp(action, action_names[p->action]) != 0)
		p->action++; /* the table knows no other word */
	p->dlp = dlp_new(a, number_of(doc, "minConfidence", 0.5), mask_of(doc));
	add_entities(&l, p->dlp);
	add_patterns(&l, p->dlp);
	for (size_t i = 0; i < length_of(json_get(doc, "allowValues")); i++)
		dlp_allow(p->dlp, string_at(json_get(doc, "allowValues"), i));
	check_types(&l);
	check_mask(&l, p->dlp);
	if (dlp_is_empty(p->dlp))
		problem_add(problems, true, file, pointer, "name some, or lower minConfidence", "nothing is looked for");
	return p;
}

static void *load_masking(struct policy_use *use, struct json_object *doc, struct arena *a, struct problems *problems,
    const char *file, const char *pointer)
{
	const struct loading l = { a, problems, file, pointer, doc };
	struct prevention *p = arena_alloc(a, sizeof(*p));
	struct json_object *list = json_get(doc, "additionalPatterns");
	const char *at = pointer_member(a, pointer, "additionalPatterns");

	(void)use;
	p->dlp = dlp_new(a, 0.5, mask_of(doc));
	dlp_add_entities(p->dlp, "secret");
	for (size_t i = 0; i < length_of(list); i++)
		add_pattern(&l, p->dlp, arena_printf(a, "additional-pattern-%zu", i + 1), string_at(list, i), 0.85, NULL,
		    pointer_item(a, at, i));
	check_mask(&l, p->dlp);
	return p;
}

/* ---- what a call held, for its event */

struct tally {
	struct dlp_report total;
	bool refused;
	unsigned counts[];
};

/* Made where something is found first: most calls need none. From the way back the request's arena is out of reach. */
static struct tally *tally_of(const struct policy_use *use, struct call *call)
{
	const struct prevention *p = use->loaded;
	void **state = policy_state(call, use);
	struct tally *t = *state;

	if (!t) {
		t = *state = xcalloc(1, sizeof(*t) + dlp_counts(p->dlp) * sizeof(t->counts[0]));
		t->total.counts = t->counts;
	}
	return t;
}

static void emit(const struct policy_use *use, struct call *call, const struct policy_over *over, const struct tally *t)
{
	const struct prevention *p = use->loaded;
	struct arena *a = arena_new();
	struct event e = policy_event("data_loss_prevention", use, call, over, a);

	e.outcome = t->refused ? "denied" : "success";
	e.reason_code = t->refused ? "data_loss_prevention" : NULL;
	e.action = action_names[p->action];
	e.finds = dlp_names(p->dlp, &t->total, a, true);
	e.matches = (int64_t)(t->total.found + t->total.unsearched);
	event_emit(&e);
	arena_free(a);
}

static void on_over(const struct policy_use *use, struct call *call, const struct policy_over *over)
{
	void **state = policy_state(call, use);

	if (!*state)
		return;
	emit(use, call, over, *state);
	free(*state);
	*state = NULL;
}

/* ---- messages */

/* What a report leads to; text that is to be masked is masked already. */
static enum policy_answer decide(const struct policy_use *use, struct call *call, const struct dlp_report *report,
    struct arena *a, struct err *e)
{
	const struct prevention *p = use->loaded;
	const struct policy_refusal refusal = { .status = 422, .rpc_code = RPC_SERVER_ERROR, .reason = "data_loss_prevention" };
	struct tally *t;

	if (!report->found && !report->unsearched)
		return POLICY_PASS;
	log_info(&call_req(call)->log, "sensitive data found", "policy", use->name, "action", action_names[p->action], "found",
	    dlp_names(p->dlp, report, a, true), NULL);
	t = tally_of(use, call);
	dlp_report_add(p->dlp, &t->total, report);
	t->refused |= p->action == BLOCK;
	if (p->action != BLOCK)
		return POLICY_PASS;
	return policy_refuse(call, e, &refusal, "policy '%.64s' refused the message, for it holds: %s", use->name,
	    dlp_names(p->dlp, report, a, false));
}

/* Appends the message to OUT, masked or as it came; REPORT says what it held. */
static enum policy_answer search(const struct policy_use *use, struct call *call, struct arena *a, const char *text, size_t n,
    struct buf *out, struct dlp_report *report, struct err *e)
{
	const struct policy_refusal too_long = { .status = 502, .rpc_code = RPC_INTERNAL_ERROR, .reason = "masked_too_large" };
	const struct prevention *p = use->loaded;
	struct err why = { .code = ERR_NONE };

	if (!dlp_message(p->dlp, a, text, n, p->action == MASK ? out : NULL, report, &why)) {
		if (why.code == ERR_LIMIT && out->over)
			return policy_refuse(call, e, &too_long, "policy '%.64s': the message is too long once it is masked", use->name);
		err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s", why.text);
		return POLICY_FAIL;
	}
	if (p->action != MASK)
		buf_add(out, text, n);
	return decide(use, call, report, a, e);
}

static enum policy_answer on_message(const struct policy_use *use, struct call *call, struct arena *a, const char *text, size_t n,
    struct buf *out, struct err *e)
{
	struct dlp_report report;

	return search(use, call, a, text, n, out, &report, e);
}

static enum policy_answer on_body(const struct policy_use *use, struct call *call, struct arena *a, const char *text, size_t n,
    struct buf *out, struct err *e)
{
	struct dlp_report report;
	enum policy_answer answer = search(use, call, a, text, n, out, &report, e);

	if (answer == POLICY_PASS && !report.found && !report.unsearched)
		buf_clear(out); /* as it came: nobody needs to read it again */
	return answer;
}

/*
 * Headers that repeat a parameter (protocol 1.5) are searched like the parameter, whose name is the header's, or they would carry up
 * what the body no longer holds.
 */
static enum policy_answer search_header(const struct policy_use *use, struct call *call, struct upstream_request *u,
    const struct upstream_header *h, struct arena *a, struct err *e)
{
	const char *text = era_header_text(h->value, a);
	struct span name, value;
	struct dlp_report report;
	struct buf message, out;
	enum policy_answer answer;
	size_t pos = 0;

	if (!text) {
		upstream_header_remove(u, h->name);
		return POLICY_PASS;
	}
	buf_init(&message, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_char(&message, '{');
	buf_json(&message, h->name + strlen(PARAM));
	buf_char(&message, ':');
	buf_json(&message, text);
	buf_char(&message, '}');
	answer = search(use, call, a, buf_text(&message), message.len, &out, &report, e);
	if (answer == POLICY_PASS && report.found + report.unsearched &&
	    scan_next(scan_value(buf_text(&out), out.len), &pos, &name, &value) && scan_string(value, a))
		upstream_header_set(u, h->name, era_header_value(scan_string(value, a), u->arena), true);
	buf_release(&message);
	buf_release(&out);
	return answer;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call, struct upstream_request *u, struct err *e)
{
	struct arena *a = arena_new();
	enum policy_answer answer = POLICY_PASS;

	for (const struct upstream_header *h = u->headers, *next; h && answer == POLICY_PASS; h = next) {
		next = h->next;
		if (!strncasecmp(h->name, PARAM, strlen(PARAM)))
			answer = search_header(use, call, u, h, a, e);
	}
	arena_free(a);
	return answer;
}

static enum policy_reading reads(const struct policy_use *use)
{
	(void)use;
	return POLICY_READS_ALL;
}

const struct policy p_data_loss_prevention_inbound = {
	.type = {
		.name = "data-loss-prevention-inbound",
		.about = "Masks or refuses personal data and secrets in requests.",
		.served = true,
		.options = dlp_options,
		.load = load,
	},
	.on_request = on_request,
	.on_body = on_body,
	.on_over = on_over,
	.does_params = true,
};

const struct policy p_data_loss_prevention_outbound = {
	.type = {
		.name = "data-loss-prevention-outbound",
		.about = "Masks or refuses personal data and secrets in answers.",
		.outbound = true,
		.served = true,
		.options = dlp_options,
		.load = load,
	},
	.on_message = on_message,
	.on_over = on_over,
	.reads = reads,
	.pace = POLICY_SLOW,
};

const struct policy p_secret_masking_outbound = {
	.type = {
		.name = "secret-masking-outbound",
		.about = "Masks secrets in answers, as data-loss-prevention-outbound does with entities secret.",
		.outbound = true,
		.served = true,
		.options = masking_options,
		.load = load_masking,
	},
	.on_message = on_message,
	.on_over = on_over,
	.reads = reads,
	.pace = POLICY_SLOW,
};
