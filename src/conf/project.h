/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A project directory as the programs see it: gateway.jsonc (or zuplo.jsonc),
 * config/routes.oas.json, config/policies.json, .env. Loaded once, immutable, shared by all
 * threads, counted by reference. Every fault found on the way is kept: a list for
 * `gatehousectl check`, and on the route that it closes.
 */
#ifndef GATEHOUSE_CONF_PROJECT_H
#define GATEHOUSE_CONF_PROJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/uri.h"
#include "conf/destination.h"
#include "conf/option.h"

/*
 * What a policy is, as far as configuration goes. src/policy and src/idp define the rows;
 * they are handed in.
 */
enum policy_class {
	POLICY_OTHER = 0,
	POLICY_OAUTH,    /* signs users in; first on its route */
	POLICY_EXCHANGE, /* mcp-token-exchange-inbound */
	POLICY_FILTER,   /* comes after the exchange */
};

struct project;
struct mcp_route;
struct policy_use;

/* Collects faults while a project is read. */
struct problems;
/*
 * Adds one: FILE relative to the project, POINTER an RFC 6901 pointer (may be ""), TEXT what is
 * wrong, REMEDY what to do. Never a value that may be secret. All are copied.
 */
void problem_add(struct problems *, bool is_error, const char *file, const char *pointer,
    const char *remedy, const char *text_fmt, ...) __attribute__((format(printf, 6, 7)));

struct policy_type {
	const char *name;  /* "set-headers-inbound" */
	const char *about; /* a sentence for the manual */
	enum policy_class class;
	bool outbound;   /* may stand in `outbound` */
	bool needs_user; /* not on public routes */
	/* false: options are checked, but a route that uses it is closed (and `check` warns) */
	bool served;
	const struct option *options; /* NULL: none */
	/*
	 * After the table was checked: what the table cannot say. Only called when the
	 * table found no error and every $env reference was resolved. May add problems
	 * (POINTER is that of the options object; an error closes the routes that use the
	 * policy); returns the compiled form, in ARENA, kept in policy_use.loaded. NULL
	 * hook: nothing to load.
	 */
	void *(*load)(struct policy_use *, struct json_object *options, struct arena *,
	    struct problems *, const char *file, const char *pointer);
};

struct policy_use { /* one entry of policies.json */
	const char *name;
	const struct policy_type *type; /* NULL: unknown (then `fault` says so) */
	/* gateway.jsonc is read when `load` runs, routes are not */
	const struct project *project;
	struct json_object *options; /* resolved; shared, read only */
	void *loaded;
	const char *module;  /* the text of a file beside the options that it acts by; set by `load`; NULL: none */
	const char *pointer; /* into config/policies.json */
	bool needs_user;     /* type->needs_user; `load` may change it */
	/* NULL: sound. `load` may set it, where this version cannot serve an option */
	const char *fault;
};

struct origin { /* one entry of publicOrigins */
	/* "https://mcp.example.com": scheme, host, port as everything we say has them */
	const char *text;
	const char *scheme, *host; /* lower case; IPv6 in brackets */
	int port;
	bool loopback;
};

/* How we authenticate at the token endpoint of the identity provider. */
enum login_method {
	LOGIN_METHOD_ANY = 0, /* as its discovery document says, else client_secret_basic */
	LOGIN_SECRET_BASIC,
	LOGIN_SECRET_POST,
	LOGIN_PRIVATE_KEY, /* private_key_jwt */
};

/* What its token endpoint answers. */
enum login_reply {
	LOGIN_REPLY_ID_TOKEN = 0, /* OpenID Connect Core, 3.1.3.3 */
	LOGIN_REPLY_WORKOS,       /* a user, and an access token that is signed */
};

/* How the subject of an identity assertion becomes a subject here. */
enum subject_mapping {
	SUBJECT_ISSUER = 0, /* "ISSUER|SUB", as a sign-in there has it */
	SUBJECT_TENANT,     /* "ISSUER#TENANT|SUB" */
	SUBJECT_ALONE,      /* "SUB" */
};

/* Who may issue identity assertion authorization grants. */
struct trusted_issuer {
	const char *issuer, *jwks_url;
	const char *const *client_ids; /* that they may name, ended by NULL; NULL: any */
	enum subject_mapping mapping;
};

