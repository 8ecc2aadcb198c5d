/* SPDX-License-Identifier: Apache-2.0 */
/* The provider in force, the way there, and the way back. */
#include "config.h"

#include "idp/oidc.h"

#include "base/b64.h"
#include "base/clock.h"
#include "base/uri.h"
#include "idp/document.h"
#include "idp/id_token.h"
#include "json/json.h"
#include "page/html.h"

#include <string.h>

enum {
	REPLY_MAX = 128 * 1024, /* three tokens */
	TOKEN_MAX = 32 * 1024,
	USERINFO_MAX = 32 * 1024,
	PERSON_MAX = 200, /* characters of a name or an address */
	WORD_SHOWN = 40,  /* of an error's name, in the log */
	ASSERTION_LIFE_S = 60,
};

/* --- the provider --- */

/* Where a browser may be sent: TLS, or this machine in development. */
static bool is_sound(struct req *r, const char *url)
{
	struct uri u;

	return uri_parse(&u, r->arena, url, NULL) && u.host && !u.userinfo && !u.fragment &&
	       (!strcmp(u.scheme, "https") ||
		   (r->project->development && !strcmp(u.scheme, "http") &&
		       uri_is_loopback(u.host)));
}

static bool check_discovery(
    struct arena *a, const struct document *d, const char *text, size_t n, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(n);

	(void)a;
	if (!scan_check(text, n, &limits, e))
		return false;
	/* another's document must not lead us to another's keys (Discovery, 4.3) */
	return scan_string_is(scan_member(scan_value(text, n), "issuer"), d->issuer) ||
	       err_reason(e, ERR_SYNTAX, "discovery_issuer", "", "it is another issuer's");
}

static const char *discovery_url(struct arena *a, const char *issuer)
{
	size_t n = strlen(issuer);

	n -= n && issuer[n - 1] == '/';
	return arena_printf(a, "%.*s/.well-known/openid-configuration", (int)n, issuer);
}

/* Fills *OUT from a member of the document, unless the policy has said it. */
static bool take(struct req *r, struct span doc, const char *name, const char **out, struct err *e)
{
	struct span member = scan_member(doc, name);

	if (*out || !member.p)
		return true;
	*out = scan_string(member, r->arena);
	if (*out && is_sound(r, *out))
		return true;
	return provider_fault(e, "discovery_url", name);
}

static bool has_word(struct span list, const char *word)
{
	struct span one;

	for (size_t pos = 0; scan_kind(list) == '[' && scan_next(list, &pos, NULL, &one);)
		if (scan_string_is(one, word))
			return true;
	return false;
}

static enum login_method choose_method(const struct oauth_conf *c, struct span doc)
{
	struct span methods = scan_member(doc, "token_endpoint_auth_methods_supported");

	if (c->login_method)
		return c->login_method;
	if (!methods.p || has_word(methods, "client_secret_basic"))
		return LOGIN_SECRET_BASIC;
	return has_word(methods, "client_secret_post") ? LOGIN_SECRET_POST : LOGIN_SECRET_BASIC;
}

static bool discover(struct req *r, struct oidc *o, struct err *e)
{
	struct document d = { .url = discovery_url(r->arena, o->issuer),
		.issuer = o->issuer,
		.check = check_discovery,
		.deadline_ms = o->deadline_ms };
	struct span doc;

	if (!document_get(r, &d, e))
		return false;
	doc = scan_value(d.text, strlen(d.text));
	if (!take(r, doc, "authorization_endpoint", &o->authorize_url, e) ||
	    !take(r, doc, "token_endpoint", &o->token_url, e) ||
	    !take(r, doc, "jwks_uri", &o->jwks_url, e) ||
	    !take(r, doc, "userinfo_endpoint", &o->userinfo_url, e) ||
	    !take(r, doc, "end_session_endpoint", &o->end_session_url, e))
		return false;
	if (!o->authorize_url || !o->token_url || !o->jwks_url)
		return provider_fault(e, "discovery_url",
		    "authorization_endpoint, token_endpoint or jwks_uri is missing");
	o->method = choose_method(o->conf, doc);
	o->iss_required =
	    scan_kind(scan_member(doc, "authorization_response_iss_parameter_supported")) == 't';
	o->algorithms = scan_member(doc, "id_token_signing_alg_values_supported");
	return true;
}

