/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a call through an MCP route. Read it from the bottom: proxy_identify() says who may
 * call, proxy_call() what is read, checked and changed on the way up, `hooks` what is on the way back.
 *
 *   identify: route -> origin -> token
 *   call:     message -> session -> era -> request (headers, query) -> policies (chain.h) -> credential -> relay -> errands (errand.h)
 *   answer:   token taken? -> redirect? refused? -> headers -> session -> bridge, policies -> body (masked, watched) -> event
 *
 * Each arrow is one call that returns bool; the first false is told by proxy_error(), and the event
 * is written all the same. Up to relay_submit() this runs in a request thread, from there on in the relay's.
 */
#include "config.h"

#include "mcp/proxy.h"

#include "base/clock.h"
#include "mcp/answer.h"
#include "mcp/chain.h"
#include "mcp/cors.h"
#include "mcp/credential.h"
#include "mcp/flights.h"
#include "mcp/headers.h"
#include "mcp/record.h"
#include "mcp/tracing.h"
#include "oauth/metadata.h"

#include <string.h>
#include <strings.h>

static bool is(const struct req *r, const char *method)
{
	return !strcmp(r->method, method);
}

struct session_place call_place(const struct call *c)
{
	return (struct session_place){
		.subject = c->who ? c->who->subject : "",
		.client_id = c->who ? c->who->client_id : "",
		.operation_id = c->route->operation_id,
		.path = c->route->path,
	};
}

/* ---- the way back, in the relay's thread */

static void free_edit(void *edit)
{
	edit_release(edit);
}

static void free_buf(void *buf)
{
	buf_release(buf);
}

static struct call *call_of(struct relay_call *rc)
{
	return (struct call *)rc;
}

/*
 * Where a redirect leads within the upstream's own origin, or NULL. A POST is only repeated
 * where the status says so (RFC 9110, 15.4.8); its credentials never leave the origin.
 */
static const char *redirect_target(struct call *c, const struct head *head)
{
	const char *location = head_get(head, "location");
	bool same_method = head->status == 307 || head->status == 308;
	struct arena *a = c->req->arena;
	CURLU *url;
	char *text = NULL;
	const char *target = NULL;
	struct uri uri;

	if (!c->route->follow_redirects || !location || !(same_method || (is(c->req, "GET") && head->status < 304)))
		return NULL;
	url = curl_url();
	if (!curl_url_set(url, CURLUPART_URL, c->relay.transfer.url, 0) &&
	    !curl_url_set(url, CURLUPART_URL, location, CURLU_DISALLOW_USER) &&
	    !curl_url_get(url, CURLUPART_URL, &text, 0) && uri_parse(&uri, a, text, NULL) &&
	    uri_same_origin(&uri, &c->route->upstream))
		target = arena_strndup(a, text, strcspn(text, "#"));
	curl_free(text);
	curl_url_cleanup(url);
	return target;
}

/* The lines of the table of upstream failures that are about an answer, not about its absence. */
static bool answer_is_good(struct call *c, const struct head *head, struct err *e)
{
	const char *coding = head_get(head, "content-encoding");

	if (head->status < 200 || head->status > 599)
		return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
		    "upstream '%s': status %d", c->upstream, head->status);
	if (coding && strcasecmp(coding, "identity") != 0)
		return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
		    "upstream '%s': it is compressed, which was not asked for", c->upstream);
	if (head->status == 401) /* passed on, it would send the client through sign-in for ever */
		return err_reason(e, ERR_UPSTREAM, "upstream_auth", "the upstream refused the gateway's credentials",
		    "upstream '%s'", c->upstream);
	if (head->status == 404 && c->session.upstream_id)
		return err_reason(e, ERR_NOT_FOUND, "unknown_session", "Session not found",
		    "upstream '%s' no longer knows the session", c->upstream);
	return true;
}

