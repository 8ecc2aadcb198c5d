/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/health/PROGRAM/healthz: this process answers. {b}/health/PROGRAM/readyz: it can do its work
 * (project, keys, database). {b}/health/PROGRAM/stream: two events, 300 ms apart, by which
 * `gatehousectl doctor` sees whether the web server passes the first before the second is there. For
 * monitors on this machine and behind trusted proxies: anybody else sees 404, as if nothing were here.
 */
#include "config.h"

#include "http/http_internal.h"

#include "base/may_block.h"
#include "net/address.h"

#include <string.h>
#include <time.h>

enum { STREAM_PAUSE_MS = 300 };

static bool is_neighbour(const struct req *r, const char *address)
{
	if (address_text_in_cidr(address, "127.0.0.0/8") || address_text_in_cidr(address, "::1/128"))
		return true;
	for (const char *const *p = r->project->trusted_proxies; p && *p; p++)
		if (address_text_in_cidr(address, *p))
			return true;
	return false;
}

/*
 * A proxy on this machine that the project does not name makes every stranger look like loopback: what was forwarded
 * by nobody we trust is no neighbour's request.
 */
bool req_is_neighbour(const struct req *r)
{
	bool forwarded = req_header(r, "X-Forwarded-For") || req_header(r, "Forwarded") ||
	    req_header(r, "Via");

	return is_neighbour(r, r->peer) && is_neighbour(r, r->client_ip) &&
	    (!forwarded || r->client_ip != r->peer);
}

static const char *project_state(struct req *r)
{
	return r->project->fault ? r->project->fault : NULL;
}

static const char *keys_state(struct req *r)
{
	return r->app->key_mask && !r->site->ring ? r->site->ring_fault.text : NULL;
}

static const char *database_state(struct req *r)
{
	struct err e = { .code = ERR_NONE };

	if (!r->app->db)
		return NULL;
	/* a real round trip: db_schema_ok() alone remembers its answer */
	if (db_schema_ok(r->app->db, &e) &&
	    db_call(r->app->db, STMT_SCHEMA_RANGE, NULL, 0, r->arena, NULL, &e))
		return NULL;
	return arena_strdup(r->arena, e.text);
}

static void add_check(struct json_object *doc, const char *name, const char *fault, bool *ready)
{
	json_add_string(doc, name, fault ? fault : "ok");
	*ready &= fault == NULL;
}

static bool answer_ready(struct req *r, struct resp *p)
{
	struct json_object *doc = json_new_object(r->arena), *checks = json_new_object(r->arena);
	bool ready = true;

	add_check(checks, "project", project_state(r), &ready);
	add_check(checks, "keys", keys_state(r), &ready);
	add_check(checks, "database", database_state(r), &ready);
	json_add_string(doc, "status", ready ? "ready" : "not ready");
	json_add_string(doc, "program", r->app->name);
	json_add_int(doc, "snapshot", (int64_t)r->site->snapshot);
	json_add(doc, "checks", checks);
	if (!ready)
		resp_set(p, "Retry-After", "2");
	return resp_json(p, ready ? 200 : 503, doc);
}

static bool answer_alive(struct req *r, struct resp *p)
{
	struct json_object *doc = json_new_object(r->arena);

	json_add_string(doc, "status", "alive");
	json_add_string(doc, "program", r->app->name);
	return resp_json(p, 200, doc);
}

/* Holds a thread for as long: a neighbour may do that. The pause ends a stream that nobody reads any more. */
static bool answer_stream(struct req *r, struct resp *p)
{
	const struct timespec pause = { .tv_nsec = STREAM_PAUSE_MS * 1000000L };
	const char *first = arena_printf(r->arena, "event: first\ndata: {\"cgi\":%s}\n\n",
	    r->app->one_call ? "true" : "false");

	resp_text(p, 200, "text/event-stream", "event: second\ndata: {}\n\n");
	resp_set(p, "Cache-Control", "no-cache, no-transform");
	resp_set(p, "X-Accel-Buffering", "no");
	if (!resp_send_head(r, p) || !strcmp(r->method, "HEAD"))
		return true;
	if (io_write(r->io, first, strlen(first)) && io_flush(r->io)) {
		may_block();
		nanosleep(&pause, NULL);
		io_write(r->io, buf_text(&p->body), p->body.len);
	}
	return true;
}

bool health_answer(struct req *r, struct resp *p)
{
	const char *prefix;
	size_t n;

	if (!strstr(r->path, "/health/")) /* nearly all requests */
		return false;
	prefix = arena_join(r->arena, r->project->base_path, "/health/", r->app->name, "/", NULL);
	n = strlen(prefix);
	if (strncmp(r->path, prefix, n) || (strcmp(r->method, "GET") && strcmp(r->method, "HEAD")) ||
	    !req_is_neighbour(r))
		return false;
	if (!strcmp(r->path + n, "healthz"))
		return answer_alive(r, p);
	if (!strcmp(r->path + n, "stream"))
		return answer_stream(r, p);
	return !strcmp(r->path + n, "readyz") && answer_ready(r, p);
}
