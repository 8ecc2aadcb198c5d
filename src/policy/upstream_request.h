/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request on its way to the upstream: the headers and query that leave, before a transfer is made
 * of them. Policies edit it through policy.h; src/mcp fills it and reads the result.
 *
 * Where a pair comes from decides: what the configuration says (rewritePattern, policies) is
 * never overridden by what the client's query says.
 */
#ifndef GATEHOUSE_POLICY_UPSTREAM_REQUEST_H
#define GATEHOUSE_POLICY_UPSTREAM_REQUEST_H

#include "policy/policy.h"

enum upstream_header_source {
	HEADER_OURS = 0, /* the configuration's, or the gateway's own */
	HEADER_CLIENT,   /* the client's, as every client's passes */
	HEADER_NAMED     /* the client's, and forwardHeaders names it */
};

struct upstream_header {
	const char *name; /* as given; compared without case */
	const char *value;
	enum upstream_header_source source;
	struct upstream_header *next;
};

struct upstream_pair {
	const char *name; /* decoded */
	const char *raw;  /* "name=value" as it goes out */
	struct upstream_pair *next;
};

struct upstream_secret {
	const char *value;
	struct upstream_secret *next;
};

struct upstream_request {
	struct arena *arena;
	struct upstream_header *headers;
	struct upstream_pair *query;
	struct upstream_secret *secrets;
};

/* QUERY: rewritePattern's, raw; NULL: none. */
void upstream_request_init(struct upstream_request *, struct arena *, const char *query);

/* Adds one of the gateway's own, whatever its name; VALUE is known to be good. Both live as long as the arena. */
void upstream_header_add(struct upstream_request *, const char *name, const char *value);

/* Sets one that the client has sent; NAME and VALUE live as long as the arena. False: they are not fit to be sent on. */
bool upstream_header_pass(struct upstream_request *, const char *name, const char *value, enum upstream_header_source);

/* Takes away all whose names begin so. */
void upstream_headers_drop(struct upstream_request *, const char *prefix);

/* A header's value, NULL if absent. */
const char *upstream_header_get(const struct upstream_request *, const char *name);

/*
 * Appends the client's raw QUERY: pairs whose name is there already are left out, and
 * `access_token` always. ERR_INVALID_REQUEST for a broken escape in a name: nobody could say what the upstream
 * would read.
 */
bool upstream_query_append(struct upstream_request *, const char *query, struct err *);

/* The query that leaves, without '?'; "" when empty. In the arena. */
const char *upstream_query_text(const struct upstream_request *);

/* Whether a raw query has a pair of that name, however it is spelled. */
bool query_has(struct arena *, const char *query, const char *name);

/* A raw query with the values of credentials, and of pairs whose name cannot be read, replaced by `***`. In the arena. */
char *query_masked(struct arena *, const char *query);

/* Whether NAME is a header name that may be set or removed by configuration: a token (RFC 9110 5.6.2), */
bool header_name_is_token(const char *name);
/* and not one of those that the gateway, or the connection itself, answers for. */
bool header_name_is_reserved(const char *name);

/* Whether a header or parameter of this name carries a credential ("X-Api-Key", "token"). */
bool name_is_credential(const char *name);

#endif
