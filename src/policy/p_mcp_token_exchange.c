/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcp-token-exchange-inbound: the upstream's own sign-in, one policy for each upstream. What it
 * says is read and checked here; src/upstream connects by it, and src/mcp/credential.c gives each
 * call its token.
 */
#include "config.h"

#include "conf/problem.h"
#include "json/jose.h"
#include "policy/policy.h"

#include <string.h>

enum { ASSERTION_TTL_S = 300 };

#define AUTH_METHODS "none client_secret_basic client_secret_post"

static const struct option registration_options[] = {
	{ "mode", OPTION_ENUM, true, .words = "auto manual", .initial = "auto",
	    .about =
		"auto: our metadata document where the upstream supports it, else registration; "
		"manual: the client id given here." },
	{ "clientId", OPTION_STRING, .about = "Our client id at the upstream." },
	{ "clientSecret", OPTION_SECRET, .about = "Our secret there." },
	{ "tokenEndpointAuthMethod", OPTION_ENUM, .words = AUTH_METHODS,
	    .initial = "client_secret_basic with a secret, else none",
	    .about = "How we authenticate at its token endpoint." },
	{ 0 },
};

static const struct option client_auth_options[] = {
	{ "method", OPTION_ENUM, true,
	    .words = "client_secret_post client_secret_basic private_key_jwt",
	    .about = "How we authenticate." },
	{ "clientId", OPTION_STRING, true, .about = "Our client id." },
	{ "clientSecret", OPTION_SECRET, .about = "Our secret, for the first two methods." },
	{ "privateKeyPem", OPTION_SECRET, .about = "Our private key (PEM), for private_key_jwt." },
	{ "algorithm", OPTION_ENUM, .words = "RS256 RS384 RS512 ES256 ES384 ES512",
	    .about = "The signature of private_key_jwt." },
	{ "keyId", OPTION_STRING, .about = "The id of the key." },
	{ "audience", OPTION_STRING, .initial = "the token endpoint",
	    .about = "The audience of the assertion." },
	{ "expiresInSeconds", OPTION_INT, false, 1, 3600, .initial = "300",
	    .about = "Seconds that an assertion lives." },
	{ 0 },
};

static const struct option idp_options[] = {
	{ "tokenUrl", OPTION_URL, true, .about = "The identity provider's token endpoint." },
	{ "clientAuth", OPTION_OBJECT, true, .sub = client_auth_options,
	    .about = "Who we are there." },
	{ 0 },
};

static const struct option resource_as_options[] = {
	{ "tokenUrl", OPTION_URL, true,
	    .about = "The token endpoint of the upstream's authorization server." },
	{ "audience", OPTION_STRING, true, .about = "That server's issuer." },
	{ "resource", OPTION_STRING, .initial = "the upstream's URL",
	    .about = "The resource to ask for." },
	{ "clientAuth", OPTION_OBJECT, true, .sub = client_auth_options,
	    .about = "Who we are there." },
	{ 0 },
};

static const struct option id_jag_options[] = {
	{ "scopes", OPTION_STRINGS, .initial = "[]", .about = "The scopes to ask for." },
	{ "scopeDelimiter", OPTION_STRING, .initial = "a blank",
	    .about = "What stands between scopes." },
	{ "idp", OPTION_OBJECT, true, .sub = idp_options,
	    .about = "Where the assertion comes from." },
	{ "resourceAs", OPTION_OBJECT, true, .sub = resource_as_options,
	    .about = "Where it is redeemed." },
	{ 0 },
};

