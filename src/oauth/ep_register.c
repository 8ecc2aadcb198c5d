/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic client registration (RFC 7591; protocol §2.4). Anybody may register: a registration
 * gives no right, only a name to ask for one under. Members that are not understood are
 * ignored; what takes effect is answered.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "base/uri.h"
#include "json/json.h"
#include "oauth/rate.h"
#include "oauth/redirect.h"
#include "oauth/scope.h"
#include "oauth/token.h"
#include "page/html.h"

#include <string.h>

enum { REDIRECTS_MAX = 20, NAME_MAX_CHARS = 100, TEXT_MAX = 256, LINK_MAX = 2048 };

static bool refuse(struct err *e, const char *text, const char *member)
{
	err_set(e, ERR_INVALID_CLIENT_METADATA, text, "member '%s'", member);
	return err_text(e, "%s: %s", member, text);
}

/* The member, or NULL where it is absent or null (which count alike). */
static struct json_object *member(struct json_object *in, const char *name)
{
	return json_get(in, name);
}

/* *TEXT is NULL for an absent or empty member. */
static bool read_text(struct json_object *in, const char *name, size_t max, const char **text,
    struct err *e)
{
	struct json_object *value = member(in, name);

	*text = NULL;
	if (!value)
		return true;
	*text = json_get_string(in, name);
	if (!*text)
		return refuse(e, "must be a string", name);
	if (strlen(*text) > max)
		return refuse(e, "is too long", name);
	if (!**text)
		*text = NULL;
	return true;
}

/*
 * A list of words, each of which must be among ALLOWED (ended by NULL); absent: all of INITIAL.
 * Repetitions are dropped. *OUT is a new array.
 */
static bool read_words(struct arena *a, struct json_object *in, const char *name,
    const char *const *allowed, const char *const *initial, struct json_object **out, struct err *e)
{
	struct json_object *value = member(in, name);
	bool taken[8] = { false };

	*out = json_new_array(a);
	if (!value) {
		for (; *initial; initial++)
			json_add_string(*out, NULL, *initial);
		return true;
	}
	if (!json_object_is_type(value, json_type_array) || !json_object_array_length(value))
		return refuse(e, "must be a list of strings", name);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		const char *word = json_object_is_type(item, json_type_string) ?
		    json_object_get_string(item) : "";
		size_t k = 0;

		while (allowed[k] && strcmp(allowed[k], word))
			k++;
		if (!allowed[k])
			return refuse(e, "names something that is not served here", name);
		if (!taken[k])
			json_add_string(*out, NULL, word);
		taken[k] = true;
	}
	return true;
}

static bool has_word(struct json_object *list, const char *word)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), word))
			return true;
	return false;
}

/* A link for people: never fetched by us, and a script only if we let it. */
static bool copy_link(struct arena *a, struct json_object *in, struct json_object *out,
    const char *name, bool http_too, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *text;
	struct uri u;

	if (!read_text(in, name, LINK_MAX, &text, e))
		return false;
	if (!text)
		return true;
	if (!uri_parse(&u, a, text, &why) || !u.host || u.userinfo ||
	    (strcmp(u.scheme, "https") && !(http_too && !strcmp(u.scheme, "http"))))
		return refuse(
		    e, http_too ? "must be an http or https URL" : "must be an https URL", name);
	json_add_string(out, name, text);
	return true;
}

static bool copy_text(
    struct json_object *in, struct json_object *out, const char *name, struct err *e)
{
	const char *text;

	if (!read_text(in, name, TEXT_MAX, &text, e))
		return false;
	json_add_string(out, name, text);
	return true;
}

struct registration {
	const char *name; /* fit to be shown; "" if it has none */
	const char *auth_method;
	const char **redirect_uris;
	size_t redirect_uris_n;
	struct json_object *metadata;
};

static bool read_use(struct json_object *in, struct registration *g, enum redirect_use *use,
    struct err *e)
{
	const char *type;