/* The upstream's session id never reaches the client: a sealed one goes in its place. */
static bool seal_session(struct call *c, const struct head *head, struct err *e)
{
	const char *id = head_get(head, "mcp-session-id");
	const struct session_place place = call_place(c);

	if (!id || c->era == ERA_MODERN)
		return true;
	if (!session_id_is_good(id))
		return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's session id is malformed",
		    "upstream '%s': %zu bytes", c->upstream, strlen(id));
	if (!c->session.upstream_id || strcmp(id, c->session.upstream_id) != 0) {
		c->session.upstream_id = id;
		c->session_id = session_seal(&c->session, &place, c->ring, c->req->arena);
	}
	resp_set(c->relay.resp, "Mcp-Session-Id", c->session_id);
	return true;
}

/*
 * The answer to the use of one tool, prompt or resource is no list and may be of any size: as JSON it passes. All
 * others are read, and all streams event by event: they may carry, or replay, the answer to a list.
 */
static bool json_is_read(const struct call *c)
{
	for (size_t i = 0; i < c->body.n; i++)
		if (c->body.batch || !c->body.msgs[i].capability_type)
			return true;
	return c->body.n == 0;
}

static bool is_json(const struct head *head)
{
	const char *type = head_get(head, "content-type");

	return !type || !strncasecmp(type, "application/json", 16);
}

/* Passes it unread, but watched: is_no_list(). */
static enum relay_verdict pass_guarded(struct call *c)
{
	c->guard = arena_alloc(c->req->arena, sizeof(*c->guard));
	rpc_scan_init(c->guard, (struct span){ NULL, 0 }, c->relay.is_stream);
	return RELAY_PASS;
}

/* Which part of an answer the policies read. What is neither JSON nor a stream cannot be read: it is no answer. */
static enum relay_verdict choose_reading(struct call *c, const struct head *head, struct err *e)
{
	const struct limits *limits = &c->req->project->limits;
	const struct chain_wants wants = chain_wants(c->route);

	bool reads = errand_reads(c) && (c->relay.is_stream || is_json(head));

	c->pace = wants.pace;
	if (!reads && wants.reading < (head->status >= 300 ? POLICY_READS_ALL : POLICY_READS_LISTS))
		return wants.reading ? pass_guarded(c) : RELAY_PASS;
	if (c->relay.is_stream) {
		c->edit = arena_alloc(c->req->arena, sizeof(*c->edit));
		edit_begin(c->edit, c, limits->kept_event, wants.pace != POLICY_QUICK);
		arena_defer(c->req->arena, free_edit, c->edit);
		resp_set(c->relay.resp, "Content-Type", "text/event-stream"); /* we read UTF-8: no other charset cuts other lines */
		return RELAY_PASS;
	}
	if (!reads && wants.reading < POLICY_READS_ALL && !json_is_read(c))
		return pass_guarded(c);
	if (head->status < 300 && !is_json(head)) {
		err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
		    "upstream '%s': '%.64s' is neither JSON nor an event stream", c->upstream, head_get(head, "content-type"));
		return RELAY_REFUSE;
	}
	c->withheld = !is_json(head); /* an error page, which nobody could read */
	c->may_repeat = wants.steady && wants.pace == POLICY_QUICK && !reads && head->status == 200 && is_json(head) && c->body.n == 1 &&
	    !c->body.batch && call_asks_for_list(c);
	resp_set(c->relay.resp, "Content-Length", NULL);
	c->relay.keep_max = limits->kept_json;
	return RELAY_KEEP;
}

static enum relay_verdict on_head(struct relay_call *rc, const struct head *head, struct err *e)
{
	struct call *c = call_of(rc);
	const char *target = redirect_target(c, head);
	enum relay_verdict verdict = credential_judge(c, head, e);

	if (verdict != RELAY_PASS)
		return verdict;
	if (target) {
		rc->transfer.url = target;
		return RELAY_AGAIN;
	}
	if (!answer_is_good(c, head, e))
		return RELAY_REFUSE;
	verdict = errand_head(c, head, e);
	if (verdict != RELAY_PASS)
		return verdict;
	if (!seal_session(c, head, e))
		return RELAY_REFUSE;
	headers_to_client(rc->resp, head, rc->is_stream, c->upstream_request.secrets);
	cors_set(c->req, rc->resp, c->route);
	links_init(&c->links, rc->is_stream);
	mask_init(&c->mask, c->upstream_request.secrets);
	record_begin(c, rc->is_stream);
	return chain_response(c, e) ? choose_reading(c, head, e) : RELAY_REFUSE;
}

