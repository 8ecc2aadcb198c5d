/* SPDX-License-Identifier: Apache-2.0 */
/* Forms to token endpoints, and what may count as an answer. */
#include "config.h"

#include "upstream/tokens.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

enum {
	TOKEN_MAX = 16 * 1024,     /* bytes; a header with more would be refused by most servers */
	EXPIRES_MAX_S = 315360000, /* ten years: larger numbers are the same to everybody */
};

/* "Authorization: Basic ...", both halves form-encoded first (RFC 6749, 2.3.1). */
static const char *basic_header(struct arena *a, const struct tokens_client *c)
{
	const char *pair = arena_printf(a, "%s:%s", uri_encode(a, c->client_id), uri_encode(a, c->secret));
	size_t n = strlen(pair);
	unsigned char *text = arena_alloc(a, n * 4 / 3 + 8);

	EVP_EncodeBlock(text, (const unsigned char *)pair, (int)n);
	return arena_printf(a, "Authorization: Basic %s", (const char *)text);
}

static const char *form_text(struct arena *a, const struct tokens_client *c, const char *const *form)
{
	bool basic = !strcmp(c->auth_method, "client_secret_basic");
	const char *text = basic ? "" : arena_printf(a, "&client_id=%s", uri_encode(a, c->client_id));

	if (!strcmp(c->auth_method, "client_secret_post"))
		text = arena_printf(a, "%s&client_secret=%s", text, uri_encode(a, c->secret));
	for (; *form; form += 2)
		if (form[1] && *form[1])
			text = arena_printf(a, "%s&%s=%s", text, form[0], uri_encode(a, form[1]));
	return *text ? text + 1 : text;
}

static bool post(struct fetch *f, struct upstream *u, const char *endpoint, const struct tokens_client *c,
    const char *const *form, struct err *e)
{
	const char *headers[] = { NULL, NULL };

	if (c->secret && !strcmp(c->auth_method, "client_secret_basic"))
		headers[0] = basic_header(u->arena, c);
	*f = (struct fetch){ .url = endpoint, .form = form_text(u->arena, c, form), .headers = headers };
	return upstream_fetch(u, f, e);
}

/* What the answer is if it is no tokens. */
static bool refuse(struct upstream *u, const struct fetch *f, struct err *e)
{
	struct err none = { .code = ERR_NONE };
	struct json_object *doc = upstream_json(u, f, &none);
	const char *error = json_get_string(doc, "error");
	const char *said = error && strlen(error) < 64 && error[strspn(error, "abcdefghijklmnopqrstuvwxyz_")] == '\0'
			       ? error : "";

	if (f->status >= 500 || f->status == 429 || !strcmp(said, "temporarily_unavailable") ||
	    !strcmp(said, "slow_down"))
		return err_reason(e, ERR_UPSTREAM, "token_unavailable",
		    "the upstream's authorization server is not available right now", "status %d %s", f->status, said);
	if (!strcmp(said, "invalid_grant"))
		return err_reason(e, ERR_UPSTREAM, "invalid_grant",
		    "the upstream's authorization server no longer accepts the authorization", "status %d", f->status);
	if (!strcmp(said, "invalid_client") || !strcmp(said, "unauthorized_client"))
		return err_reason(e, ERR_UPSTREAM, "invalid_client",
		    "the upstream's authorization server does not accept the gateway as a client", "status %d %s",
		    f->status, said);
	if (*said)
		return err_reason(e, ERR_UPSTREAM, "token_refused",
		    "the upstream's authorization server gave no token", "status %d %s", f->status, said);
	return err_reason(e, ERR_UPSTREAM, "token_malformed",
	    "the upstream's authorization server did not answer as it should", "status %d, type '%.64s'", f->status,
	    f->content_type);
}

/* What may stand in a header (RFC 6750, 2.1, and a little more: visible ASCII). */
static bool is_token(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f)
			return false;
	return n > 0 && n <= TOKEN_MAX;
}

static bool read_tokens(struct tokens *t, struct upstream *u, const struct fetch *f, struct err *e)
{
	struct json_object *doc = upstream_json(u, f, e);
	const char *type = json_get_string(doc, "token_type");

	if (!doc)
		return false;
	if (json_get(doc, "error"))
		return refuse(u, f, e);
	t->access = json_get_string(doc, "access_token");
	t->refresh = json_get_string(doc, "refresh_token");
	t->scope = json_get_string(doc, "scope");
	t->expires_in_s = json_get_int(doc, "expires_in", -1);
	if (t->expires_in_s > EXPIRES_MAX_S)
		t->expires_in_s = EXPIRES_MAX_S;
	if (t->expires_in_s < -1)
		t->expires_in_s = 0;
	if (!type || strcasecmp(type, "Bearer") || !is_token(t->access) ||
	    (json_get(doc, "refresh_token") && !is_token(t->refresh)))
		return err_reason(e, ERR_UPSTREAM, "token_malformed",
		    "the upstream's authorization server did not answer as it should", "token_type '%.32s'",
		    type ? type : "");
	return true;
}

bool tokens_ask(struct tokens *t, struct upstream *u, const char *endpoint, const struct tokens_client *c,
    const char *const *form, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct fetch f;

	*t = (struct tokens){ .expires_in_s = -1 };
	if (!upstream_endpoint_is_sound(u, endpoint))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_endpoint",
		    "the authorization server has an endpoint that nobody may be sent to", "'%.200s'", endpoint);
	if (!post(&f, u, endpoint, c, form, &why)) {
		if (why.code == ERR_UNAVAILABLE)
			return err_reason(e, why.code, "fetch_busy", why.text, "%s", why.detail);
		return err_reason(e, ERR_UPSTREAM, "token_unavailable",
		    "the upstream's authorization server is not available right now", "%s: %s", err_reason_of(&why),
		    why.detail);
	}
	if (!fetch_is_json(&f, &why))
		return refuse(u, &f, e);
	if (!read_tokens(t, u, &f, &why)) {
		bool ours = !strcmp(err_reason_of(&why), "upstream_malformed");

		return err_reason(e, ERR_UPSTREAM, ours ? "token_malformed" : why.reason, why.text, "%s", why.detail);
	}
	return true;
}

void tokens_revoke(struct upstream *u, const char *endpoint, const struct tokens_client *c, const char *token,
    const char *hint)
{
	const char *const form[] = { "token", token, "token_type_hint", hint, NULL };
	struct err e = { .code = ERR_NONE };
	struct fetch f;

	if (token && upstream_endpoint_is_sound(u, endpoint))
		post(&f, u, endpoint, c, form, &e);
	u->html = NULL;
}
