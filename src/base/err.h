/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. A function that can fail returns bool and takes a `struct err *`; the one that
 * fails fills it, once; callers pass it up; one place turns it into a reply.
 * `text` may be shown to whoever asked; `detail` goes to the log only. Neither may hold a
 * secret. Texts are lower case, without a full stop.
 */
#ifndef GATEHOUSE_BASE_ERR_H
#define GATEHOUSE_BASE_ERR_H

#include <stdbool.h>

enum err_code {
	ERR_NONE = 0,
	/* OAuth (RFC 6749 5.2, 4.1.2.1; RFC 7591 3.2.2; RFC 8707) */
	ERR_INVALID_REQUEST,
	ERR_INVALID_CLIENT,
	ERR_INVALID_GRANT,
	ERR_UNAUTHORIZED_CLIENT,
	ERR_UNSUPPORTED_GRANT_TYPE,
	ERR_UNSUPPORTED_RESPONSE_TYPE,
	ERR_UNSUPPORTED_TOKEN_TYPE,
	ERR_INVALID_SCOPE,
	ERR_INVALID_TARGET,
	ERR_INVALID_REDIRECT_URI,
	ERR_INVALID_CLIENT_METADATA,
	ERR_ACCESS_DENIED,
	ERR_CONSENT_REQUIRED, /* OpenID Connect Core 3.1.2.6 */
	/* bearer tokens at a route (RFC 6750 3.1) */
	ERR_INVALID_TOKEN,
	ERR_INSUFFICIENT_SCOPE,
	/* HTTP and pages */
	ERR_FORBIDDEN,
	ERR_NOT_FOUND,
	ERR_METHOD,
	ERR_MISDIRECTED,
	ERR_TOO_LARGE,
	ERR_URI_TOO_LONG,
	ERR_MEDIA_TYPE,
	ERR_REQUEST_TIMEOUT,
	ERR_RATE,
	/* ours, or the world's */
	ERR_CONFIG,      /* a fault of the project: 500 configuration_error */
	ERR_UNAVAILABLE, /* the database, for now: 503 with Retry-After */
	ERR_UPSTREAM,    /* 502 */
	ERR_UPSTREAM_TIMEOUT, /* 504 */
	ERR_INTERNAL,
	/* parsers and tools, with no HTTP meaning of their own (500 if they escape) */
	ERR_SYNTAX,
	ERR_LIMIT,
	ERR_IO,
	ERR_CODES
};

struct err {
	enum err_code code;
	const char *reason; /* a reason code of static storage for events; NULL: err_name(code) */
	char text[256];     /* for whoever asked */
	char detail[512];   /* for the log */
};

/*
 * Fills E (if not NULL; the first failure wins, a filled one is left alone) and returns false,
 * so that a function can `return err_set(e, ...)`. FMT makes the detail; "" for none.
 */
bool err_set(struct err *, enum err_code, const char *text, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, with the reason code that events and log lines carry. REASON has static storage. */
bool err_reason(struct err *, enum err_code, const char *reason, const char *text, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));

/* Replaces the text shown, by a format. Returns false. */
bool err_text(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Empties E for another try. */
void err_clear(struct err *);

/* The HTTP status of a code; its name as OAuth or we spell it ("invalid_grant"); E's reason code. */
int err_status(enum err_code);
const char *err_name(enum err_code);
const char *err_reason_of(const struct err *);

#endif
