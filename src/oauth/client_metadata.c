/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a client's metadata, member by member. Members that are not understood are ignored. */
#include "config.h"

#include "oauth/client_metadata.h"

#include "base/uri.h"
#include "json/jose.h"
#include "oauth/client.h"
#include "oauth/redirect.h"
#include "oauth/remote.h"
#include "oauth/scope.h"
#include "page/html.h"

#include <string.h>

enum { REDIRECTS_MAX = 20, NAME_MAX_CHARS = 100, TEXT_MAX = 256, LINK_MAX = 2048 };

/* What the members are read from, and into. */
struct reading {
	struct arena *arena;
	struct json_object *in;
	enum metadata_source source;
	const struct project *project;
	bool with_browser; /* it may ask for codes, which go to redirect URIs */
	struct client_metadata *m;
};

static bool refuse(struct err *e, const char *text, const char *member)
{
	err_set(e, ERR_INVALID_CLIENT_METADATA, text, "member '%s'", member);
	return err_text(e, "%s: %s", member, text);
}

/* *TEXT is NULL for an absent or empty member; null counts as absent. */
static bool read_text(
    struct json_object *in, const char *name, size_t max, const char **text, struct err *e)
{
	*text = NULL;
	if (!json_get(in, name))
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
 * A list of words, each of which must be among ALLOWED (ended by NULL); absent: the first INITIAL of
 * them. Repetitions are dropped. From a document, which is not for us alone, others are left out.
 * *OUT is a new array.
 */
static bool read_words(struct reading *g, const char *name, const char *const *allowed,
    size_t initial, struct json_object **out, struct err *e)
{
	struct json_object *value = json_get(g->in, name);
	bool taken[8] = { false };

	*out = json_new_array(g->arena);
	for (size_t i = 0; !value && i < initial; i++)
		json_add_string(*out, NULL, allowed[i]);
	if (!value)
		return true;
	if (!json_object_is_type(value, json_type_array) ||
	    (initial && !json_object_array_length(value)))
		return refuse(e, "must be a list of strings", name);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		const char *word =
		    json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
		size_t k = 0;

		while (allowed[k] && strcmp(allowed[k], word))
			k++;
		if (!allowed[k] && g->source == METADATA_REGISTRATION)
			return refuse(e, "names something that is not served here", name);
		if (allowed[k] && !taken[k])
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
static bool copy_link(struct reading *g, const char *name, bool http_too, struct err *e)
{
	const char *text;
	struct uri u;

	if (!read_text(g->in, name, LINK_MAX, &text, e))
		return false;
	if (!text)
		return true;
	if (!uri_parse(&u, g->arena, text, NULL) || !u.host || u.userinfo ||
	    (strcmp(u.scheme, "https") && !(http_too && !strcmp(u.scheme, "http"))))
		return refuse(
		    e, http_too ? "must be an http or https URL" : "must be an https URL", name);
	json_add_string(g->m->effective, name, text);
	return true;
}

static bool copy_text(struct reading *g, const char *name, struct err *e)
{
	const char *text;

	if (!read_text(g->in, name, TEXT_MAX, &text, e))
		return false;
	json_add_string(g->m->effective, name, text);
	return true;
}

static bool read_use(struct reading *g, enum redirect_use *use, struct err *e)
{
	const char *type;

	*use = REDIRECT_ANY;
	if (!read_text(g->in, "application_type", TEXT_MAX, &type, e))
		return false;
	if (!type)
		return true;
	*use = !strcmp(type, "web") ? REDIRECT_WEB : REDIRECT_NATIVE;
	if (*use == REDIRECT_NATIVE && strcmp(type, "native"))
		return refuse(e, "must be \"web\" or \"native\"", "application_type");
	json_add_string(g->m->effective, "application_type", type);
	return true;
}

static bool bad_redirect(struct err *e, const char *text)
{
	return err_set(e, ERR_INVALID_REDIRECT_URI, text, "");
}

/* One that only brings identity assertions needs no browser, and so no redirect URI. */
static bool wants_browser(struct json_object *in)
{
	struct json_object *grants = json_get(in, "grant_types");

	if (!json_object_is_type(grants, json_type_array))
		return true;
	for (size_t i = 0; i < json_object_array_length(grants); i++) {
		struct json_object *item = json_object_array_get_idx(grants, i);

		if (json_object_is_type(item, json_type_string) &&
		    !strcmp(json_object_get_string(item), "authorization_code"))
			return true;
	}
	return false;
}

static bool read_redirects(struct reading *g, enum redirect_use use, struct err *e)
{
	struct json_object *value = json_get(g->in, "redirect_uris"),
			   *out = json_new_array(g->arena);
	size_t n =
	    json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;

	if (!n && g->with_browser)
		return bad_redirect(e, "redirect_uris must be a list of URIs");
	if (!n && value && !json_object_is_type(value, json_type_array))
		return bad_redirect(e, "redirect_uris must be a list");
	if (n > REDIRECTS_MAX)
		return bad_redirect(e, "too many redirect URIs");
	g->m->redirect_uris = arena_calloc(g->arena, n + 1, sizeof(*g->m->redirect_uris));
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		const char *uri = json_object_get_string(item);

		if (!json_object_is_type(item, json_type_string) ||
		    strlen(uri) != (size_t)json_object_get_string_len(item))
			return bad_redirect(e, "a redirect URI must be a string");
		if (!redirect_check(uri, use, g->arena, e))
			return false;
		if (!has_word(out, uri)) {
			json_add_string(out, NULL, uri);
			g->m->redirect_uris[g->m->redirect_uris_n++] = uri;
		}
	}
	json_add(g->m->effective, "redirect_uris", out);
	return true;
}

/*
 * The set of keys that stands in the metadata itself; *KEYS stays NULL where there is none. NEEDED:
 * one of them must be able to verify what the client signs.
 */
static bool read_keys(struct reading *g, bool needed, struct json_object **keys, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *text;

	*keys = json_get(g->in, "jwks");
	if (!*keys)
		return true;
	text = json_text(g->arena, *keys);
	return jwks_check(g->arena, text, strlen(text), needed, &why) ||
	       refuse(e, why.text, "jwks");
}

/* The words of a list that may hold other things. */
static struct json_object *words_of(struct arena *a, struct json_object *list)
{
	struct json_object *out = json_new_array(a);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string) &&
		    !memchr(json_object_get_string(item), '\0', (size_t)json_object_get_string_len(item)))
			json_add_string(out, NULL, json_object_get_string(item));
	}
	return out;
}

