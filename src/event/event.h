/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events (gatehouse(7), EVENTS): one record per call and one per auth event, handed to a
 * background thread that writes one JSON line to the log and one row to PostgreSQL, in batches
 * every 100 ms. event_emit() copies, never blocks on I/O, and counts what it drops when the queue
 * (bounded) is full.
 *
 * Never in an event: bearer tokens, codes, verifiers, secrets, tickets, full redirect URIs (host
 * only), bodies (but see `arguments`).
 */
#ifndef GATEHOUSE_EVENT_EVENT_H
#define GATEHOUSE_EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum event_family { EVENT_CALL, EVENT_AUTH, EVENT_POLICY /* what a policy records */ };
enum event_severity { EVENT_INFO, EVENT_ERROR, EVENT_DEBUG };

/* All strings may be NULL; they need only live until event_emit() returns. */
struct event {
	enum event_family family;
	enum event_severity severity;
	const char *id;   /* a UUID that it is known by already; NULL: it gets one */
	const char *name; /* auth, policy: "mcp_auth_login_succeeded", …; call: NULL */
	int64_t time_us;  /* wall clock at the start; 0: now */
	const char *request_id;
	const char *operation_id; /* also virtualServerName */
	const char *upstream_id;  /* also upstreamServerName */
	const char *subject_id, *client_id, *client_name;
	const char *auth_profile_id, *upstream_auth_mode;
	const char *http_method, *transport; /* "json", "sse" */
	const char *mcp_method, *capability_type, *capability_name;
	/* success failure denied application_error connect_required partial cancelled */
	const char *outcome;
	const char *failure_origin; /* gateway upstream client */
	int mcp_status;             /* HTTP status sent; 0 none */
	int64_t jsonrpc_error_code; /* 0 none */
	const char *error_type, *reason_code;
	int64_t latency_us, gateway_us, upstream_us; /* -1 unknown */
	int64_t bytes_in, bytes_out;
	int64_t tokens_in, tokens_out; /* estimated, of arguments and result; 0: not counted */
	const char *client_ip, *protocol_version, *session_digest;
	const char *redirect_host; /* auth events */
	const char *query; /* policy events: of the URL, its credentials masked */
	/* policy events: the policy's name, what it did, and to what: names and counts, never values; 0: none */
	const char *policy, *action, *finds;
	int64_t matches;
	const char *grant_id;
	/* W3C trace context of the caller, checked (rpc/trace.h): of params._meta, else HTTP; and HTTP's where both
	 * are there */
	const char *trace_parent, *trace_link;
	const char *rpc_id;         /* a number, or a short word; NULL: none that is fit to be told */
	const char *server_address; /* of the upstream */
	int server_port;
	/* JSON, and the only part of bodies that is ever recorded: where a route says so. Cut to EVENT_BODY_MAX bytes; not in the log */
	const char *arguments, *result;
	const struct err *cause; /* its text and detail become errName/errMessage */
};

struct db;

struct event_options {
	const char *program;
	struct db *db;      /* NULL: log only */
	unsigned queue_max; /* 0: 65536 records */
	int days;           /* how long events are kept; 0: for ever */
	int summary_days;   /* the same for what was summed up of them */
};

/* Starts the thread. One per process. */
void event_start(const struct event_options *);
/* Whether the project has somebody to send events to: rows are then written so that sending them is cheap. Not, before this is called. */
void event_forwards(bool);
/* Writes what is queued (at most 2 s), then ends the thread. */
void event_stop(void);
/* Strings are cut to EVENT_TEXT_MAX bytes. Before event_start(): only the log line, at once.
 * EVENT_DEBUG: only the log line, if the log's level shows it. Refusals of whoever is not known are written
 * up to a rate (by address: 10 a second, 600 at once; in all ten times that); past it they are counted, and the
 * log says so. */
enum { EVENT_TEXT_MAX = 512, EVENT_BODY_MAX = 4096 };
void event_emit(const struct event *);

/* A tool as a client was told of it. */
struct event_tool {
	const char *name; /* well-formed text */
	int64_t tokens;   /* of its definition, estimated */
	const char *does; /* "read", "create", "update", "delete", as it says itself, of static storage; NULL: it does not */
};

/*
 * A route's answer listed N tools, for what they cost and whether anybody calls them: written with the next event.
 * False if it was not taken, as too many wait or there is no database.
 */
bool event_listed(const char *operation_id, const struct event_tool *, size_t n);

/* How many rows were dropped since the start: the newest when the queue is full, the oldest when
 * the database has been away for so long, and what it refuses. */
uint64_t event_dropped(void);

#endif