static const struct option options[] = {
	{ "id", OPTION_STRING, .initial = "what follows mcp-token-exchange- in the policy's name",
	    .about = "The upstream's id: stored connections hang on it." },
	{ "displayName", OPTION_STRING, true, .about = "What users see." },
	{ "summary", OPTION_STRING, .about = "A sentence for the consent page." },
	{ "authMode", OPTION_ENUM, true, .words = "user-oauth shared-oauth id-jag",
	    .about = "Whose connection a call uses: the user's, one shared by all, or an identity "
		     "assertion." },
	{ "scopes", OPTION_STRINGS, .initial = "[]",
	    .about = "The scopes to ask for; they win over what the upstream says." },
	{ "scopeDelimiter", OPTION_STRING, .initial = "a blank",
	    .about = "What stands between scopes." },
	{ "protectedResourceMetadataUrl", OPTION_URL,
	    .about = "The upstream's resource metadata, where it does not say so itself." },
	{ "prompt", OPTION_ANY, .initial = "consent with offline_access",
	    .about = "false, or one of none, login, consent, select_account." },
	{ "clientRegistration", OPTION_OBJECT, .sub = registration_options,
	    .initial = "{\"mode\": \"auto\"}", .about = "How the upstream knows us." },
	{ "clientId", OPTION_STRING, .about = "As clientRegistration with mode manual." },
	{ "clientSecret", OPTION_SECRET, .about = "As clientRegistration with mode manual." },
	{ "tokenEndpointAuthMethod", OPTION_ENUM, .words = AUTH_METHODS,
	    .about = "As clientRegistration with mode manual." },
	{ "idJag", OPTION_OBJECT, .sub = id_jag_options, .about = "For authMode id-jag." },
	{ 0 },
};

struct loading {
	struct json_object *doc;
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
};

static void fault(
    const struct loading *l, const char *pointer, const char *remedy, const char *text)
{
	problem_add(l->problems, true, l->file, pointer, remedy, "%s", text);
}

static const char *pointer_to(const struct loading *l, const char *name)
{
	return pointer_member(l->arena, l->pointer, name);
}

