/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota-inbound: allowances for an hour, day, week or month. What a call counts for is taken before it goes up, in the database, so that
 * not one more passes than is allowed, however many come at once; by the answer's status it is given back, or, of tokens, what the answer
 * cost is added, a moment later. A process that is killed in between leaves the call counted.
 */
#include "config.h"

#include "base/clock.h"
#include "conf/problem.h"
#include "policy/count_detail.h"
#include "policy/counters.h"
#include "policy/identifier_options.h"
#include "policy/policy.h"
#include "rpc/token_count.h"

#include <stdlib.h>
#include <string.h>

enum { DATABASE_MS = 1000, RANGES_MAX = 16, MS_PER_S = 1000, US_PER_S = 1000000 };

/* Anchors are seconds since 1970, to the year 9999. */
static const int64_t ANCHOR_MAX = 253402300799;

struct quota {
	const char *period, *meter;
	const struct script *function; /* says whom to count for, or where periods begin; NULL: none */
	bool by_function, anchored, tokens;
	int64_t allowed; /* -1: the function says */
	size_t n;
	struct {
		int from, to;
	} statuses[RANGES_MAX];
};

/* What a call has taken from one allowance. */
struct taken {
	unsigned char key[HASH_LEN];
	const char *starts_at;
	int64_t n, allowed, anchor_s; /* anchor_s -1: the first call */
	int64_t messages;             /* that it is for */
};

struct taking {
	size_t n;
	int64_t messages, answered; /* all that were counted; tokens of the answer */
	struct taken at[];
};

static const struct option options[] = {
	{ "period", OPTION_ENUM, true, .words = "hourly daily weekly monthly",
	    .about = "The period of an allowance." },
	{ "quotaBy", OPTION_ENUM, true, .words = "user function",
	    .about = "Whose allowance it is." },
	{ "allowances", OPTION_OBJECT,
	    .about = "How much is allowed in a period: numbers by meter. Calls count for the meter `requests`, or with unit "
		     "tokens for `tokens`. Each message of a batch is a call." },
	{ "unit", OPTION_ENUM, .words = "calls tokens", .initial = "calls",
	    .about = "What is counted: calls, or the estimated tokens of message and answer. The answer's are known when it "
		     "has passed: calls under way may together pass an allowance of tokens. To count them answers are "
		     "read whole; each counted message of a batch bears as much of its answer." },
	{ "quotaAnchorMode", OPTION_ENUM, .words = "first-api-call function",
	    .initial = "first-api-call", .about = "When a period begins: with the first call, and so on from there; or as the function says." },
	{ "quotaOnStatusCodes", OPTION_STRING, .initial = "200-299",
	    .about =
		"The statuses of answers that count: numbers and ranges, separated by commas. Until the answer comes every call counts." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function, for quotaBy or quotaAnchorMode function. It is asked about each message, and returns whom to count it for, a text; or a table "
		     "with `key`, `allowances` and `anchor` (seconds since 1970), each where it differs; or nil: not counted. "
		     "One that fails refuses the call." },
	{ 0 },
};

static bool is(struct json_object *doc, const char *name, const char *word)
{
	const char *s = json_get_string(doc, name);

	return s && !strcmp(s, word);
}

struct place {
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
};

static void check_allowances(struct quota *q, struct json_object *allowances, const struct place *at)
{
	const char *pointer = pointer_member(at->arena, at->pointer, "allowances");

	q->allowed = -1;
	if (!allowances)
		return;
	json_object_object_foreach(allowances, meter, value)
	{
		if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
			problem_add(at->problems, true, at->file, pointer_member(at->arena, pointer, meter),
			    "write a whole number, 0 or more",
			    "an allowance must be a whole number, 0 or more");
		else if (!strcmp(meter, q->meter))
			q->allowed = json_object_get_int64(value);
		else
			problem_add(at->problems, false, at->file, pointer_member(at->arena, pointer, meter),
			    "remove it; `unit` says what is counted", "nothing counts for this meter: calls count for '%s'",
			    q->meter);
	}
}

