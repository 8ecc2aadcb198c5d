/* SPDX-License-Identifier: Apache-2.0 */
/* Forms to token endpoints, and what may count as an answer. */
#include "config.h"

#include "upstream/tokens.h"

#include "base/b64.h"
#include "base/clock.h"
#include "base/rand.h"
#include "json/jose.h"

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
	char *text = arena_alloc(a, B64_LEN(n) + 1);

	b64_encode(text, pair, n);
	return arena_printf(a, "Authorization: Basic %s", text);
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

/* RFC 7523, 2.2 and 3. */
static const char *client_assertion(struct arena *a, const struct client_conf *k, const char *client_id,
    const char *endpoint, struct err *e)
{
	struct json_object *doc = json_new_object(a);
	int64_t now = clock_wall_s();
	char id[UUID_TEXT];

	rand_uuid(id);
	json_add_string(doc, "iss", client_id);
	json_add_string(doc, "sub", client_id);
	json_add_string(doc, "aud", k->audience ? k->audience : endpoint);
	json_add_string(doc, "jti", id);
	json_add(doc, "iat", json_object_new_int64(now));
	json_add(doc, "exp", json_object_new_int64(now + k->expires_s));
	return jws_sign(a, k->key_pem, k->key_algorithm, k->key_id, "JWT", json_text(a, doc), e);
}

static bool post(struct fetch *f, struct upstream *u, const char *endpoint, const struct tokens_client *c,
    const char *const *form, struct err *e)
{
	const char *headers[] = { NULL, NULL }, *text = form_text(u->arena, c, form), *assertion;

	if (c->secret && !strcmp(c->auth_method, "client_secret_basic"))
		headers[0] = basic_header(u->arena, c);
	if (c->key) {
		assertion = client_assertion(u->arena, c->key, c->client_id, endpoint, e);
		if (!assertion)
			return err_reason(e, ERR_CONFIG, "client_key", "the key of the gateway cannot sign", "client '%.64s'",
			    c->client_id);
		text = arena_printf(u->arena, "%s&client_assertion_type=%s&client_assertion=%s", text,
		    uri_encode(u->arena, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), assertion);
	}
	*f = (struct fetch){ .url = endpoint, .form = text, .headers = headers };
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

static bool read_exchanged(const char **token, struct upstream *u, const struct fetch *f, const char *wanted,
    struct err *e)
{
	struct json_object *doc = upstream_json(u, f, e);
	const char *type = json_get_string(doc, "issued_token_type");

	if (!doc)
		return false;
	if (json_get(doc, "error"))
		return refuse(u, f, e);
	*token = json_get_string(doc, "access_token");
	return (type && !strcmp(type, wanted) && is_token(*token)) ||
	    err_reason(e, ERR_UPSTREAM, "token_malformed",
		"the upstream's authorization server did not answer as it should", "issued_token_type '%.80s'",
		type ? type : "");
}

/* Asks, up to an answer with status 200 that is JSON. */
static bool ask(struct fetch *f, struct upstream *u, const char *endpoint, const struct tokens_client *c,
    const char *const *form, struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (!upstream_endpoint_is_sound(u, endpoint))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_endpoint",
		    "the authorization server has an endpoint that nobody may be sent to", "'%.200s'", endpoint);
	if (!post(f, u, endpoint, c, form, &why)) {
		if (why.code == ERR_UNAVAILABLE || why.code == ERR_CONFIG) {
			*e = why;
			return false;
		}
		return err_reason(e, ERR_UPSTREAM, "token_unavailable",
		    "the upstream's authorization server is not available right now", "%s: %s", err_reason_of(&why),
		    why.detail);
	}
	return fetch_is_json(f, &why) || refuse(u, f, e);
}

/* An answer that is no JSON is what every other that is of no use is. */
static bool cannot_read(const struct err *why, struct err *e)
{
	bool ours = !strcmp(err_reason_of(why), "upstream_malformed");

	return err_reason(e, ERR_UPSTREAM, ours ? "token_malformed" : why->reason, why->text, "%s", why->detail);
}

bool tokens_ask(struct tokens *t, struct upstream *u, const char *endpoint, const struct tokens_client *c,
    const char *const *form, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct fetch f;

	*t = (struct tokens){ .expires_in_s = -1 };
	return ask(&f, u, endpoint, c, form, e) && (read_tokens(t, u, &f, &why) || cannot_read(&why, e));
}

bool tokens_exchange(const char **token, struct upstream *u, const char *endpoint, const struct tokens_client *c,
    const char *const *form, const char *wanted, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct fetch f;

	*token = NULL;
	return ask(&f, u, endpoint, c, form, e) &&
	    (read_exchanged(token, u, &f, wanted, &why) || cannot_read(&why, e));
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