/* NULL for a key that is none to us: one of the members below is no text. */
static struct json_object *public_key(struct arena *a, struct json_object *key)
{
	static const char *const members[] = { "kty", "kid", "use", "alg", "crv", "x", "y", "n",
		"e", NULL };
	struct json_object *out = json_new_object(a), *ops = json_get(key, "key_ops");

	for (const char *const *m = members; *m; m++) {
		if (json_get(key, *m) && !json_get_string(key, *m))
			return NULL;
		json_add_string(out, *m, json_get_string(key, *m));
	}
	if (ops && !json_object_is_type(ops, json_type_array))
		return NULL;
	if (ops)
		json_add(out, "key_ops", words_of(a, ops));
	return out;
}

/*
 * What verifying needs of a set, and nothing else. The database takes not every text that JSON has
 * (\u0000), nor every number; and 1e131071 it gives back with all its digits.
 */
static struct json_object *public_keys(struct arena *a, struct json_object *set)
{
	struct json_object *keys = json_get(set, "keys"), *list = json_new_array(a);
	struct json_object *out = json_new_object(a);

	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		struct json_object *key = public_key(a, json_object_array_get_idx(keys, i));

		if (key)
			json_add(list, NULL, key);
	}
	json_add(out, "keys", list);
	return out;
}

static bool is_algorithm(const char *name)
{
	for (const char *const *p = jose_algorithms; *p; p++)
		if (!strcmp(*p, name))
			return true;
	return false;
}

/* private_key_jwt: the keys, here or at an address, and if the client says so the one algorithm. */
static bool read_key_method(struct reading *g, struct err *e)
{
	const char *uri, *alg;
	struct json_object *keys;

	if (!read_keys(g, true, &keys, e) || !read_text(g->in, "jwks_uri", LINK_MAX, &uri, e) ||
	    !read_text(g->in, "token_endpoint_auth_signing_alg", TEXT_MAX, &alg, e))
		return false;
	if (!keys == !uri)
		return refuse(e, "private_key_jwt needs either jwks or jwks_uri", "jwks");
	if (uri && !remote_url_is_sound(g->arena, uri, g->project->development))
		return refuse(e, "must be an https URL without user name and fragment", "jwks_uri");
	if (alg && !is_algorithm(alg))
		return refuse(e, "is not served here", "token_endpoint_auth_signing_alg");
	if (keys)
		json_add(g->m->effective, "jwks", public_keys(g->arena, keys));
	json_add_string(g->m->effective, "jwks_uri", uri);
	json_add_string(g->m->effective, "token_endpoint_auth_signing_alg", alg);
	return true;
}

