/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt-injection-outbound: what a client's model would read of an answer is judged by another model first. A long text is sent
 * in pieces that overlap; one that is too long, or not judged within the deadline, counts as not judged, which `strict`
 * refuses. The service's address is the operator's: private ones need `outbound.allow` for the policy's name.
 */
#include "config.h"

#include "base/clock.h"
#include "conf/problem.h"
#include "net/fetch.h"
#include "policy/classifier.h"
#include "policy/policy.h"
#include "policy/recorded.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	DEADLINE_MS = 20000, /* for all pieces of an answer */
	CONNECT_MS = 3000,
	BUSY_MS = 50,        /* until a place among the fetches is asked for again */
	PIECE = 32 * 1024,
	OVERLAP = 512,
	TEXT_MAX = 256 * 1024,
	ANSWER_MAX = 64 * 1024,
	DEPTH = 64,
};

struct judge {
	const char *url, *model;
	const char *headers[2];
	const struct guard *guard;
	bool strict;
};

static const struct option options[] = {
	{ "apiKey", OPTION_SECRET, true, .about = "The key of the classifier's service." },
	{ "model", OPTION_STRING, .initial = "gpt-4o-mini", .about = "The model." },
	{ "baseUrl", OPTION_URL, .initial = "https://api.openai.com/v1",
	    .about = "The service, compatible with the API of OpenAI: /chat/completions is asked below it. A private address must be "
		     "allowed by `outbound.allow` for the policy's name." },
	{ "strict", OPTION_BOOL, .initial = "false",
	    .about = "Whether an answer that cannot be judged is refused; else it passes, and the log says so. Texts of more than "
		     "256 KiB cannot be judged, nor those that are not within 20 seconds." },
	{ 0 },
};

/* ---- loading */