bool oidc_find(struct req *r, struct oidc *o, struct err *e)
{
	const struct oauth_conf *c = r->project->oauth;

	*o = (struct oidc){
		.conf = c,
		.issuer = c->issuer,
		.jwks_url = c->jwks_url,
		.authorize_url = c->login_url,
		.token_url = c->login_token_url,
		.userinfo_url = c->userinfo_url,
		.end_session_url = c->end_session_url,
		.method = c->login_method ? c->login_method : LOGIN_SECRET_BASIC,
		.deadline_ms = clock_ms() + c->login_timeout_ms,
	};
	return !c->discovery || discover(r, o, e);
}

/* --- the way there --- */

const char *oidc_authorize_url(struct arena *a, const struct oidc *o, const struct oidc_ask *ask)
{
	const char *const pairs[][2] = {
		{ "response_type", "code" },
		{ "client_id", o->conf->login_client_id },
		{ "redirect_uri", ask->redirect_uri },
		{ "scope", o->conf->login_scope },
		{ "state", ask->state },
		{ "nonce", ask->nonce },
		{ "code_challenge", ask->challenge },
		{ "code_challenge_method", ask->challenge ? "S256" : NULL },
		{ "audience", o->conf->login_audience },
		{ "login_hint", ask->login_hint },
		{ "prompt", ask->prompt },
	};
	const char *url = o->authorize_url;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i][1])
			url = uri_add_query(a, url, pairs[i][0], pairs[i][1]);
	return o->conf->login_extra ? arena_printf(a, "%s&%s", url, o->conf->login_extra) : url;
}

/* --- the token endpoint --- */

/* RFC 6749, 2.3.1: both encoded as in a form, then joined. */
static const char *basic(struct arena *a, const struct oauth_conf *c)
{
	const char *pair = arena_printf(a, "%s:%s", uri_encode(a, c->login_client_id),
	    uri_encode(a, c->login_client_secret ? c->login_client_secret : ""));
	size_t n = strlen(pair);
	char *out = arena_alloc(a, B64_LEN(n) + 1);

	b64_encode(out, pair, n);
	return arena_printf(a, "Authorization: Basic %s", out);
}

/* private_key_jwt (OpenID Connect Core, 9); our public key is what the provider was given. */
static const char *assertion(struct req *r, const struct oidc *o, struct err *e)
{
	struct json_object *doc = json_new_object(r->arena);
	const struct ring *ring;
	const struct key *key;
	char jti[UUID_TEXT];

	if (!req_ring(r, &ring, e))
		return NULL;
	key = ring_primary(ring, KEY_SIGNING);
	rand_uuid(jti);
	json_add_string(doc, "iss", o->conf->login_client_id);
	json_add_string(doc, "sub", o->conf->login_client_id);
	json_add_string(doc, "aud", o->token_url);
	json_add_string(doc, "jti", jti);
	json_add_int(doc, "iat", clock_wall_s());
	json_add_int(doc, "exp", clock_wall_s() + ASSERTION_LIFE_S);
	return jws_sign(r->arena, key->pem, "ES256", key->id, "JWT", json_text(r->arena, doc), e);
}

static const char *add(struct arena *a, const char *form, const char *name, const char *value)
{
	return value ? arena_printf(a, "%s&%s=%s", form, name, uri_encode(a, value)) : form;
}

struct reply { /* of the token endpoint */
	const char *id_token, *access_token, *refresh_token;
	struct json_object *doc;
};