/* Has a worker do it; the relay goes on with other calls meanwhile. */
static void work(struct call *c, void (*run)(void *))
{
	c->relay.busy = true;
	c->work = (struct work){ .run = run, .own = c, .lane = c->route->operation_id };
	workers_add(c->pace == POLICY_WAITS ? c->mcp->wait : c->mcp->compute, &c->work);
}

static void work_on_event(void *own)
{
	struct call *c = own;

	if (!atomic_load(&c->relay.unwanted))
		edit_work(c->edit);
	relay_ready(c->mcp->relay, &c->relay);
}

/* What the policies made of a piece, on its way to the client. */
static size_t pass(struct call *c, const char *p, size_t n, const char **out)
{
	size_t passed;

	if (c->edit && c->edit->wants_work)
		work(c, work_on_event);
	else
		c->relay.finished = c->errand.over;
	if (!n) { /* the event goes on */
		*out = p;
		return 0;
	}
	passed = mask_feed(&c->mask, links_feed(&c->links, p, n), n, out);
	record_feed(c, *out, passed);
	return passed;
}

/*
 * The answer to the use of one tool may be of any size, and passes unread, as errors do; but one that is a list, to whichever
 * request, would be read as one by the client that matches it by its id. An error's page need be no JSON.
 */
static bool is_no_list(struct call *c, const char *p, size_t n)
{
	rpc_scan_feed(c->guard, p, n);
	if (!c->guard->outcome.has_list && (!c->guard->outcome.malformed || c->relay.resp->status >= 300))
		return true;
	return err_reason(&c->relay.err, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
	    "upstream '%s': %s", c->upstream, c->guard->outcome.has_list ? "a list where none was asked for" : "it is no JSON");
}

static size_t on_body(struct relay_call *rc, const char *p, size_t n, const char **out)
{
	struct call *c = call_of(rc);
	size_t passed;

	if (!n) { /* the last of it */
		passed = mask_feed(&c->mask, p, n, out);
		record_feed(c, *out, passed);
		return passed;
	}
	if (c->edit)
		n = edit_feed(c->edit, p, n, &p, &rc->err);
	if (c->guard && !is_no_list(c, p, n))
		n = 0;
	return pass(c, p, n, out);
}

static size_t on_more(struct relay_call *rc, const char **out)
{
	struct call *c = call_of(rc);
	const char *p;
	size_t n = edit_feed(c->edit, NULL, 0, &p, &rc->err);

	return pass(c, p, n, out);
}

static void change_kept(struct call *c)
{
	c->changed_ok = !c->kept.n || c->withheld || edit_text(c, c->kept.p, c->kept.n, false, &c->changed, c->changed_err);
}

static void work_on_kept(void *own)
{
	struct call *c = own;

	if (!atomic_load(&c->relay.unwanted))
		change_kept(c);
	relay_ready(c->mcp->relay, &c->relay);
}

/* The body as it goes out: without the upstream's credentials. */
static void fill_body(struct call *c)
{
	struct buf *body = &c->relay.resp->body;
	struct repeat what;
	const char *out;
	size_t n;

	buf_clear(body);
	if (!c->changed.len)
		return;
	n = mask_feed(&c->mask, links_feed(&c->links, c->changed.data, c->changed.len), c->changed.len, &out);
	buf_add(body, out, n);
	n = mask_feed(&c->mask, NULL, 0, &out);
	buf_add(body, out, n);
	record_feed(c, body->data, body->len);
	if (c->may_repeat && !c->links.blotted && body->len == c->changed.len && !memcmp(body->data, c->changed.data, body->len) &&
	    record_repeat(c, &what))
		repeats_put(mcp_site_of(c->req)->repeats, c->route, c->kept, call_message(c)->id,
		    (struct span){ body->data, body->len }, &what);
}

