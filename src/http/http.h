/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request and its answer, as handlers see them, and the loop that every program runs.
 *
 *   serve.c:  accept -> req_read (arena) -> route_find (need, limits) -> identify -> handler -> resp_send
 *             -> event -> arena_free
 */
#ifndef GATEHOUSE_HTTP_HTTP_H
#define GATEHOUSE_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rand.h"
#include "conf/project.h"
#include "db/db.h"
#include "event/event.h"
#include "http/confine.h"
#include "http/io.h"
#include "http/site.h"
#include "keys/ring.h"

struct req;
struct resp;
struct app;
struct header_list;

/* Who may call. The zero value is nobody: a forgotten column closes the route. */
enum need {
	NEED_NOBODY = 0,
	NEED_ANYONE,   /* no identity is looked at */
	NEED_IDENTIFY, /* the row's `identify` must return true */
};

/* How an error is told. */
enum error_style {
	ERROR_PROBLEM = 0, /* application/problem+json (RFC 9457) */
	ERROR_OAUTH,       /* {"error", "error_description"} (RFC 6749 5.2), no-store */
	ERROR_PAGE,        /* the HTML error page, through app.error_page */
	ERROR_CUSTOM,      /* through the row's `error` */
};

enum cors {
	CORS_NONE = 0,
	CORS_ANY, /* Access-Control-Allow-Origin: *, and OPTIONS is answered by serve */
};

struct route_row {
	const char *methods; /* "GET" or "GET,POST"; others get 405 with Allow. GET serves HEAD */
	/* "{b}" stands for the base path. A final "*" matches any non-empty rest after a '/', given to the handler as
	 * req.tail: "/.well-known/oauth-protected-resource/ *" (without the blank) */
	const char *path;
	enum need need;
	size_t body_max; /* 0: a body is refused (413) when not empty */
	enum cors cors;
	enum error_style style;
	/* Fills in the response, or returns false with the error. A handler that has taken the request over (the relay) calls req_detach(). */
	bool (*handler)(struct req *, struct resp *, struct err *);
	bool (*identify)(struct req *, struct err *);
	bool (*error)(struct req *, struct resp *, const struct err *);
};

struct app { /* one program; cgi-bin/NAME.c fills it in */
	const char *name; /* "oauth": the database role, the log, the statements */
	const struct route_row *rows; /* ended by a row without path */
	/* for paths that no row has; may be NULL. Returns the row or NULL (404). */
	const struct route_row *(*find)(struct req *);
	bool uses_database;
	unsigned key_mask;  /* bits of enum purpose */
	int threads;        /* request threads; 0: 4 */
	int heaps;          /* of malloc; 0: one, enough where threads mostly wait. More take more memory */
	const struct policy_type *const *policy_types;
	bool (*error_page)(struct req *, struct resp *, const struct err *);
	/* After project, keys and database are there, before the first request. False ends the program. */
	bool (*start)(struct app *, struct err *);
	/*
	 * Set by `start` of a program that has a loop of its own, with the listening socket in it: request threads run it, in place of
	 * waiting for a connection each, and it calls serve_request(). `shut`, at SIGTERM: takes no more connections, and waits until
	 * the requests that have come are served, at most until UNTIL (CLOCK_REALTIME; else false); then `run` returns. NULL: no.
	 */
	void (*run)(struct app *);
	bool (*shut)(struct app *, const struct timespec *until);
	/* At SIGTERM: end what is in flight (streams within 5 s). Called after all request threads have ended. */
	void (*stop)(struct app *);

	/*
	 * A new site is about to be served, or a program is about to start: what the program makes of a project (tables, guards) goes
	 * to site->own. False: the site's routes answer the error. May be NULL.
	 */
	bool (*adopt)(struct site *, struct err *);
	/* The last use of a site has ended: frees site->own. */
	void (*release)(struct site *);
	/* After NEW has come into force: ends the streams whose route changed, say. Called by the watcher. */
	void (*changed)(struct app *, const struct site *old, const struct site *new);

	/*
	 * Paths for monitors, which ask by address and not by public name: answered before the Host is judged. False: not
	 * its path, or not for whoever asks. May be NULL.
	 */
	bool (*early)(struct req *, struct resp *);

	/* set by serve() */
	struct arena *arena; /* as long as the program */
	const struct confine *confined; /* what it may open; NULL: all that its user may */
	struct db *db; /* NULL unless uses_database */
	atomic_bool up; /* database, events and `start` are there; false while no sound project was ever in force */
	char *dir;     /* the project directory, as it was given */
	struct site *site; /* in force; through site_ref() only */
	pthread_mutex_t site_lock;
	char *snapshots; /* the folder of its snapshots */
	unsigned long long snapshot_mark, source_mark;
	pthread_t watcher;
	bool watching;
	int watch_stop[2];
	bool one_call;       /* plain CGI: one request, then the process ends */
	void *own;           /* the program's */
};

