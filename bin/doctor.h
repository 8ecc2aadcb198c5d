/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatehousectl doctor: a table of checks (ctl_doctor.c), each a function that looks at one thing and says
 * what it finds by doctor_error(), doctor_warning() or doctor_skip(); silence means that all is well.
 *
 *   doctor_machine.c   the project, its files, the processes
 *   doctor_database.c  roles, rights, notifications, the pooler
 *   doctor_web.c       the public URL, as a client sees it
 *   doctor_reach.c     upstreams and identity provider
 *   doctor_http.c      one request of the web checks
 *
 * No check changes anything, and none sends a secret.
 */
#ifndef GATEHOUSE_BIN_DOCTOR_H
#define GATEHOUSE_BIN_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/uri.h"
#include "conf/project.h"
#include "conf/snapshot.h"

struct doctor {
	struct arena *arena;
	const struct project *p; /* of the directory, everything resolved */
	const char *dir;         /* as given */
	const char *home;        /* of its snapshots */

	const char *origin;  /* the public origin that is asked; NULL: none is known */
	struct uri uri;      /* the same */
	const char *connect; /* HOST:PORT where its web server listens; NULL: as the name says */
	const char *ca_file; /* that clients trust; NULL: the system's */
	bool answers;        /* the origin answered */
	bool unverified;     /* its certificate is not good, which was said: look at the rest all the same */

	const struct mcp_route *route; /* one that asks for a token; NULL: none is open */
	bool header_lost;              /* Authorization does not arrive, which was said */

	struct pg_conn *pg; /* a program's connection to the database; NULL: none was had */
	bool database_hangs; /* it stopped answering, which was said */
	const struct check *now;
	struct finding *findings, **tail;
};

enum severity { ALL_WELL = 0, SKIPPED, WARNING, ERROR };

struct finding {
	struct finding *next;
	const struct check *check;
	enum severity severity;
	const char *text, *remedy; /* remedy NULL: none */
};

/* Parts of a check's group that must have gone well before. */
enum need_of_check { NEEDS_NOTHING, NEEDS_DATABASE, NEEDS_WEB, NEEDS_ROUTE };

struct check {
	const char *name;
	const char *about; /* what is well when nothing is found */
	enum need_of_check needs;
	void (*run)(struct doctor *);
};

/* What is wrong, and the line to change (or the command). Copied. */
void doctor_error(struct doctor *, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_warning(struct doctor *, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Why this could not be looked at. */
void doctor_skip(struct doctor *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The programs of this release. */
struct program {
	const char *name;
	bool database;
	int connections; /* of one process at most: its threads, and the listener */
};
extern const struct program doctor_programs[]; /* ended by a NULL name */

/*
 * Where root looks, and the program has a user of its own (gatehouse_NAME): becomes it until
 * doctor_as_root(). False: there is none, and we go on as we are.
 */
bool doctor_as_program(struct doctor *, const char *program);
void doctor_as_root(void);

/* ---- requests */

struct ask {
	const char *method; /* NULL: GET */
	const char *target; /* path and query, sent as it is */
	const char *const *headers; /* "Name: value", ended by NULL; "Host: x" replaces ours. May be NULL */
	const char *body;
	size_t body_len;
	bool nearby; /* to this machine's loopback, where the name leads elsewhere */
	bool verify_only; /* check the certificate, and nothing else */
};

struct answer {
	int status;        /* 0: there was none */
	const char *error; /* why */
	int code;          /* libcurl's */
	const char *body;
	size_t body_len;
	struct answer_header {
		struct answer_header *next;
		const char *name, *value; /* name in lower case */
	} *headers;
	int64_t first_ms, last_ms; /* when the first and the last piece of the body came, on clock_ms() */
	const char *local_ip;
	time_t certificate_until; /* 0: not known */
};

/* In the arena; never NULL. */
const struct answer *doctor_ask(struct doctor *, const struct ask *);
const struct answer *doctor_get(struct doctor *, const char *target);
const char *answer_header(const struct answer *, const char *name); /* NULL: absent */
/* A member of a JSON body, NULL if it is no JSON or has no such string. */
const char *answer_string(struct doctor *, const struct answer *, const char *member);

/* ---- the checks */

void check_project(struct doctor *);
void check_snapshot(struct doctor *);
void check_state(struct doctor *);
void check_keys(struct doctor *);
void check_users(struct doctor *);
void check_log(struct doctor *);
void check_mail(struct doctor *);

void check_login(struct doctor *);
void check_schema(struct doctor *);
void check_roles(struct doctor *);
void check_rights(struct doctor *);
void check_role_limits(struct doctor *);
void check_writable(struct doctor *);
void check_notifications(struct doctor *);
void check_retention(struct doctor *);
void check_forward(struct doctor *);
void check_prepared(struct doctor *);
void check_pool(struct doctor *);
void check_clock(struct doctor *);
void check_audit(struct doctor *);
void check_event_days(struct doctor *);
void check_rollup(struct doctor *);
void check_events(struct doctor *);
void doctor_database_close(struct doctor *);

void check_url(struct doctor *);
void check_certificate(struct doctor *);
void check_expiry(struct doctor *);
void check_origin(struct doctor *);
void check_discovery(struct doctor *);
void check_cors(struct doctor *);
void check_authorization(struct doctor *);
void check_query(struct doctor *);
void check_methods(struct doctor *);
void check_body(struct doctor *);
void check_body_limit(struct doctor *);
void check_streaming(struct doctor *);
void check_host(struct doctor *);
void check_foreign_origin(struct doctor *);
void check_encoded_slash(struct doctor *);
void check_request_id(struct doctor *);
void check_forwarded_host(struct doctor *);
void check_forwarded_for(struct doctor *);
void check_dot_segments(struct doctor *);
void check_exposed(struct doctor *);
void check_alive(struct doctor *);
void check_ready(struct doctor *);

void check_upstreams(struct doctor *);
void check_provider(struct doctor *);

/* What the events table has for a request: its client's address, NULL while there is no row, or with WHY while the
 * table cannot be read. For checks of the web server. */
const char *doctor_event_address(struct doctor *, const char *request_id, const char **why);

/* How many processes of this project each program has, by doctor_programs; false where that cannot be seen. */
bool doctor_count_processes(struct doctor *, unsigned counts[]);

#endif