static bool is_one_of(const char *const *names, const char *name)
{
	for (; name && *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void check_prompt(const struct loading *l)
{
	static const char *const words[] = { "none", "login", "consent", "select_account", NULL };
	struct json_object *prompt = json_get(l->doc, "prompt");
	bool off =
	    json_object_is_type(prompt, json_type_boolean) && !json_object_get_boolean(prompt);

	if (prompt && !off && !is_one_of(words, json_get_string(l->doc, "prompt")))
		fault(l, pointer_to(l, "prompt"),
		    "write false, or one of: none login consent select_account",
		    "option 'prompt' must be false or one of: none login consent select_account");
}

/* A manual registration: where its options stand, and what they leave out. */
static void check_manual(const struct loading *l, struct json_object *from, const char *pointer)
{
	const char *method = json_get_string(from, "tokenEndpointAuthMethod");
	bool secret = json_get(from, "clientSecret") != NULL;

	if (!json_get(from, "clientId"))
		fault(l, pointer, "add 'clientId'",
		    "option 'clientId' is missing: the registration is manual");
	if (method && !secret && strcmp(method, "none") != 0)
		fault(l, pointer, "add 'clientSecret', or use none",
		    "tokenEndpointAuthMethod needs a client secret");
	if (method && secret && !strcmp(method, "none"))
		fault(l, pointer, "remove 'clientSecret', or choose another method",
		    "tokenEndpointAuthMethod none goes with no client secret");
}

static void check_auto(const struct loading *l, struct json_object *registration)
{
	static const char *const manual[] = { "clientId", "clientSecret",
		"tokenEndpointAuthMethod" };
	const char *pointer = pointer_to(l, "clientRegistration");

	for (size_t i = 0; i < sizeof(manual) / sizeof(manual[0]); i++)
		if (json_get(registration, manual[i]))
			fault(l, pointer_member(l->arena, pointer, manual[i]),
			    "write \"mode\": \"manual\", or remove it",
			    "the option goes with mode manual only");
}

static void check_registration(const struct loading *l)
{
	static const char *const flat[] = { "clientId", "clientSecret", "tokenEndpointAuthMethod" };
	struct json_object *nested = json_get(l->doc, "clientRegistration");
	const char *mode = json_get_string(nested, "mode");
	bool is_flat = false;

	for (size_t i = 0; i < sizeof(flat) / sizeof(flat[0]); i++)
		is_flat |= json_get(l->doc, flat[i]) != NULL;
	if (is_flat && nested)
		fault(l, pointer_to(l, "clientRegistration"), "keep one of the two forms",
		    "there are both clientRegistration and the flat options clientId, "
		    "clientSecret, "
		    "tokenEndpointAuthMethod");
	else if (is_flat)
		check_manual(l, l->doc, l->pointer);
	else if (mode && !strcmp(mode, "manual"))
		check_manual(l, nested, pointer_to(l, "clientRegistration"));
	else if (nested)
		check_auto(l, nested);
}

/* Signs once, so that a key that does not fit is found here and not by the first call. */
static void check_key(const struct loading *l, struct json_object *auth, const char *pointer)
{
	struct err why = { .code = ERR_NONE };
	const char *pem = json_get_string(auth, "privateKeyPem");

	if (!jws_sign(l->arena, pem, json_get_string(auth, "algorithm"), NULL, NULL, "{}", &why))
		fault(l, pointer_member(l->arena, pointer, "privateKeyPem"),
		    "give an RSA key with RS256 to RS512, or a key on P-256, P-384 or P-521 with ES256, ES384 or ES512; "
		    "in .env, PEM stands in double quotes with \\n between its lines",
		    "privateKeyPem is no private key (PEM) that the algorithm fits");
}

/* What belongs to the other way to authenticate. */
static void check_others(const struct loading *l, struct json_object *auth, const char *pointer, bool key)
{
	static const char *const of_key[] = { "privateKeyPem", "algorithm", "keyId", "audience",
		"expiresInSeconds", NULL };
	static const char *const of_secret[] = { "clientSecret", NULL };

	for (const char *const *name = key ? of_secret : of_key; *name; name++)
		if (json_get(auth, *name))
			fault(l, pointer_member(l->arena, pointer, *name), "remove it, or choose another method",
			    "the option means nothing with this method");
}

static void check_client_auth(const struct loading *l, const char *side)
{
	struct json_object *auth =
	    json_get(json_get(json_get(l->doc, "idJag"), side), "clientAuth");
	const char *method = json_get_string(auth, "method");
	const char *pointer = pointer_member(
	    l->arena, pointer_member(l->arena, pointer_to(l, "idJag"), side), "clientAuth");
	bool key = method && !strcmp(method, "private_key_jwt");

	if (key && (!json_get(auth, "privateKeyPem") || !json_get(auth, "algorithm")))
		fault(l, pointer, "add 'privateKeyPem' and 'algorithm'",
		    "private_key_jwt needs privateKeyPem and algorithm");
	else if (key)
		check_key(l, auth, pointer);
	if (method && !key && !json_get(auth, "clientSecret"))
		fault(l, pointer, "add 'clientSecret'", "the method needs clientSecret");
	check_others(l, auth, pointer, key);
}

static void check_id_jag(const struct loading *l)
{
	static const char *const others[] = { "scopes", "scopeDelimiter", "prompt",
		"clientRegistration", "clientId", "clientSecret", "tokenEndpointAuthMethod" };

	if (!json_get(l->doc, "idJag")) {
		fault(
		    l, l->pointer, "add 'idJag'", "option 'idJag' is missing: authMode is id-jag");
		return;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (json_get(l->doc, others[i]))
			fault(l, pointer_to(l, others[i]), "remove it; idJag has its own",
			    "the option means nothing with authMode id-jag");
	check_client_auth(l, "idp");
	check_client_auth(l, "resourceAs");
}

static enum exchange_mode mode_of(const char *text)
{
	if (!strcmp(text, "id-jag"))
		return EXCHANGE_ID_JAG;
	return strcmp(text, "shared-oauth") ? EXCHANGE_USER : EXCHANGE_SHARED;
}

/* The scopes as one text, with the upstream's delimiter between them. */
static const char *scopes_of(struct json_object *doc, struct arena *a, const char *delimiter)
{
	struct json_object *list = json_get(doc, "scopes");
	const char *text = NULL;
	size_t n = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *scope = json_object_get_string(json_object_array_get_idx(list, i));

		text = text ? arena_printf(a, "%s%s%s", text, delimiter, scope) : arena_strdup(a, scope);
	}
	return text;
}

/* The registration that is written down, nested or flat; none: it is made when it is needed. */
static void load_registration(struct exchange_conf *c, struct json_object *doc)
{
	struct json_object *nested = json_get(doc, "clientRegistration"), *from = nested ? nested : doc;

	c->client_id = json_get_string(from, "clientId");
	c->client_secret = json_get_string(from, "clientSecret");
	c->client_auth = json_get_string(from, "tokenEndpointAuthMethod");
	if (!c->client_auth)
		c->client_auth = c->client_secret ? "client_secret_basic" : "none";
}

static void load_client(struct client_conf *c, struct json_object *auth)
{
	*c = (struct client_conf){
		.id = json_get_string(auth, "clientId"),
		.secret = json_get_string(auth, "clientSecret"),
		.auth_method = json_get_string(auth, "method"),
		.key_pem = json_get_string(auth, "privateKeyPem"),
		.key_algorithm = json_get_string(auth, "algorithm"),
		.key_id = json_get_string(auth, "keyId"),
		.audience = json_get_string(auth, "audience"),
		.expires_s = json_get_int(auth, "expiresInSeconds", ASSERTION_TTL_S),
	};
}

static const struct id_jag_conf *load_id_jag(struct json_object *doc, struct arena *a)
{
	struct id_jag_conf *c = arena_alloc(a, sizeof(*c));
	struct json_object *idp = json_get(doc, "idp"), *as = json_get(doc, "resourceAs");
	const char *delimiter = json_get_string(doc, "scopeDelimiter");
	const char *scopes = scopes_of(doc, a, delimiter && *delimiter ? delimiter : " ");

	*c = (struct id_jag_conf){
		.scopes = scopes ? scopes : "",
		.idp_token_url = json_get_string(idp, "tokenUrl"),
		.as_token_url = json_get_string(as, "tokenUrl"),
		.audience = json_get_string(as, "audience"),
		.resource = json_get_string(as, "resource"),
	};
	load_client(&c->idp_client, json_get(idp, "clientAuth"));
	load_client(&c->as_client, json_get(as, "clientAuth"));
	return c;
}

static void load_prompt(struct exchange_conf *c, struct json_object *doc)
{
	struct json_object *prompt = json_get(doc, "prompt");

	if (prompt)
		c->prompt = json_object_is_type(prompt, json_type_boolean) ? "" : json_get_string(doc, "prompt");
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct loading l = { doc, a, problems, file, pointer };
	struct exchange_conf *c = arena_alloc(a, sizeof(*c));

	*c = (struct exchange_conf){
		.use = use,
		.id = exchange_id(use),
		.display_name = json_get_string(doc, "displayName"),
		.summary = json_get_string(doc, "summary"),
		.auth_mode = json_get_string(doc, "authMode"),
		.scope_delimiter = json_get_string(doc, "scopeDelimiter"),
		.metadata_url = json_get_string(doc, "protectedResourceMetadataUrl"),
	};
	c->mode = mode_of(c->auth_mode);
	/* one connection for all callers needs none of them to be known */
	use->needs_user = c->mode != EXCHANGE_SHARED;
	if (c->mode == EXCHANGE_ID_JAG) {
		check_id_jag(&l);
		c->scope_delimiter = " ";
		c->id_jag = load_id_jag(json_get(doc, "idJag"), a);
		return c;
	}
	if (!c->scope_delimiter || !*c->scope_delimiter)
		c->scope_delimiter = " ";
	c->scopes = scopes_of(doc, a, c->scope_delimiter);
	load_prompt(c, doc);
	load_registration(c, doc);
	if (json_get(doc, "idJag"))
		fault(&l, pointer_to(&l, "idJag"), "remove it, or write \"authMode\": \"id-jag\"",
		    "option 'idJag' goes with authMode id-jag only");
	check_prompt(&l);
	check_registration(&l);
	return c;
}

const struct policy p_mcp_token_exchange = {
	.type = {
		.name = "mcp-token-exchange-inbound",
		.about = "Sends each call with the upstream's own token, a user's or a shared one.",
		.class = POLICY_EXCHANGE,
		.needs_user = true,
		.served = true,
		.options = options,
		.load = load,
	},
};