/* The answer is one that was read before: what it became is the body, if no credential is in it. */
static bool fill_repeated(struct call *c)
{
	struct buf *body = &c->relay.resp->body;
	struct repeat what;

	if (!c->may_repeat)
		return false;
	buf_clear(body);
	if (!repeats_get(mcp_site_of(c->req)->repeats, c->route, c->kept, call_message(c)->id, body, &what))
		return false;
	if (mask_finds(c->mask.secrets, buf_text(body)))
		return false;
	record_repeated(c, &what);
	return true;
}

static bool on_kept(struct relay_call *rc, const char *text, size_t n, struct err *e)
{
	struct call *c = call_of(rc);

	if (text) {
		c->kept = (struct span){ text, n };
		if (fill_repeated(c))
			return true;
		c->changed_err = arena_alloc(c->req->arena, sizeof(*c->changed_err));
		buf_init(&c->changed, rc->resp->body.max);
		arena_defer(c->req->arena, free_buf, &c->changed); /* also of a call that is cut off meanwhile */
		if (c->pace != POLICY_QUICK && n) {
			work(c, work_on_kept);
			return true;
		}
		change_kept(c);
	}
	if (c->changed_ok)
		fill_body(c);
	else
		*e = *c->changed_err;
	if (c->errand.status)
		rc->resp->status = c->errand.status;
	buf_release(&c->changed);
	return c->changed_ok;
}

static void on_refused(struct relay_call *rc, const struct err *e)
{
	rc->resp->headers = NULL;
	resp_error(rc->req, rc->resp, e);
}

static void on_over(struct relay_call *rc, enum relay_end end, const struct err *e)
{
	struct call *c = call_of(rc);

	if (c->links.blotted)
		log_warn(&c->req->log, "the upstream sent addresses to open that are none, and they were blotted out", "upstream",
		    c->upstream, NULL);
	errand_over(c, end, e);
	record_call(c, end, e);
}

static enum relay_verdict on_begin(struct relay_call *rc, struct err *e)
{
	enum relay_verdict verdict = credential_begin(rc, e);

	return verdict == RELAY_PASS ? errand_begin(call_of(rc), e) : verdict;
}

static enum relay_verdict on_resume(struct relay_call *rc, const void *key, struct err *e)
{
	enum relay_verdict verdict;

	if (flight_is_awaited(call_of(rc), key))
		return errand_resume(call_of(rc), e);
	verdict = credential_resume(rc, key, e);
	return verdict == RELAY_AGAIN && !call_of(rc)->errand.begun ? errand_begin(call_of(rc), e) : verdict;
}

static const struct relay_hooks hooks = {
	.begin = on_begin,
	.resume = on_resume,
	.head = on_head,
	.awaited = errand_awaited,
	.errand = errand_done,
	.body = on_body,
	.more = on_more,
	.kept = on_kept,
	.refused = on_refused,
	.over = on_over,
};

/* ---- the way up, in a request thread */

/* POST is served, and what `sse` adds; whoever has no token never learns which (401 comes first). */
static bool method_is_served(const struct call *c, struct resp *p, struct err *e)
{
	const struct req *r = c->req;

	if (is(r, "POST") || (c->route->sse && (is(r, "GET") || is(r, "DELETE"))))
		return true;
	resp_set(p, "Allow", c->route->sse ? "GET, POST, DELETE" : "POST");
	return err_set(e, ERR_METHOD, "this MCP server speaks Streamable HTTP over POST", "method '%.16s'",
	    r->method);
}

static bool read_message(struct call *c, struct err *e)
{
	const struct req *r = c->req;
	struct scan_limits limits = scan_limits_of(r->project->limits.body);

	if (!is(r, "POST"))
		return true;
	limits.depth = r->project->limits.json_depth;
	if (strcmp(r->content_type, "application/json") != 0)
		return err_set(e, ERR_MEDIA_TYPE, "the body must be application/json", "it is '%.64s'",
		    r->content_type);
	if (rpc_read(&c->body, r->arena, r->body, r->body_len, &limits, &c->fault))
		return true;
	c->body.n = 0;
	return err_reason(e, ERR_INVALID_REQUEST, c->fault.reason, c->fault.text, "%s", "");
}

