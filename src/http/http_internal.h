/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of src/http share among themselves. */
#ifndef GATEHOUSE_HTTP_HTTP_INTERNAL_H
#define GATEHOUSE_HTTP_HTTP_INTERNAL_H

#include "http/http.h"

/* An empty 200 whose memory ends with the arena. */
void resp_init(struct resp *, struct arena *);

/*
 * A request from what IO holds: method, target, Host, addresses, headers, request id; no
 * body yet. On failure the error says which answer is due; the request can still be answered.
 */
bool req_read(struct req *, struct err *);

/* The body, up to LIMIT bytes: ERR_TOO_LARGE, or ERR_REQUEST_TIMEOUT if it has not arrived within half a minute. */
bool req_read_body(struct req *, size_t limit, struct err *);

/*
 * Finds the row for the request's path and method and sets req.row (also when the method is
 * wrong: the error's style comes from it). ERR_NOT_FOUND or ERR_METHOD (Allow is set in the response).
 */
bool route_find(struct req *, struct resp *, struct err *);

/* The CORS headers of an any-origin row; answers a preflight and returns true if this was one. */
bool cors_any(struct req *, struct resp *);

/*
 * Once a sound project is in force: opens the database, starts events and the program's own. Does nothing if that is
 * done or the project has a fault. False if the program cannot start; it is logged.
 */
bool app_bring_up(struct app *);

/* Whether this is a neighbour's question after the program's health; if so it is answered. */
bool health_answer(struct req *, struct resp *);

#endif