/* A document cannot share a secret with us, so that its initial value is another one. */
static bool read_auth_method(struct reading *g, struct err *e)
{
	static const char *const methods[] = { "none", "private_key_jwt", "client_secret_basic",
		"client_secret_post", NULL };
	bool document = g->source == METADATA_DOCUMENT;
	const char *method;
	size_t i = 0;

	if (!read_text(g->in, "token_endpoint_auth_method", TEXT_MAX, &method, e))
		return false;
	g->m->auth_method = method ? method : document ? "none" : "client_secret_basic";
	while (methods[i] && strcmp(methods[i], g->m->auth_method))
		i++;
	if (!methods[i] || (document && i >= 2))
		return refuse(e,
		    document ? "must be none or private_key_jwt"
			     : "must be none, client_secret_basic, client_secret_post or "
			       "private_key_jwt",
		    "token_endpoint_auth_method");
	json_add_string(g->m->effective, "token_endpoint_auth_method", g->m->auth_method);
	return i != 1 || read_key_method(g, e);
}

static bool read_grants(struct reading *g, struct err *e)
{
	static const char *const responses[] = { "code", NULL };
	const struct oauth_conf *c = g->project->oauth;
	const char *grants[] = { "authorization_code", "refresh_token",
		c && c->id_jag_enabled ? GRANT_JWT_BEARER : NULL, NULL };
	struct json_object *list;

	if (!read_words(g, "grant_types", grants, 2, &list, e))
		return false;
	if (!has_word(list, "authorization_code") && !has_word(list, GRANT_JWT_BEARER))
		return refuse(e, "must have authorization_code", "grant_types");
	json_add(g->m->effective, "grant_types", list);
	if (!read_words(g, "response_types", responses, g->with_browser, &list, e))
		return false;
	if (g->with_browser && !has_word(list, "code"))
		return refuse(e, "must have code", "response_types");
	json_add(g->m->effective, "response_types", list);
	return true;
}

/* A document names scopes of many servers, or none: what is asked for at authorize counts. */
static bool read_scope(struct reading *g, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *text, *scope;

	if (g->source == METADATA_DOCUMENT)
		return true;
	if (!read_text(g->in, "scope", TEXT_MAX, &text, e))
		return false;
	scope = scope_parse(text, &why);
	if (!scope)
		return refuse(e, why.text, "scope");
	json_add_string(g->m->effective, "scope", scope);
	return true;
}

/* What people will see: cleaned here, once, so that every page and log has the same. */
static bool read_name(struct reading *g, struct err *e)
{
	const char *text, *clean;

	if (!read_text(g->in, "client_name", LINK_MAX, &text, e))
		return false;
	clean = html_clean(g->arena, text, NAME_MAX_CHARS);
	if (!clean && g->source == METADATA_DOCUMENT)
		return refuse(e, "is missing", "client_name");
	json_add_string(g->m->effective, "client_name", clean);
	g->m->name = clean ? clean : "";
	return true;
}

/* A private key that stands where everybody can read it is nobody's, whatever it is meant for. */
static bool check_keys(struct reading *g, struct err *e)
{
	struct json_object *keys;

	return g->source != METADATA_DOCUMENT || read_keys(g, false, &keys, e);
}

bool client_metadata_read(struct client_metadata *m, struct arena *a, struct json_object *in,
    enum metadata_source source, const struct project *project, struct err *e)
{
	struct reading g = {
		.arena = a, .in = in, .source = source, .project = project, .m = m
	};
	enum redirect_use use;

	g.with_browser = source == METADATA_DOCUMENT || wants_browser(in);

	*m = (struct client_metadata){ .effective = json_new_object(a) };
	return read_name(&g, e) && read_use(&g, &use, e) && read_redirects(&g, use, e) &&
	       read_auth_method(&g, e) && check_keys(&g, e) && read_grants(&g, e) &&
	       read_scope(&g, e) && copy_link(&g, "client_uri", true, e) &&
	       copy_link(&g, "logo_uri", false, e) && copy_link(&g, "tos_uri", false, e) &&
	       copy_link(&g, "policy_uri", false, e) && copy_text(&g, "software_id", e) &&
	       copy_text(&g, "software_version", e);
}
