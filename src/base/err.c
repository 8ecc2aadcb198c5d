/* SPDX-License-Identifier: Apache-2.0 */
/* The one table that says what each error is called and which status it has. */
#include "config.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	int status;
	const char *name;
} codes[ERR_CODES] = {
	[ERR_NONE] = { 200, "none" },
	[ERR_INVALID_REQUEST] = { 400, "invalid_request" },
	[ERR_INVALID_CLIENT] = { 401, "invalid_client" },
	[ERR_INVALID_GRANT] = { 400, "invalid_grant" },
	[ERR_UNAUTHORIZED_CLIENT] = { 400, "unauthorized_client" },
	[ERR_UNSUPPORTED_GRANT_TYPE] = { 400, "unsupported_grant_type" },
	[ERR_UNSUPPORTED_RESPONSE_TYPE] = { 400, "unsupported_response_type" },
	[ERR_UNSUPPORTED_TOKEN_TYPE] = { 400, "unsupported_token_type" },
	[ERR_INVALID_SCOPE] = { 400, "invalid_scope" },
	[ERR_INVALID_TARGET] = { 400, "invalid_target" },
	[ERR_INVALID_REDIRECT_URI] = { 400, "invalid_redirect_uri" },
	[ERR_INVALID_CLIENT_METADATA] = { 400, "invalid_client_metadata" },
	[ERR_ACCESS_DENIED] = { 403, "access_denied" },
	[ERR_CONSENT_REQUIRED] = { 400, "consent_required" },
	[ERR_INVALID_TOKEN] = { 401, "invalid_token" },
	[ERR_INSUFFICIENT_SCOPE] = { 403, "insufficient_scope" },
	[ERR_FORBIDDEN] = { 403, "forbidden" },
	[ERR_NOT_FOUND] = { 404, "not_found" },
	[ERR_METHOD] = { 405, "method_not_allowed" },
	[ERR_MISDIRECTED] = { 421, "unknown_host" },
	[ERR_TOO_LARGE] = { 413, "request_too_large" },
	[ERR_URI_TOO_LONG] = { 414, "uri_too_long" },
	[ERR_MEDIA_TYPE] = { 415, "unsupported_media_type" },
	[ERR_REQUEST_TIMEOUT] = { 408, "request_timeout" },
	[ERR_RATE] = { 429, "rate_limited" },
	[ERR_CONFIG] = { 500, "configuration_error" },
	[ERR_UNAVAILABLE] = { 503, "temporarily_unavailable" },
	[ERR_UPSTREAM] = { 502, "upstream_error" },
	[ERR_UPSTREAM_TIMEOUT] = { 504, "upstream_timeout" },
	[ERR_INTERNAL] = { 500, "server_error" },
	[ERR_SYNTAX] = { 500, "syntax_error" },
	[ERR_LIMIT] = { 500, "limit_exceeded" },
	[ERR_IO] = { 500, "io_error" },
};

static void fill(struct err *e, enum err_code code, const char *reason, const char *text)
{
	e->code = code;
	e->reason = reason;
	snprintf(e->text, sizeof(e->text), "%s", text);
}

bool err_set(struct err *e, enum err_code code, const char *text, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->code)
		return false;
	fill(e, code, NULL, text);
	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
	return false;
}

bool err_reason(struct err *e, enum err_code code, const char *reason, const char *text,
    const char *fmt, ...)
{
	va_list ap;

	if (!e || e->code)
		return false;
	fill(e, code, reason, text);
	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
	return false;
}

bool err_text(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return false;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return false;
}

void err_clear(struct err *e)
{
	*e = (struct err){ .code = ERR_NONE };
}

int err_status(enum err_code code)
{
	return code < ERR_CODES ? codes[code].status : 500;
}

const char *err_name(enum err_code code)
{
	return code < ERR_CODES ? codes[code].name : "server_error";
}

const char *err_reason_of(const struct err *e)
{
	return e->reason ? e->reason : err_name(e->code);
}