/* What a refusal means depends on whose mistake it is. */
static bool refused(struct err *e, int status, const char *error, const char *detail)
{
	if (!strcmp(error, "invalid_client") || !strcmp(error, "unauthorized_client") ||
	    status == 401)
		return err_reason(e, ERR_CONFIG, "provider_refused_client",
		    "the sign-in provider does not know this gateway, or not by this secret", "%s",
		    detail);
	if (!strcmp(error, "invalid_grant"))
		return err_reason(e, ERR_INVALID_REQUEST, "provider_refused_code",
		    "the sign-in provider does not accept what it gave before", "%s", detail);
	return provider_fault(e, "provider_error", detail);
}

/* Whether TEXT repeats a secret of the FORM that was sent, or our own. */
static bool repeats(struct req *r, const char *text, const char *form)
{
	static const char *const secrets[] = { "code", "code_verifier", "refresh_token",
		"client_assertion", NULL };
	const char *own = r->project->oauth->login_client_secret, *value;
	struct form sent;

	if (!form_parse(&sent, r->arena, form, strlen(form), 32, NULL))
		return true;
	for (const char *const *name = secrets; *name; name++)
		if ((value = form_get(&sent, *name)) && strstr(text, value))
			return true;
	return own && *own && strstr(text, own);
}

/* The provider's words, fit for a log: one line, bounded, and without what was secret in the question. */
static const char *words(struct req *r, const char *text, size_t max, const char *form)
{
	const char *clean = html_clean(r->arena, text, max);

	if (!clean)
		return "";
	return repeats(r, text, form) ? "(left out: it repeats what was sent)" : clean;
}

static bool read_refusal(struct req *r, const struct fetch *f, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(REPLY_MAX);
	struct json_object *doc = NULL;
	const char *error, *text;

	if (strstr(f->content_type, "json"))
		doc = json_parse(r->arena, f->body, f->body_len, &limits, NULL);
	error = json_get_string(doc, "error");
	text = json_get_string(doc, "error_description");
	return refused(e, f->status, error ? error : "",
	    arena_printf(r->arena, "token endpoint: status %d, error '%s': %s", f->status,
		words(r, error, WORD_SHOWN, f->form), words(r, text, PERSON_MAX, f->form)));
}

/* Printable, without blanks: it may go into a header. NULL if not. */
static const char *token_of(struct json_object *doc, const char *name)
{
	const char *s = json_get_string(doc, name);

	if (!s || !*s || strlen(s) > TOKEN_MAX)
		return NULL;
	for (const char *p = s; *p; p++)
		if (*p < 0x21 || *p > 0x7e)
			return NULL;
	return s;
}