/* The MCP OAuth policy in force. */
struct oauth_conf {
	const struct policy_use *use;
	bool dev_login; /* browserLogin.url is our own dev-login */
	bool discovery; /* what is NULL below is in the issuer's discovery document, if anywhere */
	const char *issuer, *jwks_url, *audience;
	const char *userinfo_url, *end_session_url;
	enum login_method login_method;
	enum login_reply login_reply;
	const char *login_extra; /* more of the query of login_url, encoded; NULL: none */
	const char *login_url, *login_token_url, *login_client_id, *login_client_secret,
	    *login_scope, *login_audience;
	bool login_pkce;
	int login_timeout_ms;
	int64_t state_ttl_s, session_ttl_s;           /* 900, 28800 */
	int64_t claims_max_age_s;                     /* 86400 */
	bool claims_require_renewal;
	int64_t access_ttl_s, refresh_ttl_s, grace_s; /* 900, 315360000, 60 */
	bool cimd_enabled;
	bool id_jag_enabled;
	const struct trusted_issuer *trusted_issuers; /* none: the provider of the sign-in */
	size_t trusted_issuers_n;
	const char *const *details_types; /* that assertions may carry, ended by NULL; NULL: none */
};

enum exchange_mode { EXCHANGE_USER, EXCHANGE_SHARED, EXCHANGE_ID_JAG };

/* Who we are at a token endpoint, where the configuration says all of it. */
struct client_conf {
	const char *id, *secret;
	const char *auth_method; /* none, client_secret_basic, client_secret_post, private_key_jwt */
	/* private_key_jwt: PEM, its algorithm, and what assertions say; NULL: no kid, the endpoint's URL */
	const char *key_pem, *key_algorithm, *key_id, *audience;
	int64_t expires_s;
};

/* How the provider's assertion becomes a token of the upstream (Cross-App Access). */
struct id_jag_conf {
	const char *scopes; /* as they are sent; "": none */
	const char *idp_token_url;
	struct client_conf idp_client;
	const char *as_token_url, *audience; /* the upstream's authorization server, and its issuer */
	const char *resource;                /* NULL: the upstream's URL */
	struct client_conf as_client;
};

/* The token exchange of a route: whose tokens its calls carry, and how they are come by. */
struct exchange_conf {
	const struct policy_use *use;
	const char *id, *display_name, *summary, *auth_mode;
	enum exchange_mode mode;      /* what auth_mode says */
	const char *scopes;           /* as they are sent; NULL: none are configured */
	const char *scope_delimiter;  /* never "" */
	const char *metadata_url;     /* protectedResourceMetadataUrl; NULL: what the upstream says */
	const char *prompt;           /* NULL: consent with offline_access; "": never */
	/* a manual registration; client_id NULL: auto */
	const char *client_id, *client_secret, *client_auth;
	const struct id_jag_conf *id_jag; /* of EXCHANGE_ID_JAG, else NULL */
};

/*
 * The upstream id of a token exchange: its option `id`, else what follows
 * "mcp-token-exchange-" in its name; NULL if neither.
 */
const char *exchange_id(const struct policy_use *);

struct mcp_route {
	const char *path; /* "/mcp/linear-v1" */
	const char *slug; /* path without its leading slash */
	const char *operation_id;
	const char *summary, *description, *version, *updated; /* may be NULL */
	const char *pointer;                                   /* into config/routes.oas.json */
	bool is_public, cors_any;
	const char *upstream_text; /* rewritePattern, resolved */
	struct uri upstream;
	const char *upstream_url;  /* without its query: where calls go */
	bool forward_search, follow_redirects, sse, bridge, cache_lists, record_arguments, record_results;
	const char *mtls_cert, *mtls_key; /* the files that mtlsCertificate names; NULL: none */
	const char *mtls_certificate;
	int timeout_ms;
	const char *const *forward_headers; /* lower case, ended by NULL; {"*"} for any */
	/* in order, the OAuth policy included; ended by NULL */
	const struct policy_use *const *inbound;
	const struct policy_use *const *outbound;
	const struct oauth_conf *oauth;       /* NULL on public routes */
	const struct exchange_conf *exchange; /* NULL: none */
	const char *fault; /* not NULL: closed; says file and pointer, never a value */
};

struct limits { /* security.md §4; bytes, counts, milliseconds */
	size_t body, form_body, url, authorization, kept_json, kept_event;
	unsigned form_pairs, json_depth;
	int connect_ms, fetch_ms, statement_ms;
	int64_t stream_comment_ms, stream_idle_ms;
};

struct rates { /* per minute; 0: off */
	int register_rate, authorize_rate, token_rate, refresh_rate;
};

