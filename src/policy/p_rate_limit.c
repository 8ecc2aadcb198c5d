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

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS "\n" /* no tool is called so */

enum { DATABASE_MS = 1000, SAY_MS = 10000, MS_PER_MINUTE = 60000, ALLOWED_MAX = 1000000000, MINUTES_MAX = 525600,
	NAMES_MAX = 2048, NAMES_BUCKETS = 4096 };

struct limit {
	const char *by;
	const struct script *function; /* NULL: none */
	int64_t allowed, window_ms;    /* the function may say others */
	bool async, tells_when, refuses_uncounted;
	struct names *tools;           /* that were called; NULL: it is not by tool */
};

/*
 * Names that have counts of their own: clients may invent as many as they like, and each would be a row for as long as the window is.
 * Those that come when it is full share one count.
 */
struct names {
	pthread_mutex_t lock;
	unsigned n;
	uint64_t hashes[NAMES_BUCKETS]; /* 0: free */
};

/* What a request takes: of each key so much, keys in order and once (but where a function says two limits for one). */
struct taking {
	size_t n;
	struct taken {
		unsigned char key[HASH_LEN];
		int64_t cost, allowed, window_ms;
	} at[RPC_BATCH_MAX];
};

static const struct option options[] = {
	{ "rateLimitBy", OPTION_ENUM, true, .words = "user ip all function client tool",
	    .about = "What is counted together: the requests of a user, of an address (of IPv6 a /64), all, what "
		     "a function says, the requests of a client, the calls of a tool: behind all policies, and of no more than 2048 "
		     "tools each by itself, then all others together." },
	{ "requestsAllowed", OPTION_INT, true, 1, ALLOWED_MAX,
	    .about = "Requests in each window. Each message of a batch is one." },
	{ "timeWindowMinutes", OPTION_INT, true, 1, MINUTES_MAX,
	    .about = "The window's length in minutes. It slides: requests of the window before count for as much "
		     "of it as still lies within." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function, for rateLimitBy function. It is asked about each message, and returns whom to count it for, a text; or a table "
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
	if (!strcmp(l->by, "tool")) {
		l->tools = arena_calloc(a, 1, sizeof(*l->tools));
		pthread_mutex_init(&l->tools->lock, NULL);
	}
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

static int compare(const struct taken *x, const struct taken *y)
{
	int order = memcmp(x->key, y->key, HASH_LEN);

	if (!order)
		order = (x->window_ms > y->window_ms) - (x->window_ms < y->window_ms);
	return order ? order : (x->allowed > y->allowed) - (x->allowed < y->allowed);
}

static void add_within(struct taking *t, const struct policy_use *use, const char *whom, int64_t cost, int64_t allowed,
    int64_t window_ms)
{
	const struct limit *l = use->loaded;
	struct taken one = { .cost = cost, .allowed = allowed, .window_ms = window_ms };
	size_t i = 0;

	counters_key(one.key, use->name, l->by, whom);
	while (i < t->n && compare(&t->at[i], &one) < 0)
		i++;
	if (i < t->n && !compare(&t->at[i], &one)) {
		t->at[i].cost += cost;
		return;
	}
	memmove(&t->at[i + 1], &t->at[i], (t->n - i) * sizeof(t->at[0]));
	t->at[i] = one;
	t->n++;
}

static void add(struct taking *t, const struct policy_use *use, const char *whom, int64_t cost)
{
	const struct limit *l = use->loaded;

	add_within(t, use, whom, cost, l->allowed, l->window_ms);
}

/* Whether NAME is one of those, or there is room for it. */
static bool has_own(struct names *all, const char *name)
{
	unsigned char digest[HASH_LEN];
	uint64_t hash;
	unsigned i;
	bool own = true;

	hash_sha256(digest, name, strlen(name));
	memcpy(&hash, digest, sizeof(hash));
	hash |= 1;
	pthread_mutex_lock(&all->lock);
	for (i = (unsigned)(hash >> 1) % NAMES_BUCKETS; all->hashes[i] && all->hashes[i] != hash; i = (i + 1) % NAMES_BUCKETS)
		;
	if (!all->hashes[i]) {
		own = all->n < NAMES_MAX;
		if (own) {
			all->hashes[i] = hash;
			all->n++;
		}
	}
	pthread_mutex_unlock(&all->lock);
	return own;
}

static void add_tools(struct taking *t, const struct policy_use *use, const struct rpc_body *body)
{
	const struct limit *l = use->loaded;

	for (size_t i = 0; i < body->n; i++)
		if (body->msgs[i].capability_type && !strcmp(body->msgs[i].capability_type, "tool") &&
		    body->msgs[i].capability_name)
			add(t, use, has_own(l->tools, body->msgs[i].capability_name) ? body->msgs[i].capability_name : OTHERS, 1);
}

/* As the function says of a message, or of a call that has none. */
static bool add_by_function(struct taking *t, const struct policy_use *use, struct call *call, const struct rpc_msg *m, struct err *e)
{
	const struct limit *l = use->loaded;
	int64_t allowed = l->allowed, minutes = l->window_ms / MS_PER_MINUTE;
	struct count_detail d;

	if (!count_detail_ask(&d, l->function, call, m, e) ||
	    !count_detail_number(d.table, "requestsAllowed", 1, ALLOWED_MAX, &allowed, e) ||
	    !count_detail_number(d.table, "timeWindowMinutes", 1, MINUTES_MAX, &minutes, e))
		return false;
	if (d.counted)
		add_within(t, use, d.key ? d.key : "", 1, allowed, minutes * MS_PER_MINUTE);
	return true;
}

static bool fill_by_function(struct taking *t, const struct policy_use *use, struct call *call, struct err *e)
{
	const struct rpc_body *body = call_body(call);

	if (!body->n)
		return add_by_function(t, use, call, NULL, e);
	for (size_t i = 0; i < body->n; i++)
		if (!add_by_function(t, use, call, &body->msgs[i], e))
			return false;
	return true;
}

static bool fill(struct taking *t, const struct policy_use *use, struct call *call, struct err *e)
{
	const struct limit *l = use->loaded;
	const struct bearer *who = call_bearer(call);
	const struct rpc_body *body = call_body(call);
	int64_t cost = body->n ? (int64_t)body->n : 1; /* a stream that is opened is a request too */
	char address[ADDRESS_TEXT];

	t->n = 0;
	if (l->function)
		return fill_by_function(t, use, call, e);
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

/* All that have the limit of the one at FIRST. */
static bool take_alike(struct req *r, const struct taking *t, size_t first, int64_t *wait_ms, struct err *e)
{
	const struct taken *like = &t->at[first];
	struct arena *a = r->arena;
	struct db_param keys[RPC_BATCH_MAX], params[4];
	const char *costs[RPC_BATCH_MAX];
	struct db_rows rows;
	size_t n = 0;

	for (size_t i = first; i < t->n; i++) {
		if (t->at[i].window_ms != like->window_ms || t->at[i].allowed != like->allowed)
			continue;
		keys[n] = DB_BYTES(t->at[i].key, HASH_LEN);
		costs[n++] = arena_printf(a, "%lld", (long long)t->at[i].cost);
	}
	params[0] = db_bytes_array(a, keys, n);
	params[1] = db_text_array(a, costs, n);
	params[2] = db_int(a, like->window_ms);
	params[3] = db_int(a, like->allowed);
	if (!db_call_within(r->app->db, DATABASE_MS, STMT_RATE_TAKE, params, 4, a, &rows, e))
		return false;
	*wait_ms = db_int_at(&rows, 0, 0);
	return true;
}

/*
 * True: *WAIT_MS is 0 if all was taken. Where a function says several limits for one batch, what was taken by those before the one
 * that is full stays taken.
 */
static bool take_strict(struct req *r, const struct taking *t, int64_t *wait_ms, struct err *e)
{
	bool done[RPC_BATCH_MAX] = { false };

	*wait_ms = 0;
	for (size_t i = 0; i < t->n && !*wait_ms; i++) {
		if (done[i])
			continue;
		for (size_t k = i; k < t->n; k++)
			done[k] = done[k] || (t->at[k].window_ms == t->at[i].window_ms && t->at[k].allowed == t->at[i].allowed);
		if (!take_alike(r, t, i, wait_ms, e))
			return false;
	}
	return true;
}

/* The first N. */
static void give_back(const struct taking *t, size_t n)
{
	while (n--)
		counters_give_back(t->at[n].key, t->at[n].window_ms, t->at[n].cost);
}

static bool take_async(const struct limit *l, struct req *r, const struct taking *t, int64_t *wait_ms, struct err *e)
{
	if (l->refuses_uncounted && counters_are_away())
		return err_reason(e, ERR_UNAVAILABLE, "database_unavailable", "temporarily unavailable",
		    "requests cannot be counted");
	for (size_t i = 0; i < t->n; i++)
		switch (counters_take(t->at[i].key, t->at[i].window_ms, t->at[i].cost, t->at[i].allowed, wait_ms)) {
		case COUNTERS_NONE: /* all of them by the database, then */
			give_back(t, i);
			return take_strict(r, t, wait_ms, e);
		case COUNTERS_FULL:
			give_back(t, i);
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

static enum policy_answer count(const struct policy_use *use, struct call *call, struct err *e)
{
	const struct limit *l = use->loaded;
	struct req *r = call_req(call);
	struct policy_refusal refusal = { .status = 429, .rpc_code = RPC_SERVER_ERROR, .reason = "rate_limited" };
	struct taking t;
	int64_t wait_ms = 0;

	if (!fill(&t, use, call, e))
		return POLICY_FAIL;
	if (t.n && !(l->async ? take_async(l, r, &t, &wait_ms, e) : take_strict(r, &t, &wait_ms, e)))
		return uncounted(use, r, e);
	if (!wait_ms)
		return POLICY_PASS;
	refusal.retry_after_s = l->tells_when ? (int)((wait_ms + 999) / 1000) : 0;
	return policy_refuse(call, e, &refusal, "too many requests");
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	const struct limit *l = use->loaded;

	(void)u;
	return l->tools ? POLICY_PASS : count(use, call, e);
}

/* By tool behind all policies, all messages at once: what a filter hides, under whatever name, has no count of its own. */
static enum policy_answer on_sent(const struct policy_use *use, struct call *call, const struct rpc_msg *m, struct err *e)
{
	const struct limit *l = use->loaded;

	return l->tools && m == call_body(call)->msgs ? count(use, call, e) : POLICY_PASS;
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
	.on_sent = on_sent,
	.wants_claims = wants_claims,
};