/* "200-299, 404" */
static bool read_statuses(struct quota *q, const char *text)
{
	while (q->n < RANGES_MAX) {
		char *end;
		long from = strtol(text, &end, 10), to = from;

		if (end == text)
			return false;
		text = end + strspn(end, " ");
		if (*text == '-') {
			to = strtol(text + 1, &end, 10);
			text = end + strspn(end, " ");
		}
		if (from < 100 || to > 599 || from > to)
			return false;
		q->statuses[q->n].from = (int)from;
		q->statuses[q->n++].to = (int)to;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

static void load_function(struct quota *q, struct policy_use *use, struct json_object *identifier, const struct place *at)
{
	const char *pointer = pointer_member(at->arena, at->pointer, "identifier");
	bool wanted = q->by_function || q->anchored;

	if (wanted && identifier)
		q->function = identifier_load(use, identifier, at->arena, at->problems, at->file, pointer);
	else if (wanted)
		problem_add(at->problems, true, at->file, at->pointer, "add 'identifier'",
		    "option 'identifier' is missing: quotaBy or quotaAnchorMode is function");
	else if (identifier)
		problem_add(at->problems, true, at->file, pointer, "remove it, or write function for quotaBy or quotaAnchorMode",
		    "option 'identifier' goes with a function only");
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	const struct place at = { a, problems, file, pointer };
	const char *statuses = json_get_string(doc, "quotaOnStatusCodes");
	struct quota *q = arena_alloc(a, sizeof(*q));

	q->period = json_get_string(doc, "period");
	q->by_function = is(doc, "quotaBy", "function");
	q->anchored = is(doc, "quotaAnchorMode", "function");
	q->tokens = is(doc, "unit", "tokens");
	q->meter = q->tokens ? "tokens" : "requests";
	use->needs_user = !q->by_function;
	check_allowances(q, json_get(doc, "allowances"), &at);
	if (q->allowed < 0 && !q->by_function)
		problem_add(problems, true, file, pointer, "add it to 'allowances'",
		    "option 'allowances' does not say how many '%s' are allowed", q->meter);
	if (!read_statuses(q, statuses ? statuses : "200-299"))
		problem_add(problems, true, file, pointer_member(a, pointer, "quotaOnStatusCodes"),
		    "write numbers from 100 to 599 and ranges, as in \"200-299, 404\"", "these are no statuses");
	load_function(q, use, json_get(doc, "identifier"), &at);
	return q;
}

/* ---- before the call */

/* What is to be taken, and from whose allowance. */
struct request {
	const char *whom;
	int64_t allowed, anchor_s; /* anchor_s -1: the first call */
	bool counted;
};

/* M: the message that is counted; NULL: the call as a whole. */
static bool ask(const struct quota *q, struct call *call, const struct rpc_msg *m, struct request *what, struct err *e)
{
	const struct bearer *who = call_bearer(call);
	struct count_detail d = { .counted = true };

	if (q->function && !count_detail_ask(&d, q->function, call, m, e))
		return false;
	*what = (struct request){ .allowed = q->allowed, .anchor_s = -1, .counted = d.counted };
	what->whom = q->by_function ? (d.key ? d.key : "") : who->subject;
	if (!d.counted)
		return true;
	if (!count_detail_number(scan_member(d.table, "allowances"), q->meter, 0, INT64_MAX / 2, &what->allowed, e) ||
	    (q->anchored && !count_detail_number(d.table, "anchor", 0, ANCHOR_MAX, &what->anchor_s, e)))
		return false;
	if (what->allowed >= 0 && (!q->anchored || what->anchor_s >= 0))
		return true;
	return err_reason(e, ERR_INTERNAL, "script_failed", "a function of the gateway's configuration failed",
	    "it says no %s", what->allowed < 0 ? "allowance" : "anchor");
}

/* False: *WAIT_MS says for how long; -1 with the error. */
static bool take(const struct quota *q, struct req *r, struct taken *t, int64_t *wait_ms, struct err *e)
{
	struct arena *a = r->arena;
	struct db_param params[5];
	char *anchor = arena_alloc(a, CLOCK_TEXT);
	struct db_rows rows;

	if (t->anchor_s >= 0)
		clock_text_of(anchor, t->anchor_s * US_PER_S);
	params[0] = DB_BYTES(t->key, HASH_LEN);
	params[1] = db_int(a, t->n);
	params[2] = db_int(a, t->allowed);
	params[3] = DB_TEXT(q->period);
	params[4] = t->anchor_s >= 0 ? DB_TEXT(anchor) : DB_NULL;
	*wait_ms = -1;
	if (!db_call_within(r->app->db, DATABASE_MS, STMT_QUOTA_TAKE, params, 5, a, &rows, e))
		return false;
	*wait_ms = db_int_at(&rows, 0, 0);
	t->starts_at = db_text(&rows, 0, 1);
	return *wait_ms == 0;
}

static int64_t cost_of(const struct quota *q, const struct call *call, const struct rpc_msg *m)
{
	const struct rpc_body *body = call_body(call);
	const struct req *r = call_req(call);

	if (q->tokens)
		return (int64_t)(m ? token_estimate(m->whole.p, m->whole.n) : token_estimate(r->body, r->body_len));
	return m || !body->n ? 1 : (int64_t)body->n; /* a stream that is opened is a call too */
}

/* Message M (NULL: the whole call) is counted, with those before it where they have one allowance. */
static bool add(const struct policy_use *use, struct call *call, struct taking *t, const struct rpc_msg *m, struct err *e)
{
	const struct quota *q = use->loaded;
	struct taken one = { .n = cost_of(q, call, m), .messages = 1 };
	struct request what;
	size_t i = 0;

	if (!ask(q, call, m, &what, e))
		return false;
	if (!what.counted)
		return true;
	one.allowed = what.allowed;
	one.anchor_s = what.anchor_s;
	counters_key(one.key, use->name, q->meter, what.whom);
	while (i < t->n && (memcmp(t->at[i].key, one.key, HASH_LEN) != 0 || t->at[i].allowed != one.allowed || t->at[i].anchor_s != one.anchor_s))
		i++;
	if (i < t->n) {
		t->at[i].n += one.n;
		t->at[i].messages++;
	} else {
		t->at[t->n++] = one;
	}
	t->messages++;
	return true;
}

/* A function is asked about each message: a batch may hold calls of several meters. */
static struct taking *fill(const struct policy_use *use, struct call *call, struct err *e)
{
	const struct quota *q = use->loaded;
	const struct rpc_body *body = call_body(call);
	size_t n = q->function && body->n ? body->n : 1;
	struct taking *t = arena_alloc(call_req(call)->arena, sizeof(*t) + n * sizeof(t->at[0]));

	for (size_t i = 0; i < n; i++)
		if (!add(use, call, t, q->function && body->n ? &body->msgs[i] : NULL, e))
			return NULL;
	return t;
}

/* The first N. */
static void give_back(struct db *db, const struct taking *t, size_t n)
{
	while (n--)
		counters_settle(db, t->at[n].key, t->at[n].starts_at, -t->at[n].n);
}

/* Without the database nobody knows what is left: the call is refused (503), unlike a rate limit's. */
static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	struct policy_refusal refusal = { .status = 429, .rpc_code = RPC_SERVER_ERROR, .reason = "quota_exceeded" };
	const struct quota *q = use->loaded;
	struct req *r = call_req(call);
	struct taking *t = fill(use, call, e);
	int64_t wait_ms;

	(void)u;
	for (size_t i = 0; t && i < t->n; i++) {
		if (take(q, r, &t->at[i], &wait_ms, e))
			continue;
		give_back(r->app->db, t, i);
		if (wait_ms < 0)
			return POLICY_FAIL;
		refusal.retry_after_s = (int)((wait_ms + MS_PER_S - 1) / MS_PER_S);
		return policy_refuse(call, e, &refusal, "the %s allowance of %s is used up", q->period, q->meter);
	}
	*policy_state(call, use) = t;
	return t ? POLICY_PASS : POLICY_FAIL;
}

/* ---- the answer */

static enum policy_reading reads(const struct policy_use *use)
{
	const struct quota *q = use->loaded;

	return q->tokens ? POLICY_READS_ALL : POLICY_READS_NOTHING;
}

static enum policy_answer on_message(const struct policy_use *use, struct call *call, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	const struct quota *q = use->loaded;
	struct taking *t = *policy_state(call, use);

	(void)a;
	(void)e;
	if (t && q->tokens)
		t->answered += (int64_t)token_estimate(text, n);
	return buf_add(out, text, n) ? POLICY_PASS : POLICY_FAIL;
}

/* What the gateway refused was no call, whatever status says so (an unknown tool is refused with 200). */
static bool counts(const struct quota *q, const struct policy_over *over)
{
	int status = over->outcome && !strcmp(over->outcome, "denied") ? 0 : over->status;

	for (size_t i = 0; i < q->n; i++)
		if (status >= q->statuses[i].from && status <= q->statuses[i].to)
			return true;
	return false;
}

static void on_over(const struct policy_use *use, struct call *call, const struct policy_over *over)
{
	const struct quota *q = use->loaded;
	const struct taking *t = *policy_state(call, use);
	struct db *db = call_req(call)->app->db;
	bool stays = counts(q, over);

	if (t && !stays)
		give_back(db, t, t->n);
	for (size_t i = 0; t && stays && t->answered && i < t->n; i++) /* each message of a batch bears as much of its answer */
		counters_settle(db, t->at[i].key, t->at[i].starts_at, t->answered * t->at[i].messages / t->messages);
}

static bool wants_claims(const struct policy_use *use)
{
	const struct quota *q = use->loaded;

	return q->function != NULL;
}

const struct policy p_quota = {
	.type = {
		.name = "quota-inbound",
		.about = "Refuses calls of who has used up an allowance, with 429 and the time until the period ends; and all calls, with 503, "
			 "while the database cannot say what is left. Routes that use the same policy count together. Whoever has "
			 "not called for 90 days begins a new period.",
		.needs_user = true,
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
	.on_message = on_message,
	.reads = reads,
	.pace = POLICY_SLOW, /* to estimate megabytes */
	.on_over = on_over,
	.wants_claims = wants_claims,
};