struct project {
	struct arena *arena;
	const char *dir;         /* absolute */
	const char *files_dir;   /* where its files were read: `dir`, or a snapshot */
	const char *config_file; /* "gateway.jsonc" or "zuplo.jsonc" */
	const char *base_path;   /* "" or "/__zuplo" */
	const struct origin *origins;
	size_t origins_n;
	const char *const *trusted_proxies;     /* CIDRs, ended by NULL */
	const char *database, *database_listen; /* NULL: libpq's environment */
	bool prepared_statements;
	const char *keyring, *state_dir;
	/* as written, ended by NULL; NULL: the default. Ask project_allows_origin() */
	const char *const *allowed_origins;
	bool registry_enabled;
	const char *registry_path;
	struct json_object *introspection_clients; /* array or NULL */
	struct limits limits;
	struct rates rates;
	/* as written: caFile, allow, insecureHttp, certificates, timeouts; may be NULL */
	struct json_object *outbound;
	const char *log_destination;
	enum log_level log_level;
	int events_days, summary_days;
	struct json_object *events; /* as written; may be NULL */
	const struct destination *destinations;
	size_t destinations_n;
	const char *metrics_token_file; /* absolute; NULL: none */
	const struct alert_conf *alerts;
	const char *console_claim;
	const char *const *console_values;
	bool development;
	bool auto_reload; /* only with development */
	const char *const *value_files; /* files that NAME_FILE variables led to; ended by NULL */
	time_t modified;  /* the newest of the configuration files */
	struct mcp_route *routes;
	size_t routes_n;
	const struct policy_use *policies;
	size_t policies_n;
	const struct oauth_conf *oauth; /* the one in force; NULL: no OAuth endpoints (404) */
	/* not NULL: there is one, but it is faulty: OAuth endpoints answer configuration_error */
	const char *oauth_fault;
	/* not NULL: nothing loads; every path answers configuration_error with it */
	const char *fault;
	struct problems *problems;
};

struct project_options {
	const char *dir;
	/*
	 * where the configuration files are read (a snapshot); NULL: in `dir`. .env and
	 * relative paths belong to `dir` in any case
	 */
	const char *files_dir;
	const struct policy_type *const *types; /* ended by NULL */
	/* gatehousectl check: resolve everything, so that every missing variable is found */
	bool check;
	/*
	 * Which program it is for ("mcp", as struct app names it): a variable that only
	 * other programs use may be missing. Its place then holds the reference as written.
	 * NULL: all of them.
	 */
	const char *program;
};

/*
 * Reads the project. Never NULL: one that does not load has `fault` and its problems.
 * The caller holds one reference.
 */
struct project *project_load(const struct project_options *);
struct project *project_ref(struct project *);
void project_unref(struct project *);

/*
 * Where the project is: -c DIR, else GATEHOUSE_PROJECT, else the first line of
 * "gatehouse.path" beside the binary at ARGV0. In the arena; NULL with ERR_CONFIG that
 * names all three.
 */
const char *project_find_dir(struct arena *, const char *option, const char *argv0, struct err *);

/* One problem: error or warning, in the order found. False past the end. */
struct problem {
	bool is_error;
	const char *file, *pointer, *text, *remedy;
};
bool problems_at(const struct problems *, size_t i, struct problem *);
size_t problems_count(const struct problems *, bool errors);

/* The route of exactly this path, or of this operationId; NULL if none. */
const struct mcp_route *project_route(const struct project *, const char *path);
const struct mcp_route *project_route_by_operation(
    const struct project *, const char *operation_id);
/* The route when the project has exactly one (sound or not), else NULL. */
const struct mcp_route *project_only_route(const struct project *);

/* Whether two routes, of one project at different times, serve alike: the same upstream, options and policies. */
bool route_is_same(const struct mcp_route *, const struct mcp_route *);

/*
 * The public origin that a request for HOST ("host[:port]", any case) addresses: the one
 * entry of publicOrigins whose authority it is; where publicOrigins is left at its default
 * (loopback only) or with development, also any loopback host, made in ARENA. NULL: 421.
 * SCHEME is a trusted proxy's X-Forwarded-Proto, and must agree when given (NULL: not
 * given).
 */
const struct origin *project_origin(
    const struct project *, struct arena *arena, const char *host, const char *scheme);

/*
 * Whether a page of ORIGIN (the header's value) may call MCP routes: allowedOrigins and its
 * default.
 */
bool project_allows_origin(const struct project *, const char *origin);

#endif