static bool is_header_text(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

static const char *url_of(struct arena *a, const char *base)
{
	size_t n;

	base = base ? base : "https://api.openai.com/v1";
	n = strlen(base);
	while (n && base[n - 1] == '/')
		n--;
	return arena_printf(a, "%.*s/chat/completions", (int)n, base);
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a, struct problems *problems, const char *file,
    const char *pointer)
{
	struct judge *j = arena_alloc(a, sizeof(*j));
	const char *base = json_get_string(doc, "baseUrl"), *key = json_get_string(doc, "apiKey"), *model = json_get_string(doc, "model");
	struct err e = { .code = ERR_NONE };

	if (base && strpbrk(base, "?#"))
		problem_add(problems, true, file, pointer_member(a, pointer, "baseUrl"), "remove them",
		    "the URL must have no query and no fragment");
	if (!key || !is_header_text(key))
		problem_add(problems, true, file, pointer_member(a, pointer, "apiKey"), "give the key as the service shows it",
		    "this is no key: it has characters that no header may have");
	j->url = url_of(a, base);
	j->model = model ? model : "gpt-4o-mini";
	j->headers[0] = arena_printf(a, "Authorization: Bearer %s", key ? key : "");
	j->strict = json_get_bool(doc, "strict", false);
	j->guard = guard_load(a, use->project->outbound, use->project->development, &e);
	if (!j->guard)
		use->fault = arena_printf(a, "%s#%s: `outbound` of the project is faulty", file, pointer);
	return j;
}

/* ---- judging */

static void pause_ms(long ms)
{
	const struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

/* One piece. CLASSIFIER_NONE fills E. */
static enum classifier_verdict ask(const struct policy_use *use, const char *text, size_t n, int64_t until_ms, struct err *e)
{
	const struct judge *j = use->loaded;
	struct arena *a = arena_new();
	char nonce[CLASSIFIER_NONCE];
	struct fetch f = { .url = j->url, .guard = j->guard, .upstream = use->name, .headers = j->headers, .max = ANSWER_MAX,
		.connect_ms = CONNECT_MS };
	enum classifier_verdict verdict = CLASSIFIER_NONE;
	bool ok;

	f.json = classifier_request(a, j->model, text, n, nonce);
	for (;;) {
		err_clear(e);
		f.total_ms = clock_left_ms(until_ms);
		ok = f.total_ms > 0 && fetch(&f, a, e);
		if (ok || e->code != ERR_UNAVAILABLE)
			break;
		pause_ms(BUSY_MS);
	}
	if (ok && fetch_is_json(&f, e))
		verdict = classifier_verdict(a, f.body, f.body_len, nonce);
	if (verdict == CLASSIFIER_NONE) /* the first of these that is not said yet */
		err_reason(e, ERR_UPSTREAM, ok ? "classifier_verdict" : "classifier_timeout", "", "%s", "");
	arena_free(a);
	return verdict;
}

/* Where a character begins, at AT or before. */
static size_t character_at(const char *text, size_t at)
{
	while (at && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static enum classifier_verdict judge_text(const struct policy_use *use, const struct buf *text, struct err *e)
{
	int64_t until_ms = clock_ms() + DEADLINE_MS;

	if (text->over) {
		err_reason(e, ERR_LIMIT, "classifier_too_long", "", "%s", "");
		return CLASSIFIER_NONE;
	}
	for (size_t from = 0; from < text->len;) {
		size_t to = text->len - from > PIECE ? character_at(text->data, from + PIECE) : text->len;
		enum classifier_verdict verdict = ask(use, text->data + from, to - from, until_ms, e);

		if (verdict != CLASSIFIER_CLEAN || to == text->len)
			return verdict;
		from = character_at(text->data, to - OVERLAP);
	}
	return CLASSIFIER_CLEAN; /* nothing that a model would read */
}

/* ---- what is recorded */

/* Of one call. From the way back the request's arena is out of reach. */
struct judged {
	int64_t injections, unjudged;
	bool refused; /* what could not be judged */
};

static struct judged *judged_of(const struct policy_use *use, struct call *call)
{
	void **state = policy_state(call, use);

	if (!*state)
		*state = xcalloc(1, sizeof(struct judged));
	return *state;
}

static void on_over(const struct policy_use *use, struct call *call, const struct policy_over *over)
{
	void **state = policy_state(call, use);
	struct judged *j = *state;
	struct arena *a;
	struct event e;

	if (!j)
		return;
	a = arena_new();
	e = policy_event("prompt_injection", use, call, over, a);
	e.action = j->injections || j->refused ? "block" : "log";
	e.outcome = j->injections || j->refused ? "denied" : "success";
	e.reason_code = j->injections ? "prompt_injection" : "prompt_injection_unjudged";
	e.finds = j->injections && j->unjudged ? arena_printf(a, "injection: %lld, unjudged: %lld", (long long)j->injections, (long long)j->unjudged)
		: j->injections                ? arena_printf(a, "injection: %lld", (long long)j->injections)
					       : arena_printf(a, "unjudged: %lld", (long long)j->unjudged);
	e.matches = j->injections + j->unjudged;
	event_emit(&e);
	arena_free(a);
	free(j);
	*state = NULL;
}

/* ---- messages */

/* Whether the message answers a tool's call: then its error may be told as the tool's. */
static bool is_tool_result(struct span message)
{
	struct span result = scan_member(message, "result");

	return scan_member(message, "id").p && (scan_member(result, "content").p || scan_member(result, "structuredContent").p);
}

static void write_withheld(struct buf *out, const struct policy_use *use, struct span message, struct arena *a)
{
	struct span id = scan_member(message, "id");

	buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_add(out, id.p, id.n);
	buf_str(out, ",\"result\":{");
	if (scan_path(message, "result", "resultType", NULL).p)
		buf_str(out, "\"resultType\":\"complete\",");
	buf_str(out, "\"content\":[{\"type\":\"text\",\"text\":");
	buf_json(out, arena_printf(a, "Policy '%.64s' withheld the tool's result: it looks like a prompt injection.", use->name));
	buf_str(out, "}],\"isError\":true}}");
}

static enum policy_answer unjudged(const struct policy_use *use, struct call *call, const struct err *why, struct err *e)
{
	const struct policy_refusal refusal = { .status = 502, .rpc_code = RPC_SERVER_ERROR, .reason = "prompt_injection_unjudged" };
	const struct judge *j = use->loaded;
	struct judged *of_call = judged_of(use, call);

	of_call->unjudged++;
	of_call->refused |= j->strict;
	log_warn(&call_req(call)->log, "an answer could not be judged", "policy", use->name, "reason", err_reason_of(why), "detail",
	    why->detail, "passed", j->strict ? "no" : "yes", NULL);
	if (!j->strict)
		return POLICY_PASS;
	return policy_refuse(call, e, &refusal, "policy '%.64s' refused the answer: it could not be judged", use->name);
}

/* Appends the message, or what stands in its place. */
static enum policy_answer judge_message(const struct policy_use *use, struct call *call, struct arena *a, struct span message,
    struct buf *out, struct err *e)
{
	const struct policy_refusal refusal = { .status = 422, .rpc_code = RPC_SERVER_ERROR, .reason = "prompt_injection" };
	enum classifier_verdict verdict;
	enum policy_answer answer = POLICY_PASS;
	struct err why = { .code = ERR_NONE };
	struct span result;
	struct buf text;

	if (!scan_sole_member(message, "result", &result)) { /* what stands in the place of a result could not be told */
		err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s",
		    "it spells the name of a member in another case");
		return POLICY_FAIL;
	}
	buf_init(&text, TEXT_MAX);
	classifier_text(&text, message);
	verdict = judge_text(use, &text, &why);
	buf_release(&text);
	if (verdict == CLASSIFIER_INJECTION) {
		judged_of(use, call)->injections++;
		log_warn(&call_req(call)->log, "prompt injection found", "policy", use->name, NULL);
	}
	if (verdict == CLASSIFIER_NONE)
		answer = unjudged(use, call, &why, e);
	else if (verdict == CLASSIFIER_INJECTION && !is_tool_result(message))
		answer = policy_refuse(call, e, &refusal, "policy '%.64s' refused the answer: it looks like a prompt injection", use->name);
	if (verdict == CLASSIFIER_INJECTION && answer == POLICY_PASS)
		write_withheld(out, use, message, a);
	else
		buf_add(out, message.p, message.n);
	return answer;
}

static enum policy_answer judge_batch(const struct policy_use *use, struct call *call, struct arena *a, struct span batch,
    struct buf *out, struct err *e)
{
	enum policy_answer answer = POLICY_PASS;
	struct span item;
	size_t pos = 0;
	const char *from = batch.p;

	while (answer == POLICY_PASS && scan_next(batch, &pos, NULL, &item)) {
		buf_add(out, from, (size_t)(item.p - from));
		answer = judge_message(use, call, a, item, out, e);
		from = item.p + item.n;
	}
	buf_add(out, from, (size_t)(batch.p + batch.n - from));
	return answer;
}

static enum policy_answer on_message(const struct policy_use *use, struct call *call, struct arena *a, const char *text, size_t n,
    struct buf *out, struct err *e)
{
	struct scan_limits limits = scan_limits_of(n);
	struct span whole = scan_value(text, n);
	enum policy_answer answer;

	limits.depth = DEPTH;
	limits.members = UINT32_MAX; /* no tree is built */
	if (!scan_check(text, n, &limits, NULL)) {
		err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s", "");
		return POLICY_FAIL;
	}
	buf_add(out, text, (size_t)(whole.p - text));
	answer = scan_kind(whole) == '[' ? judge_batch(use, call, a, whole, out, e) : judge_message(use, call, a, whole, out, e);
	buf_add(out, whole.p + whole.n, (size_t)(text + n - whole.p - whole.n));
	return answer;
}

static enum policy_reading reads(const struct policy_use *use)
{
	(void)use;
	return POLICY_READS_ALL;
}

const struct policy p_prompt_injection_outbound = {
	.type = {
		.name = "prompt-injection-outbound",
		.about = "Has what a model would read of answers judged by a classifier, and withholds what it takes for prompt injection. "
			 "A tool's result is replaced by one that says so, with isError; any other answer by an error. "
			 "What of a call was withheld, or could not be judged, is one event, prompt_injection.",
		.outbound = true,
		.served = true,
		.options = options,
		.load = load,
	},
	.on_message = on_message,
	.on_over = on_over,
	.reads = reads,
	.pace = POLICY_WAITS,
};