struct req {
	struct app *app;
	struct arena *arena;
	struct io *io;
	struct site *site; /* in force when the request began */
	const struct project *project; /* the site's */
	const struct route_row *row;
	const struct origin *origin; /* the public origin addressed; all URLs are built from it */
	const char *method;  /* as sent; methods are case-sensitive: "post" is no POST (405) */
	const char *target;  /* raw request target */
	const char *path;    /* raw path: letters, digits and "-._~!$&'()+,=:@%/" only, no empty, "." or ".." segment (else 404); %2F counts as is */
	const char *query;   /* raw, "" when none */
	const char *tail;    /* what the row's "*" matched */
	const char *peer;      /* the address that connected */
	const char *client_ip; /* the same, or what a trusted proxy said */
	char request_id[65];
	struct log_ctx log;
	char *body;            /* NUL-terminated; "" when none */
	size_t body_len;
	const char *content_type; /* lower case, without parameters; "" when none */
	struct header_list *headers; /* req_header() */
	struct event event;    /* filled as the request goes; a family of EVENT_AUTH or EVENT_CALL and a name or method makes serve emit nothing by itself: handlers call event_emit() */
	int64_t start_us;      /* clock_us() at accept */
	void *identity;        /* what `identify` found */
	bool *detached;        /* serve's own: after req_detach() the request may end at any moment */
};

/* A header's value by its name in any case ("Mcp-Session-Id"); NULL if absent. Joined duplicates come as "a, b". */
const char *req_header(const struct req *, const char *name);
/* The I-th header, NULL past the end: NAME in lower case with '-', in the request's memory. */
const char *req_header_at(const struct req *, size_t i, const char **value);
/* A cookie's value; NULL if absent or sent twice with different values (cookie tossing). */
const char *req_cookie(const struct req *, const char *name);
/* The ring, or false with the configuration error that kept it from opening. */
bool req_ring(struct req *, const struct ring **, struct err *);
/*
 * The ring of this moment, for what is sealed after the request waited for others: a key may have been changed
 * meanwhile, and the old one be about to be retired. As long as the request.
 */
bool req_ring_now(struct req *, const struct ring **, struct err *);
/* "{origin}{base path}{path}" in the arena. PATH begins with '/'. */
const char *req_url(const struct req *, const char *path);
/* Whether the peer is a loopback address or a Unix socket's web server on this machine that says so. */
bool req_peer_is_loopback(const struct req *);

/* Whether a monitor on this machine or behind a trusted proxy asks. */
bool req_is_neighbour(const struct req *);

/* A parsed query or form (application/x-www-form-urlencoded), at most project.limits.form_pairs pairs. */
struct form {
	size_t n;
	struct {
		const char *name, *value;
	} *pairs;
};
/* ERR_INVALID_REQUEST: broken escape, NUL, invalid UTF-8, too many pairs. */
bool form_parse(struct form *, struct arena *, const char *text, size_t n, unsigned pairs_max, struct err *);
/* The value, NULL if absent or empty (RFC 6749 3.1: empty counts as absent). */
const char *form_get(const struct form *, const char *name);
/* ERR_INVALID_REQUEST if any name but those in ALLOWED (ended by NULL; may be NULL) occurs twice. */
bool form_unique(const struct form *, const char *const *allowed, struct err *);
/* The request's body as a form; a wrong content type is ERR_INVALID_REQUEST. */
bool req_form(struct req *, struct form *, struct err *);
bool req_query(struct req *, struct form *, struct err *);

struct resp {
	struct arena *arena;
	int status; /* 200 at first */
	struct buf body;
	bool head_sent;
	struct resp_header *headers;
};

/* Adds (or with resp_set replaces) a header. A value with CR, LF or NUL is dropped and logged. */
void resp_add(struct resp *, const char *name, const char *value);
void resp_set(struct resp *, const char *name, const char *value);
/* The value of a header that was set (the last, by its name in any case); NULL if absent. */
const char *resp_get(const struct resp *, const char *name);
/* The I-th header that was set: its name, NULL past the end. */
const char *resp_header_at(const struct resp *, size_t i, const char **value);
/* 303 to URL, no-store, no-referrer. */
bool resp_redirect(struct resp *, const char *url);
/* A JSON body from a tree, with its content type. Always true. */
bool resp_json(struct resp *, int status, struct json_object *);
bool resp_text(struct resp *, int status, const char *content_type, const char *text);
/* Set-Cookie: HttpOnly, SameSite=Lax, Path=/, Secure and the __Host- prefix on https origins. MAX_AGE_S 0: for the browser session; <0: delete. */
void resp_cookie(struct req *, struct resp *, const char *name, const char *value, int64_t max_age_s);
/* The cookie's full name for this origin ("__Host-gatehouse_session" or "gatehouse_session"), in the arena. */
const char *cookie_name(const struct req *, const char *name);
/* Turns E into the answer in the row's style, logs it, adds WWW-Authenticate/Retry-After where due. */
void resp_error(struct req *, struct resp *, const struct err *);
/* Sends head and body. False if the peer is gone. */
bool resp_send(struct req *, struct resp *);
/* Only the head (status, headers, X-Request-Id), for answers whose body is streamed through req->io. */
bool resp_send_head(struct req *, struct resp *);

/*
 * The request now belongs to another thread, which ends it with req_finish(). After the handler returns
 * true, serve touches it no more.
 */
void req_detach(struct req *);
/* Ends a detached request: closes the connection, frees the arena. */
void req_finish(struct req *);

/* Serves one request, and ends it unless it was detached. */
void serve_request(struct app *, struct io *);

/* Runs the program until SIGTERM; returns its exit status. */
int serve(struct app *, int argc, char **argv);

#endif