/* A session that the gateway made up has no streams of its own, and there is nothing to end. */
static bool session_is_usable(const struct call *c, struct resp *p, struct err *e)
{
	if (!c->session.bridged || is(c->req, "POST"))
		return true;
	resp_set(p, "Allow", "POST");
	return err_set(e, ERR_METHOD, "this session is served over POST alone", "method '%.16s'", c->req->method);
}

/* Sessions belong to the legacy eras; a modern message says all by itself (protocol 4.4). */
static bool open_session(struct call *c, struct resp *p, struct err *e)
{
	const struct session_place place = call_place(c);

	c->session_id = req_header(c->req, "Mcp-Session-Id");
	if (c->body.n && c->body.msgs[0].modern)
		c->session_id = NULL;
	if (c->session_id)
		return session_open(&c->session, c->session_id, &place, c->ring, c->req->arena, e) && session_is_usable(c, p, e);
	c->session.version = "";
	if (c->body.n && c->body.msgs[0].is_initialize) {
		const struct rpc_msg *m = &c->body.msgs[0];

		session_declare(&c->session, m->capabilities);
		c->session.version = m->version && era_is_supported(m->version) ? m->version : "";
	}
	return true;
}

/* The headers must tell the story of the body: what stands behind us may decide by either. */
static bool check_era(struct call *c, struct err *e)
{
	const struct era_headers said = {
		.version = req_header(c->req, "MCP-Protocol-Version"),
		.method = req_header(c->req, "Mcp-Method"),
		.name = req_header(c->req, "Mcp-Name"),
	};
	const char *known = *c->session.version ? c->session.version : NULL;
	bool ok = c->body.n ? era_check(&c->body, &said, known, c->req->arena, &c->era, &c->version, &c->fault)
			    : era_check_header(said.version, &c->fault);

	return ok || err_reason(e, ERR_INVALID_REQUEST, c->fault.reason, c->fault.text, "%s", "");
}

static void fill_request(struct call *c)
{
	struct upstream_request *u = &c->upstream_request;

	upstream_request_init(u, c->req->arena, c->route->upstream.query);
	headers_to_upstream(u, c->req, c->route);
	if (c->era == ERA_MODERN) /* it resumes no streams (protocol 4.4) */
		upstream_header_remove(u, "last-event-id");
	else /* it has no such headers, and nobody has compared them with the body */
		upstream_headers_drop(u, PARAM_PREFIX);
	tracing_begin(c);
}

/* After the policies: none of them can replace the session, and the client's query overrides none of them. */
static bool finish_request(struct call *c, struct err *e)
{
	struct upstream_request *u = &c->upstream_request;

	if (c->session.upstream_id && c->session_id) /* a bridged one has none */
		upstream_header_add(u, "Mcp-Session-Id", c->session.upstream_id);
	return !c->route->forward_search || upstream_query_append(u, c->req->query, e);
}

static const char *target_url(const struct call *c)
{
	const char *query;

	if (!c->upstream_request.query)
		return c->route->upstream_url;
	query = upstream_query_text(&c->upstream_request);
	return arena_join(c->req->arena, c->route->upstream_url, *query ? "?" : "", query, NULL);
}

static void free_mask(void *own)
{
	struct call *c = own;

	mask_release(&c->mask);
	links_release(&c->links);
}

/* A stream that may be silent for as long as its client wants it: what GET is to the legacy eras, a request is to the modern one. */
static bool is_listening(const struct call *c)
{
	return is(c->req, "GET") || (c->era == ERA_MODERN && c->body.n && c->body.msgs[0].method &&
	    !strcmp(c->body.msgs[0].method, "subscriptions/listen"));
}