	*use = REDIRECT_ANY;
	if (!read_text(in, "application_type", TEXT_MAX, &type, e))
		return false;
	if (!type)
		return true;
	*use = !strcmp(type, "web") ? REDIRECT_WEB : REDIRECT_NATIVE;
	if (*use == REDIRECT_NATIVE && strcmp(type, "native"))
		return refuse(e, "must be \"web\" or \"native\"", "application_type");
	json_add_string(g->metadata, "application_type", type);
	return true;
}

static bool read_redirects(struct arena *a, struct json_object *in, struct registration *g,
    enum redirect_use use, struct err *e)
{
	struct json_object *value = member(in, "redirect_uris"), *out = json_new_array(a);
	size_t n = value && json_object_is_type(value, json_type_array) ?
	    json_object_array_length(value) : 0;

	if (!n)
		return err_set(
		    e, ERR_INVALID_REDIRECT_URI, "redirect_uris must be a list of URIs", "");
	if (n > REDIRECTS_MAX)
		return err_set(e, ERR_INVALID_REDIRECT_URI, "too many redirect URIs", "%zu", n);
	g->redirect_uris = arena_calloc(a, n, sizeof(*g->redirect_uris));
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		const char *uri = json_object_get_string(item);

		if (!json_object_is_type(item, json_type_string) ||
		    strlen(uri) != (size_t)json_object_get_string_len(item))
			return err_set(
			    e, ERR_INVALID_REDIRECT_URI, "a redirect URI must be a string", "");
		if (!redirect_check(uri, use, a, e))
			return false;
		if (!has_word(out, uri)) {
			json_add_string(out, NULL, uri);
			g->redirect_uris[g->redirect_uris_n++] = uri;
		}
	}
	json_add(g->metadata, "redirect_uris", out);
	return true;
}

static bool read_auth_method(struct json_object *in, struct registration *g, struct err *e)
{
	static const char *const methods[] = { "none", "client_secret_basic", "client_secret_post",
		NULL };
	const char *method;

	if (!read_text(in, "token_endpoint_auth_method", TEXT_MAX, &method, e))
		return false;
	g->auth_method = method ? method : "client_secret_basic";
	for (const char *const *p = methods; *p; p++) {
		if (!strcmp(*p, g->auth_method)) {
			json_add_string(g->metadata, "token_endpoint_auth_method", g->auth_method);
			return true;
		}
	}
	return refuse(e, "must be none, client_secret_basic or client_secret_post",
	    "token_endpoint_auth_method");
}

static bool read_grants(
    struct arena *a, struct json_object *in, struct registration *g, struct err *e)
{
	static const char *const grants[] = { "authorization_code", "refresh_token", NULL };
	static const char *const responses[] = { "code", NULL };
	struct json_object *list;

	if (!read_words(a, in, "grant_types", grants, grants, &list, e))
		return false;
	if (!has_word(list, "authorization_code"))
		return refuse(e, "must have authorization_code", "grant_types");
	json_add(g->metadata, "grant_types", list);
	if (!read_words(a, in, "response_types", responses, responses, &list, e))
		return false;
	json_add(g->metadata, "response_types", list);
	return true;
}

static bool read_scope(struct json_object *in, struct registration *g, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *text, *scope;

	if (!read_text(in, "scope", TEXT_MAX, &text, e))
		return false;
	scope = scope_parse(text, &why);
	if (!scope)
		return refuse(e, why.text, "scope");
	json_add_string(g->metadata, "scope", scope);
	return true;
}

/* What people will see: cleaned here, once, so that every page and log has the same. */
static bool read_name(
    struct arena *a, struct json_object *in, struct registration *g, struct err *e)
{
	const char *text, *clean;

	if (!read_text(in, "client_name", LINK_MAX, &text, e))
		return false;
	clean = html_clean(a, text, NAME_MAX_CHARS);
	json_add_string(g->metadata, "client_name", clean);
	g->name = clean ? clean : "";
	return true;
}

/* The order of the members is always the same: equal registrations have equal texts. */
static bool read_registration(struct arena *a, struct json_object *in, struct registration *g,
    struct err *e)
{
	enum redirect_use use;