static bool ask_token(
    struct req *r, const struct oidc *o, const char *form, struct reply *reply, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(REPLY_MAX);
	const char *headers[] = { NULL, NULL };
	struct fetch f = { .url = o->token_url, .max = REPLY_MAX, .headers = headers };
	struct err why = { .code = ERR_NONE };

	if (o->method == LOGIN_SECRET_BASIC) {
		headers[0] = basic(r->arena, o->conf);
	} else {
		form = add(r->arena, form, "client_id", o->conf->login_client_id);
	}
	if (o->method == LOGIN_SECRET_POST)
		form = add(r->arena, form, "client_secret", o->conf->login_client_secret);
	if (o->method == LOGIN_PRIVATE_KEY) {
		const char *text = assertion(r, o, e);

		if (!text)
			return false;
		form = add(r->arena, form, "client_assertion_type",
		    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
		form = add(r->arena, form, "client_assertion", text);
	}
	f.form = form;
	if (!provider_fetch(r, &f, o->deadline_ms, e))
		return false;
	if (f.status != 200)
		return read_refusal(r, &f, e);
	if (!fetch_is_json(&f, &why))
		return provider_fault(e, why.reason, why.detail);
	reply->doc = json_parse(r->arena, f.body, f.body_len, &limits, &why);
	if (!json_object_is_type(reply->doc, json_type_object))
		return provider_fault(
		    e, "provider_reply", "the token endpoint's answer is no JSON object");
	if (json_get(reply->doc, "error"))
		return read_refusal(r, &f, e);
	reply->id_token = token_of(reply->doc, "id_token");
	reply->access_token = token_of(reply->doc, "access_token");
	reply->refresh_token = token_of(reply->doc, "refresh_token");
	return true;
}

/* --- signatures --- */

static bool check_keys(
    struct arena *a, const struct document *d, const char *text, size_t n, struct err *e)
{
	(void)d;
	return jwks_check(a, text, n, true, e);
}

static bool distrust(struct err *e, const struct err *why)
{
	return err_reason(e, ERR_UPSTREAM, why->reason,
	    "the sign-in provider's answer cannot be trusted", "%s", why->detail);
}

/* A wrong signature may be right by a newer key as well, where there is no kid to know the key by. */
bool oidc_verify(struct req *r, const char *jwks_url, int64_t deadline_ms, const struct jws *j,
    bool wait, struct err *e)
{
	struct document keys = {
		.url = jwks_url, .check = check_keys, .deadline_ms = deadline_ms
	};
	struct err why = { .code = ERR_NONE }, renewal = { .code = ERR_NONE };

	if (!document_get(r, &keys, e))
		return false;
	if (jws_verify(j, r->arena, keys.text, strlen(keys.text), &why))
		return true;
	if (strcmp(err_reason_of(&why), "jws_no_key") && j->kid)
		return distrust(e, &why);
	if (!document_renew(r, &keys, wait, &renewal)) {
		if (!renewal.code)
			return distrust(e, &why);
		*e = renewal;
		return false;
	}
	err_clear(&why);
	return jws_verify(j, r->arena, keys.text, strlen(keys.text), &why) || distrust(e, &why);
}

static bool verify(
    struct req *r, const struct oidc *o, const struct jws *j, bool wait, struct err *e)
{
	return oidc_verify(r, o->jwks_url, o->deadline_ms, j, wait, e);
}

/* Takes a signed token apart; its algorithm must be one that the provider says it uses. */
static bool read_signed(
    struct req *r, const struct oidc *o, const char *text, struct jws *j, struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (!jws_read(j, r->arena, text, strlen(text), &why))
		return distrust(e, &why);
	if (o->algorithms.p && !has_word(o->algorithms, j->alg))
		return err_reason(e, ERR_UPSTREAM, "jws_algorithm",
		    "the sign-in provider's answer cannot be trusted",
		    "alg %s is not one that its discovery document has", j->alg);
	return true;
}

/* --- who it is --- */

static struct json_object *tree(struct req *r, struct span s)
{
	const struct scan_limits limits = scan_limits_of(TOKEN_MAX);

	return json_parse(r->arena, s.p, s.n, &limits, NULL);
}

/* What FROM has and CLAIMS lacks. */
static void complete(struct json_object *claims, struct json_object *from)
{
	json_object_object_foreach(from, name, value) if (!json_object_object_get_ex(claims, name,
							      NULL)) json_add(claims, name, value);
}

/*
 * Many providers keep ID tokens thin and say the rest here (OpenID Connect Core, 5.3). One that does
 * not answer costs the person some claims; one that speaks of somebody else, the sign-in.
 */
static bool ask_userinfo(struct req *r, const struct oidc *o, const char *access_token,
    const char *sub, struct json_object *claims, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(USERINFO_MAX);
	const char *headers[] = { arena_printf(r->arena, "Authorization: Bearer %s", access_token),
		NULL };
	struct fetch f = { .url = o->userinfo_url, .max = USERINFO_MAX, .headers = headers };
	struct err why = { .code = ERR_NONE };
	struct json_object *doc = NULL;
	const char *other;

	if (provider_fetch(r, &f, o->deadline_ms, &why) && fetch_is_json(&f, &why))
		doc = json_parse(r->arena, f.body, f.body_len, &limits, &why);
	other = json_get_string(doc, "sub");
	if (!other) {
		log_warn(&r->log, "the sign-in provider's userinfo is not to be had", "reason",
		    err_reason_of(&why), "detail", why.detail, NULL);
		return true;
	}
	if (strcmp(other, sub))
		return provider_fault(e, "userinfo_subject", "userinfo is about somebody else");
	complete(claims, doc);
	return true;
}

/* Entra: over 200 groups are left out, and a claim says where they may be asked for. */
static void note_overage(struct req *r, struct json_object *claims)
{
	struct json_object *names = json_get(claims, "_claim_names");

	if (json_get(names, "groups") || json_get(names, "wids") ||
	    json_get_bool(claims, "hasgroups", false))
		log_warn(&r->log,
		    "the sign-in provider left the groups of a user out, who has too many: rules "
		    "about groups do not match",
		    "remedy",
		    "let the token hold only groups assigned to the application, or use "
		    "application roles",
		    "claim", names ? "_claim_names" : "hasgroups", NULL);
}

static const char *text_of(struct req *r, struct json_object *claims, const char *name)
{
	return html_clean(r->arena, json_get_string(claims, name), PERSON_MAX);
}

static const char *name_of(struct req *r, struct json_object *claims)
{
	const char *name = text_of(r, claims, "name"), *given = text_of(r, claims, "given_name");
	const char *family = text_of(r, claims, "family_name");

	if (!name && (given || family))
		name = arena_printf(r->arena, "%s%s%s", given ? given : "",
		    given && family ? " " : "", family ? family : "");
	if (!name)
		name = text_of(r, claims, "preferred_username");
	return name ? name : text_of(r, claims, "nickname");
}

static void describe(struct req *r, const struct oidc *o, const char *sub,
    struct json_object *claims, const struct reply *reply, struct identity *who)
{
	note_overage(r, claims);
	*who = (struct identity){
		.subject = arena_printf(r->arena, "%s|%s", o->issuer, sub),
		.name = name_of(r, claims),
		.email = text_of(r, claims, "email"),
		.issuer = o->issuer,
		.claims = json_text(r->arena, claims),
		.sid = json_get_string(claims, "sid"),
		.refresh_token = reply->refresh_token,
		.id_token = reply->id_token,
	};
}

/*
 * `oidc.audience`: an access token that is a JWT must be for it. One that is not says nothing of an
 * audience, and nothing is done with it here.
 */
static bool check_access_token(struct req *r, const struct oidc *o, const char *text,
    const struct token_want *want, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *sub;
	struct jws j;

	if (!o->conf->audience || !text)
		return true;
	if (!jws_read(&j, r->arena, text, strlen(text), &why))
		return !strcmp(err_reason_of(&why), "jws_malformed") || distrust(e, &why);
	return verify(r, o, &j, true, e) &&
	       access_token_check(&j, want, o->conf->audience, false, r->arena, &sub, e);
}

static bool read_id_token(struct req *r, const struct oidc *o, const struct reply *reply,
    const char *nonce, struct identity *who, struct err *e)
{
	const struct token_want want = { .issuer = o->issuer,
		.client_id = o->conf->login_client_id,
		.now_s = clock_wall_s(),
		.nonce = nonce,
		.access_token = reply->access_token };
	struct json_object *claims;
	const char *sub;
	struct jws j;

	if (!reply->id_token)
		return provider_fault(e, "provider_reply",
		    "the token endpoint gave no ID token: does the scope have openid?");
	if (!read_signed(r, o, reply->id_token, &j, e) || !verify(r, o, &j, true, e) ||
	    !id_token_check(&j, &want, r->arena, &sub, e) ||
	    !check_access_token(r, o, reply->access_token, &want, e))
		return false;
	claims = tree(r, j.payload);
	if (!claims)
		return provider_fault(e, "jws_malformed", "the ID token's claims cannot be read");
	if (o->userinfo_url && reply->access_token &&
	    !ask_userinfo(r, o, reply->access_token, sub, claims, e))
		return false;
	describe(r, o, sub, claims, reply, who);
	return true;
}

/*
 * WorkOS: no ID token, but the person, and an access token that is signed. There is no nonce; the
 * code is tied to the browser by PKCE.
 */
static bool read_workos(struct req *r, const struct oidc *o, const struct reply *reply,
    struct identity *who, struct err *e)
{
	const struct token_want want = { .issuer = o->issuer, .now_s = clock_wall_s() };
	struct json_object *user = json_get(reply->doc, "user"), *claims;
	const char *id = json_get_string(user, "id"), *sub, *first, *last;
	struct jws j;

	if (!id || !reply->access_token)
		return provider_fault(e, "provider_reply", "no user, or no access token");
	if (!read_signed(r, o, reply->access_token, &j, e) || !verify(r, o, &j, true, e) ||
	    !access_token_check(&j, &want, o->conf->login_client_id, true, r->arena, &sub, e))
		return false;
	if (strcmp(sub, id))
		return provider_fault(e, "token_subject", "the access token is another user's");
	claims = tree(r, j.payload);
	if (!claims)
		return provider_fault(
		    e, "jws_malformed", "the access token's claims cannot be read");
	first = json_get_string(user, "first_name");
	last = json_get_string(user, "last_name");
	json_add_string(claims, "given_name", first);
	json_add_string(claims, "family_name", last);
	complete(claims, user);
	describe(r, o, sub, claims, reply, who);
	return true;
}

bool oidc_redeem(struct req *r, const struct oidc *o, const char *code, const char *redirect_uri,
    const char *nonce, const char *verifier, struct identity *who, struct err *e)
{
	const char *form = "grant_type=authorization_code";
	struct reply reply = { .doc = NULL };

	form = add(r->arena, form, "code", code);
	form = add(r->arena, form, "redirect_uri", redirect_uri);
	form = add(r->arena, form, "code_verifier", verifier);
	if (!ask_token(r, o, form, &reply, e))
		return false;
	return o->conf->login_reply == LOGIN_REPLY_WORKOS
		   ? read_workos(r, o, &reply, who, e)
		   : read_id_token(r, o, &reply, nonce, who, e);
}

bool oidc_renew(struct req *r, const struct oidc *o, struct identity *who, struct err *e)
{
	const char *form = "grant_type=refresh_token";
	struct reply reply = { .doc = NULL };
	struct identity now;

	if (!ask_token(r, o, add(r->arena, form, "refresh_token", who->refresh_token), &reply, e))
		return false;
	if (reply.refresh_token)
		who->refresh_token = reply.refresh_token;
	reply.refresh_token = who->refresh_token;
	if (o->conf->login_reply == LOGIN_REPLY_WORKOS) {
		if (!read_workos(r, o, &reply, &now, e))
			return false;
	} else if (reply.id_token) { /* its nonce is optional (OpenID Connect Core, 12.2) */
		if (!read_id_token(r, o, &reply, NULL, &now, e))
			return false;
	} else {
		return true;
	}
	if (strcmp(now.subject, who->subject))
		return provider_fault(e, "token_subject", "the ID token is another user's");
	who->claims = now.claims;
	who->id_token = now.id_token;
	return true;
}

bool oidc_logout_token(struct req *r, const struct oidc *o, const char *token, const char **subject,
    const char **sid, const char **jti, struct err *e)
{
	const struct token_want want = {
		.issuer = o->issuer, .client_id = o->conf->login_client_id, .now_s = clock_wall_s()
	};
	const char *sub;
	struct jws j;

	/* anybody may post one: nobody waits for a key that it claims to have been signed by */
	if (!read_signed(r, o, token, &j, e) || !verify(r, o, &j, false, e) ||
	    !logout_token_check(&j, &want, r->arena, &sub, sid, jti, e))
		return false;
	*subject = sub ? arena_printf(r->arena, "%s|%s", o->issuer, sub) : NULL;
	return true;
}