static void fill_relay(struct call *c, struct resp *p)
{
	const struct limits *limits = &c->req->project->limits;
	struct relay_call *rc = &c->relay;

	rc->req = c->req;
	rc->resp = p;
	rc->hooks = &hooks;
	rc->lane_name = c->route->operation_id;
	rc->grant_id = c->who ? c->who->grant_id : NULL;
	rc->until_ms = c->who ? c->who->grant_expires_ms : 0;
	rc->timeout_ms = c->route->timeout_ms;
	rc->is_listening = is_listening(c);
	rc->idle_ms = rc->is_listening ? 0 : limits->stream_idle_ms;
	rc->comment_ms = limits->stream_comment_ms;
	rc->transfer = (struct transfer){
		.method = c->req->method,
		.url = target_url(c),
		.upstream = c->upstream,
		.guard = mcp_site_of(c->req)->guard,
		.headers = headers_of(&c->upstream_request),
		.body = c->req->body,
		.body_len = c->req->body_len,
		.connect_ms = limits->connect_ms,
		.cert = c->route->mtls_cert,
		.cert_key = c->route->mtls_key,
	};
	arena_defer(c->req->arena, free_mask, c);
}

static bool submit(struct call *c, struct resp *p)
{
	fill_relay(c, p);
	c->submitted = true;
	req_detach(c->req);
	relay_submit(c->mcp->relay, &c->relay); /* it is the relay's now */
	return true;
}

bool proxy_call(struct req *r, struct resp *p, struct err *e)
{
	struct call *c = r->identity;

	if (is(r, "OPTIONS"))
		return cors_preflight(r, p, c->route);
	if (!method_is_served(c, p, e) || !read_message(c, e) || !open_session(c, p, e) || !check_era(c, e) ||
	    !transfer_is_allowed(mcp_site_of(r)->guard, c->upstream, &c->route->upstream, e))
		return false;
	fill_request(c);
	return chain_up(c, e) && credential_find(c, e) && finish_request(c, e) && submit(c, p);
}

/* ---- who may call */

const struct mcp_route *proxy_route(const struct req *r)
{
	return project_route(r->project, r->path);
}

static struct call *call_new(struct req *r)
{
	struct call *c = arena_alloc(r->arena, sizeof(*c));

	c->req = r;
	c->mcp = r->app->own;
	c->route = proxy_route(r);
	c->upstream = c->route->exchange ? c->route->exchange->id : c->route->operation_id;
	c->relay.upstream_us = 0;
	r->log.route = c->route->operation_id;
	r->event.operation_id = c->route->operation_id;
	r->identity = c;
	return c;
}

/* A fault of its configuration closes a route, and no other. */
static bool route_is_sound(const struct call *c, struct err *e)
{
	if (!c->route->fault)
		return true;
	err_set(e, ERR_CONFIG, "", "%s", c->route->fault);
	return err_text(e, "this route's configuration has an error: %.200s", c->route->fault);
}

/* Tokens travel in the header alone: one in the query ends in logs (RFC 6750, 5.3; protocol E78). */
static bool token_is_in_header(const struct req *r, struct err *e)
{
	if (!req_header(r, "Authorization") || !query_has(r->arena, r->query, "access_token"))
		return true;
	return err_reason(e, ERR_INVALID_REQUEST, "malformed_token",
	    "the token belongs in the Authorization header alone", "%s", "");
}

static bool check_token(struct call *c, struct err *e)
{
	struct req *r = c->req;
	struct bearer *who = arena_alloc(r->arena, sizeof(*who));

	if (c->route->is_public)
		return true;
	if (!token_is_in_header(r, e) ||
	    !bearer_check(who, r->arena, r->app->db, c->ring, c->mcp->cache, req_header(r, "Authorization"), r->project->limits.authorization,
	        route_resource(r->arena, r->origin, c->route), c->route->operation_id, e))
		return false;
	c->who = who;
	return true;
}

bool proxy_identify(struct req *r, struct err *e)
{
	struct call *c = call_new(r);

	return route_is_sound(c, e) && cors_check(r, c->route, e) &&
	    (is(r, "OPTIONS") || (req_ring(r, &c->ring, e) && check_token(c, e)));
}

bool proxy_error(struct req *r, struct resp *p, const struct err *e)
{
	struct call *c = r->identity ? r->identity : call_new(r);

	if (!c->submitted) /* else the relay's last hook writes the event */
		record_refusal(c, c->fault.code ? c->fault.status : c->required && c->body.n ? 200 : err_status(e->code), e);
	return answer_error(c, p, e);
}
