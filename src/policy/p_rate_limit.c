/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate-limit-inbound: so many requests in a window of time, by who sends them. Each message of a batch
 * counts, or a hundred calls would pass for one. Counts belong to the policy: routes that share it
 * share them. Mode strict asks the database at every request (sql/fn/rate.sql), which makes it exact for all
 * programs on all machines; async counts here and exchanges (counters.h).
 */
#include "config.h"

#include "base/clock.h"
#include "conf/problem.h"
#include "net/address.h"
#include "policy/count_detail.h"
#include "policy/counters.h"
#include "policy/identifier_options.h"
#include "policy/policy.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASE_MS = 1000, SAY_MS = 10000, MS_PER_MINUTE = 60000, ALLOWED_MAX = 1000000000, MINUTES_MAX = 525600 };

struct limit {
	const char *by;
	const struct script *function; /* NULL: none */
	int64_t allowed, window_ms;    /* the function may say others */
	bool async, tells_when, refuses_uncounted;
};

/* What a request takes: of each key so much, keys in order and once. */
struct taking {
	size_t n;
	struct taken {
		unsigned char key[HASH_LEN];
		int64_t cost;
	} at[RPC_BATCH_MAX];
};

static const struct option options[] = {
	{ "rateLimitBy", OPTION_ENUM, true, .words = "user ip all function client tool",
	    .about = "What is counted together: the requests of a user, of an address (of IPv6 a /64), all, what "
		     "a function says, the requests of a client, the calls of a tool." },
	{ "requestsAllowed", OPTION_INT, true, 1, ALLOWED_MAX,
	    .about = "Requests in each window. Each message of a batch is one." },
	{ "timeWindowMinutes", OPTION_INT, true, 1, MINUTES_MAX,
	    .about = "The window's length in minutes. It slides: requests of the window before count for as much "
		     "of it as still lies within." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function, for rateLimitBy function. It returns whom to count the request for, a text; or a table "
		     "with `key` and, where they differ, `requestsAllowed` and `timeWindowMinutes`; or nil: not "
		     "counted. One that fails refuses the request." },
	{ "headerMode", OPTION_ENUM, .words = "retry-after none", .initial = "retry-after",
	    .about = "Whether a refusal says when to come back." },
	{ "mode", OPTION_ENUM, .words = "strict async", .initial = "strict",
	    .about = "Whether a request waits for the count, which is then exact for all programs on all machines; "
		     "async costs no query and may let a few more through, until the programs have told each "
		     "other, about a second later." },
	{ "throwOnFailure", OPTION_BOOL, .initial = "false",
	    .about = "Whether a request is refused, with 503, while the database cannot count it." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct limit *l = arena_alloc(a, sizeof(*l));
	const char *mode = json_get_string(doc, "mode"), *headers = json_get_string(doc, "headerMode");
	struct json_object *identifier = json_get(doc, "identifier");
	bool function;

	l->by = json_get_string(doc, "rateLimitBy");
	l->allowed = json_get_int(doc, "requestsAllowed", 1);
	l->window_ms = json_get_int(doc, "timeWindowMinutes", 1) * MS_PER_MINUTE;
	l->async = mode && !strcmp(mode, "async");
	l->tells_when = !headers || strcmp(headers, "none") != 0;
	l->refuses_uncounted = json_get_bool(doc, "throwOnFailure", false);
	function = !strcmp(l->by, "function");
	use->needs_user = !strcmp(l->by, "user") || !strcmp(l->by, "client");
	if (function && identifier)
		l->function = identifier_load(use, identifier, a, problems, file, pointer_member(a, pointer, "identifier"));
	if (function && !identifier)
		problem_add(problems, true, file, pointer, "add 'identifier'",
		    "option 'identifier' is missing: rateLimitBy is function");
	if (!function && identifier)
		problem_add(problems, true, file, pointer_member(a, pointer, "identifier"),
		    "remove it, or write \"rateLimitBy\": \"function\"",
		    "option 'identifier' goes with rateLimitBy function only");
	return l;
}

/* ---- what is counted */

static void add(struct taking *t, const struct policy_use *use, const char *whom, int64_t cost)
{
	const struct limit *l = use->loaded;
	unsigned char key[HASH_LEN];
	size_t i = 0;

	counters_key(key, use->name, l->by, whom);
	while (i < t->n && memcmp(t->at[i].key, key, HASH_LEN) < 0)
		i++;
	if (i < t->n && !memcmp(t->at[i].key, key, HASH_LEN)) {
		t->at[i].cost += cost;
		return;
	}
	memmove(&t->at[i + 1], &t->at[i], (t->n - i) * sizeof(t->at[0]));
	memcpy(t->at[i].key, key, HASH_LEN);
	t->at[i].cost = cost;
	t->n++;
}

static void add_tools(struct taking *t, const struct policy_use *use, const struct rpc_body *body)
{
	for (size_t i = 0; i < body->n; i++)
		if (body->msgs[i].capability_type && !strcmp(body->msgs[i].capability_type, "tool") &&
		    body->msgs[i].capability_name)
			add(t, use, body->msgs[i].capability_name, 1);
}

/* As the function says, in *L too. */
static bool fill_by_function(struct taking *t, const struct policy_use *use, struct limit *l, struct call *call, int64_t cost,
    struct err *e)
{
	int64_t minutes = l->window_ms / MS_PER_MINUTE;
	struct count_detail d;

	if (!count_detail_ask(&d, l->function, call, e) ||
	    !count_detail_number(d.table, "requestsAllowed", 1, ALLOWED_MAX, &l->allowed, e) ||
	    !count_detail_number(d.table, "timeWindowMinutes", 1, MINUTES_MAX, &minutes, e))
		return false;
	l->window_ms = minutes * MS_PER_MINUTE;
	if (d.counted)
		add(t, use, d.key ? d.key : "", cost);
	return true;
}

static bool fill(struct taking *t, const struct policy_use *use, struct limit *l, struct call *call, struct err *e)
{
	const struct bearer *who = call_bearer(call);
	const struct rpc_body *body = call_body(call);
	int64_t cost = body->n ? (int64_t)body->n : 1; /* a stream that is opened is a request too */
	char address[ADDRESS_TEXT];

	t->n = 0;
	if (l->function)
		return fill_by_function(t, use, l, call, cost, e);
	if (!strcmp(l->by, "tool")) {
		add_tools(t, use, body);
	} else if (!strcmp(l->by, "user")) {
		add(t, use, who->subject, cost);
	} else if (!strcmp(l->by, "client")) {
		add(t, use, who->client_id, cost);
	} else if (!strcmp(l->by, "ip")) {
		address_customer(address, call_req(call)->client_ip);
		add(t, use, address, cost);
	} else {
		add(t, use, "", cost);
	}
	return true;
}

/* ---- counting */

/* True: *WAIT_MS is 0 if all was taken. */
static bool take_strict(const struct limit *l, struct req *r, const struct taking *t, int64_t *wait_ms, struct err *e)
{
	struct arena *a = r->arena;
	struct db_param keys[RPC_BATCH_MAX], params[4];
	const char *costs[RPC_BATCH_MAX];
	struct db_rows rows;

	for (size_t i = 0; i < t->n; i++) {
		keys[i] = DB_BYTES(t->at[i].key, HASH_LEN);
		costs[i] = arena_printf(a, "%lld", (long long)t->at[i].cost);
	}
	params[0] = db_bytes_array(a, keys, t->n);
	params[1] = db_text_array(a, costs, t->n);
	params[2] = db_int(a, l->window_ms);
	params[3] = db_int(a, l->allowed);
	if (!db_call_within(r->app->db, DATABASE_MS, STMT_RATE_TAKE, params, 4, a, &rows, e))
		return false;
	*wait_ms = db_int_at(&rows, 0, 0);
	return true;
}

/* The first N. */
static void give_back(const struct limit *l, const struct taking *t, size_t n)
{
	while (n--)
		counters_give_back(t->at[n].key, l->window_ms, t->at[n].cost);
}

static bool take_async(const struct limit *l, struct req *r, const struct taking *t, int64_t *wait_ms, struct err *e)
{
	if (l->refuses_uncounted && counters_are_away())
		return err_reason(e, ERR_UNAVAILABLE, "database_unavailable", "temporarily unavailable",
		    "requests cannot be counted");
	for (size_t i = 0; i < t->n; i++)
		switch (counters_take(t->at[i].key, l->window_ms, t->at[i].cost, l->allowed, wait_ms)) {
		case COUNTERS_NONE: /* all of them by the database, then */
			give_back(l, t, i);
			return take_strict(l, r, t, wait_ms, e);
		case COUNTERS_FULL:
			give_back(l, t, i);
			return true;
		case COUNTERS_TAKEN:
			break;
		}
	*wait_ms = 0;
	return true;
}

static enum policy_answer uncounted(const struct policy_use *use, struct req *r, struct err *e)
{
	static atomic_int_fast64_t said_at;
	const struct limit *l = use->loaded;
	int64_t now = clock_ms(), said = said_at;

	if (l->refuses_uncounted)
		return POLICY_FAIL;
	if ((!said || now - said > SAY_MS) && atomic_compare_exchange_strong(&said_at, &said, now))
		log_warn(&r->log, "requests pass uncounted", "policy", use->name, "reason", err_reason_of(e), "detail",
		    e->detail, NULL);
	err_clear(e);
	return POLICY_PASS;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	struct limit l = *(const struct limit *)use->loaded;
	struct req *r = call_req(call);
	struct policy_refusal refusal = { .status = 429, .rpc_code = RPC_SERVER_ERROR, .reason = "rate_limited" };
	struct taking t;
	int64_t wait_ms = 0;

	(void)u;
	if (!fill(&t, use, &l, call, e))
		return POLICY_FAIL;
	if (t.n && !(l.async ? take_async : take_strict)(&l, r, &t, &wait_ms, e))
		return uncounted(use, r, e);
	if (!wait_ms)
		return POLICY_PASS;
	refusal.retry_after_s = l.tells_when ? (int)((wait_ms + 999) / 1000) : 0;
	return policy_refuse(call, e, &refusal, "too many requests");
}

static bool wants_claims(const struct policy_use *use)
{
	const struct limit *l = use->loaded;

	return l->function != NULL;
}

const struct policy p_rate_limit = {
	.type = {
		.name = "rate-limit-inbound",
		.about = "Refuses requests past a rate with 429. Routes that use the same policy count together.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
	.wants_claims = wants_claims,
};