	*g = (struct registration){ .metadata = json_new_object(a) };
	return read_name(a, in, g, e) && read_use(in, g, &use, e) &&
	    read_redirects(a, in, g, use, e) && read_auth_method(in, g, e) &&
	    read_grants(a, in, g, e) && read_scope(in, g, e) &&
	    copy_link(a, in, g->metadata, "client_uri", true, e) &&
	    copy_link(a, in, g->metadata, "logo_uri", false, e) &&
	    copy_link(a, in, g->metadata, "tos_uri", false, e) &&
	    copy_link(a, in, g->metadata, "policy_uri", false, e) &&
	    copy_text(in, g->metadata, "software_id", e) &&
	    copy_text(in, g->metadata, "software_version", e);
}

/* SECRET gets the new secret, "" for a public client. */
static bool store(struct req *r, struct registration *g, char secret[TOKEN_TEXT],
    struct db_rows *rows, struct err *e)
{
	const char *metadata = json_text(r->arena, g->metadata), *pepper_id = NULL;
	struct db_param hash = DB_NULL, fingerprint = DB_NULL;
	unsigned char digest[HASH_LEN];
	const struct ring *ring;
	char client_id[UUID_TEXT];

	rand_uuid(client_id);
	secret[0] = '\0';
	if (!strcmp(g->auth_method, "none")) {
		hash_sha256(digest, metadata, strlen(metadata));
		fingerprint = DB_BYTES(digest, sizeof(digest));
	} else {
		if (!req_ring(r, &ring, e))
			return false;
		token_make(secret, TOKEN_SECRET);
		hash = token_hash_new(ring, r->arena, secret, &pepper_id);
	}
	const struct db_param params[] = { DB_TEXT(client_id), DB_TEXT(g->name),
		DB_TEXT(g->auth_method), hash, DB_TEXT(pepper_id),
		db_text_array(r->arena, g->redirect_uris, g->redirect_uris_n), DB_TEXT(metadata),
		fingerprint };

	return db_call(r->app->db, STMT_CLIENT_REGISTER, params, 8, r->arena, rows, e);
}

static bool read_body(struct req *r, struct json_object **in, struct err *e)
{
	struct scan_limits limits = scan_limits_of(r->project->limits.form_body);
	struct err why = { .code = ERR_NONE };

	if (strcmp(r->content_type, "application/json"))
		return err_set(e, ERR_INVALID_CLIENT_METADATA, "the body must be application/json",
		    "content type '%.64s'", r->content_type);
	if (r->body_len > limits.bytes)
		return err_set(
		    e, ERR_TOO_LARGE, "the request body is too large", "%zu bytes", r->body_len);
	*in = json_parse(r->arena, r->body, r->body_len, &limits, &why);
	if (!*in || !json_object_is_type(*in, json_type_object))
		return err_set(e, ERR_INVALID_CLIENT_METADATA, "the body must be a JSON object",
		    "%s", why.text);
	return true;
}

bool ep_register(struct req *r, struct resp *p, struct err *e)
{
	struct json_object *in = NULL, *out;
	struct registration g;
	char secret[TOKEN_TEXT];
	struct db_rows rows;

	if (!rate_take(r, p, RATE_REGISTER, NULL, e) || !read_body(r, &in, e) ||
	    !read_registration(r->arena, in, &g, e) || !store(r, &g, secret, &rows, e))
		return false;
	out = json_new_object(r->arena);
	json_add_string(out, "client_id", db_text(&rows, 0, 0));
	json_add_int(out, "client_id_issued_at", db_int_at(&rows, 0, 1));
	if (secret[0]) {
		json_add_string(out, "client_secret", secret);
		json_add_int(out, "client_secret_expires_at", 0);
		explicit_bzero(secret, sizeof(secret));
	}
	json_object_object_foreach(g.metadata, name, value)
		json_add(out, name, value);
	resp_set(p, "Cache-Control", "no-store");
	oauth_tidy(r);
	return resp_json(p, 201, out);
}
